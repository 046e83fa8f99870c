"""Proof: a generation answers its own test queries as its maker expects, before anybody depends on it."""

from __future__ import annotations

from typing import Any

import msgspec

from scoreline.core.expectation import difference
from scoreline.core.names import shortened
from scoreline.core.service import Endpoint, LookupEndpoint, Service, TestQuery
from scoreline.errors import Invalid, ScorelineError
from scoreline.node.generation import Generation


def prove(generation: Generation, service: Service) -> None:
    """Ask all test queries, which warms what answers them, too. Raises Invalid for the first that fails."""
    for endpoint in service.endpoints:
        for number, query in enumerate(endpoint.test_queries, 1):
            wrong = _what_is_wrong(generation, endpoint, query)
            if wrong is not None:
                name = f" {shortened(query.name)}" if query.name else ""
                raise Invalid(
                    f"test query {number}{name} of endpoint {endpoint.id!r} fails: {wrong}",
                    code="test-query-failed",
                )


def _what_is_wrong(generation: Generation, endpoint: Endpoint, query: TestQuery) -> str | None:
    action = "lookup" if isinstance(endpoint, LookupEndpoint) else "predict"
    try:
        body = generation.call(endpoint.id, action, msgspec.json.encode(query.query))
    except ScorelineError as error:
        return error.message
    return None if query.expect is None else difference(query.expect, _result(msgspec.json.decode(body)))


def _result(answer: Any) -> Any:
    return answer["results"][0] if "results" in answer else answer["result"]
