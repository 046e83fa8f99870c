"""Proofs: what the nodes answered to the test queries of what is live, the last time they were asked."""

from __future__ import annotations

import threading
import time

from scoreline.core.deployment import Deployment, GenerationsMapping, same_mapping
from scoreline.deployer.nodes import Node
from scoreline.deployer.services import Services
from scoreline.deployer.test_queries import ask_test_queries
from scoreline.wire.control import TestAnswer


class Proofs:
    """Kept in memory only: what was live then, and by node, which test query was answered differently."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._guard = threading.Lock()
        self._asked: dict[str, float] = {}
        self._doubts: dict[str, dict[str, tuple[GenerationsMapping, str]]] = {}  # by deployment and node

    def ask(self, deployment: Deployment, nodes: tuple[Node, ...]) -> list[TestAnswer]:
        """Ask every node the test queries of all generations that are live. Raises Unavailable."""
        live = deployment.live
        if live is None:
            return []
        self._asked[deployment.id] = time.monotonic()
        versions = [self._services.version(deployment.service, name) for name in live.generations]
        answers: list[TestAnswer] = []
        for node in nodes:
            given = [
                answer
                for version in versions
                for answer in ask_test_queries(node, version, deployment.deployed_service)
            ]
            self._note(deployment.id, node.id, live, given)
            answers += given
        return answers

    def asked_ago(self, deployment: str) -> float:
        """Seconds since the test queries were asked; when never, since the first time this was called."""
        return time.monotonic() - self._asked.setdefault(deployment, time.monotonic())

    def doubts(self, deployment: Deployment) -> dict[str, str]:
        """Node -> which test query of what is live it answers differently."""
        with self._guard:
            known = dict(self._doubts.get(deployment.id, {}))
        return {node: doubt for node, (live, doubt) in known.items() if same_mapping(live, deployment.live)}

    def forget_all_but(self, deployments: set[str]) -> None:
        """Forget the deployments that are not there any more."""
        with self._guard:
            for known in (self._asked, self._doubts):
                for gone in known.keys() - deployments:
                    del known[gone]

    def _note(self, deployment: str, node: str, live: GenerationsMapping, given: list[TestAnswer]) -> None:
        failed = next((answer for answer in given if not answer.passed), None)
        with self._guard:
            doubts = self._doubts.setdefault(deployment, {})
            doubts.pop(node, None)
            if failed is not None:
                doubt = (
                    f"test query {failed.number} of endpoint {failed.endpoint!r} in {failed.generation}: "
                    f"{failed.message}"
                )
                doubts[node] = (live, doubt)
