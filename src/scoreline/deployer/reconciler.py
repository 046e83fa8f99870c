"""The reconciler: looks at every node again and again, and brings what is missing there."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from scoreline.core.deployment import Deployment, UpdateOutcome
from scoreline.deployer import rollout
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.local_node import LocalNode
from scoreline.deployer.observations import Observed, observe
from scoreline.deployer.services import Services
from scoreline.deployer.turns import Turns
from scoreline.deployer.updates import Updates
from scoreline.errors import ScorelineError
from scoreline.storage.catalog import Catalog

_FIRST_PAUSE = 1.0  # seconds
_LONGEST_PAUSE = 300.0

_log = logging.getLogger(__name__)


@dataclass
class Trouble:
    """A node that could not be brought to what is wanted."""

    message: str
    wanted: str
    pause: float
    again_at: float


class Reconciler:
    """One thread. A node that lost its data or was restarted catches up, and needs nobody for it."""

    def __init__(
        self,
        catalog: Catalog,
        services: Services,
        infrastructures: Infrastructures,
        updates: Updates,
        turns: Turns,
        *,
        every: float,
    ) -> None:
        self._catalog = catalog
        self._services = services
        self._infrastructures = infrastructures
        self._updates = updates
        self._turns = turns
        self._every = every
        self._troubles: dict[tuple[str, str], Trouble] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def let_go(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def troubles(self, deployment: str) -> dict[str, str]:
        """Node id -> why the node could not be brought to the deployment's version, the last time."""
        known = list(self._troubles.items())
        return {node: trouble.message for (owner, node), trouble in known if owner == deployment}

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.look()
            except Exception:
                _log.exception("the reconciler failed and goes on")

    def look(self) -> None:
        """Look once at every node, and repair what differs from what is wanted."""
        self._updates.resume()
        deployments = [found for found in self._catalog.deployments() if found.version is not None]
        for infrastructure in {found.infrastructure for found in deployments}:
            for node in self._infrastructures.nodes(infrastructure):
                seen = observe([node])[0]
                if not seen.node.up:
                    continue
                for deployment in deployments:
                    if deployment.infrastructure == infrastructure and not self._stopping.is_set():
                        self._compare(deployment, node, seen)

    def _compare(self, deployment: Deployment, node: LocalNode, seen: Observed) -> None:
        place = (deployment.id, node.id)
        if seen.services.get(deployment.service) == deployment.version:
            self._troubles.pop(place, None)
            return
        before = self._troubles.get(place)
        if before and before.wanted == deployment.version and time.monotonic() < before.again_at:
            return
        with self._turns.turn(deployment.id, wait=False) as mine:
            if mine and self._still_wanted(deployment):
                self._repair(deployment, node, before)

    def _still_wanted(self, deployment: Deployment) -> bool:
        """Whether it is as it was read, and no update is under way, also one whose turn comes next."""
        newest = self._catalog.updates(deployment.id, limit=1)
        if any(update.outcome is UpdateOutcome.RUNNING for update in newest):
            return False
        return self._catalog.deployment(deployment.id) == deployment

    def _repair(self, deployment: Deployment, node: LocalNode, before: Trouble | None) -> None:
        wanted = deployment.version or ""

        def say(line: str) -> None:
            _log.info("%s, node %s: %s", deployment.id, node.id, line)

        try:
            version = self._services.version(deployment.service, wanted)
            rollout.prepare(node.api, version, self._services.archive(version), say)
            rollout.switch(node.api, version, say)
        except (ScorelineError, OSError) as error:
            pause = min(before.pause * 2, _LONGEST_PAUSE) if before else _FIRST_PAUSE
            self._troubles[deployment.id, node.id] = Trouble(
                message=str(error), wanted=wanted, pause=pause, again_at=time.monotonic() + pause
            )
            _log.warning("%s, node %s: %s; again in %.0f s", deployment.id, node.id, error, pause)
        else:
            self._troubles.pop((deployment.id, node.id), None)
