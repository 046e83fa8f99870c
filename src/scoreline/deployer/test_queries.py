"""Test queries asked on a node: each against its own generation, whether that answers yet or not."""

from __future__ import annotations

from typing import Any

from scoreline.core.expectation import difference
from scoreline.core.package import PublishedVersion
from scoreline.core.service import Endpoint, LookupEndpoint, TestQuery
from scoreline.deployer.nodes import Node
from scoreline.errors import ScorelineError, Unavailable
from scoreline.wire.control import TestAnswer


def ask_test_queries(node: Node, version: PublishedVersion, service: str) -> list[TestAnswer]:
    """Ask all test queries of a version that the node has loaded as a generation of `service`.

    Raises Unavailable if the node is gone.
    """
    return [
        _ask(node, version, service, endpoint, number, query)
        for endpoint in version.service.endpoints
        for number, query in enumerate(endpoint.test_queries, 1)
    ]


def _ask(
    node: Node,
    version: PublishedVersion,
    service: str,
    endpoint: Endpoint,
    number: int,
    query: TestQuery,
) -> TestAnswer:
    action = "lookup" if isinstance(endpoint, LookupEndpoint) else "predict"
    generation = version.manifest.version
    body = {**query.query, "dispatch": {"forcedGeneration": generation}}
    answer: Any = None
    try:
        answer = node.api.ask(service, endpoint.id, action, body)
        wrong = difference(query.expect, _result(answer)) if query.expect is not None else None
    except Unavailable:
        raise
    except ScorelineError as error:
        wrong = error.message
    return TestAnswer(
        node=node.id,
        generation=generation,
        endpoint=endpoint.id,
        number=number,
        name=query.name,
        passed=wrong is None,
        message=wrong or "",
        answer=answer,
    )


def _result(answer: Any) -> Any:
    if "results" in answer:
        return answer["results"][0]
    return answer.get("result")
