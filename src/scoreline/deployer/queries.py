"""Queries through the deployer: somebody's own, asked of the nodes of a deployment as its clients do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from scoreline.core.deployment import Deployment
from scoreline.core.names import did_you_mean
from scoreline.core.service import Endpoint, LookupEndpoint
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.services import Services
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError, Unavailable
from scoreline.wire.control import TestAnswer
from scoreline.wire.control_queries import SavedQuery

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}: [ -~]{0,4000}")
_OURS = frozenset({"authorization", "connection", "content-length", "host", "transfer-encoding", "upgrade"})


class Query(Struct, frozen=True, kw_only=True):
    """What is asked. One that cannot be sent raises Invalid when it is made."""

    body: dict[str, Any]
    """Of the call: {features: {…}} or {data: {…}}."""
    headers: Mapping[str, str] = {}
    """That go with it, beside those that every query has."""

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(f"{name}: {value}") or name.lower() in _OURS:
                raise Invalid(f"the header {name[:40]!r} cannot go with a query", code="bad-header")


class Queries:
    """Asked of what is live, whichever generation that draws."""

    def __init__(self, services: Services, infrastructures: Infrastructures) -> None:
        self._services = services
        self._infrastructures = infrastructures

    def endpoint(self, deployment: Deployment, name: str | None) -> Endpoint:
        """An endpoint of what is live; None: the only one. Raises NotFound, Invalid, and Conflict."""
        if deployment.live is None:
            raise Conflict(f"deployment {deployment.id!r} has no version yet; update it to one")
        version = self._services.version(deployment.service, deployment.live.generations[0])
        endpoints = {one.id: one for one in version.service.endpoints}
        if name is None and len(endpoints) == 1:
            return next(iter(endpoints.values()))
        if name is None:
            raise Invalid(f"name one of its endpoints: {', '.join(endpoints)}", code="no-endpoint")
        if name not in endpoints:
            hint = did_you_mean(name, endpoints)
            raise NotFound(
                f"deployment {deployment.id!r} has no endpoint {name[:40]!r}; {hint}", code="no-such-endpoint"
            )
        return endpoints[name]

    def saved(self, deployment: Deployment) -> list[SavedQuery]:
        """The test queries of all generations that are live."""
        live = deployment.live.generations if deployment.live else ()
        return [
            SavedQuery(
                generation=generation,
                endpoint=endpoint.id,
                kind="lookup" if isinstance(endpoint, LookupEndpoint) else "prediction",
                number=number,
                name=query.name,
                query=query.query,
                expects=query.expect is not None,
            )
            for generation in live
            for endpoint in self._services.version(deployment.service, generation).service.endpoints
            for number, query in enumerate(endpoint.test_queries, 1)
        ]

    def ask_one(
        self, deployment: Deployment, endpoint: str | None, queries: Sequence[Query]
    ) -> list[TestAnswer]:
        """Ask the first node that answers. Raises as `endpoint`, and Unavailable when none does."""
        wanted = self.endpoint(deployment, endpoint)
        why = Unavailable(f"infrastructure {deployment.infrastructure!r} has no node; add one")
        for node in self._infrastructures.nodes(deployment.infrastructure):
            try:
                return _ask(node, deployment.deployed_service, wanted, queries)
            except Unavailable as error:
                why = error
        raise why

    def ask_each(
        self, deployment: Deployment, endpoint: str | None, queries: Sequence[Query]
    ) -> list[TestAnswer]:
        """Ask every node. Raises as `endpoint`, and Unavailable when one does not answer."""
        wanted = self.endpoint(deployment, endpoint)
        nodes = self._infrastructures.nodes(deployment.infrastructure)
        answers: list[TestAnswer] = []
        for given in on_each(nodes, lambda node: _ask(node, deployment.deployed_service, wanted, queries)):
            if isinstance(given, ScorelineError):
                raise given
            answers += given
        return answers


def _ask(node: Node, service: str, endpoint: Endpoint, queries: Sequence[Query]) -> list[TestAnswer]:
    action = "lookup" if isinstance(endpoint, LookupEndpoint) else "predict"
    answers = []
    for number, query in enumerate(queries, 1):
        answer, message = None, ""
        try:
            answer = node.api.ask(service, endpoint.id, action, query.body, headers=query.headers)
        except Unavailable:
            raise
        except ScorelineError as error:
            message = error.message
        answers.append(
            TestAnswer(
                node=node.id,
                generation=answer["apiContext"]["serviceGeneration"] if answer else "",
                endpoint=endpoint.id,
                number=number,
                name="",
                passed=answer is not None,
                message=message,
                answer=answer,
            )
        )
    return answers
