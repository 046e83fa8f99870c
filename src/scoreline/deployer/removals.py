"""Removals: deployments that go, with everything of them on the nodes."""

from __future__ import annotations

import logging

from scoreline.core.deployment import Deployment
from scoreline.deployer.desired import Desired
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.turns import Turns
from scoreline.errors import ScorelineError, Unavailable
from scoreline.storage.catalog import Catalog

_log = logging.getLogger(__name__)


class Removals:
    """A deployment is first marked as leaving, then its nodes are cleaned, then it goes.

    So one that was cut off half-way is completed by the reconciler.
    """

    def __init__(
        self, catalog: Catalog, desired: Desired, infrastructures: Infrastructures, turns: Turns
    ) -> None:
        self._catalog = catalog
        self._desired = desired
        self._infrastructures = infrastructures
        self._turns = turns

    def delete(self, deployment: str, *, ignore_errors: bool = False, expected: int | None = None) -> None:
        """Delete a deployment, its history and all of it on the nodes.

        Raises Conflict while an update runs, and when it is not at the revision that is `expected`. Raises
        Unavailable when a node cannot be cleaned now: the deployment answers nowhere else any more and goes
        as soon as the node is back. With `ignore_errors` it goes at once, and that node keeps what it has.
        """
        leaving = self._catalog.deployments.leave(deployment, expected=expected)
        with self._turns.turn(deployment, wait=True):
            self.complete(leaving, ignore_errors=ignore_errors)

    def complete(self, leaving: Deployment, *, ignore_errors: bool = False) -> None:
        """Clean the nodes of a deployment that is leaving, and let it go. Raises Unavailable."""

        def clean(node: Node) -> None:
            def say(line: str) -> None:
                _log.info("%s, node %s: %s", leaving.id, node.id, line)

            self._desired.on(node, leaving).converge(None, say, lambda: None)

        cleaned = on_each(self._infrastructures.nodes(leaving.infrastructure), clean)
        errors = [outcome for outcome in cleaned if isinstance(outcome, ScorelineError)]
        if errors and not ignore_errors:
            raise Unavailable(
                f"deployment {leaving.id!r} is not deleted everywhere yet: {errors[0].message}; that is done "
                "when the node is back, or delete it again ignoring errors",
                code="not-deleted-everywhere",
            )
        self._catalog.deployments.remove(leaving.id)
