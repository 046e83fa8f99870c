"""The reconciler: looks at every node again and again, and brings what is missing there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from scoreline.core.deployment import Deployment, GenerationsMapping, UpdateOutcome
from scoreline.deployer.desired import Desired
from scoreline.deployer.difference import difference
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.nodes import Node
from scoreline.deployer.observations import Observed, observe
from scoreline.deployer.proofs import Proofs
from scoreline.deployer.removals import Removals
from scoreline.deployer.turns import Turns
from scoreline.deployer.updates import Updates
from scoreline.errors import ScorelineError
from scoreline.storage.catalog import Catalog

_FIRST_PAUSE = 1.0  # seconds
_LONGEST_PAUSE = 60.0
_AT_ONCE = 4

_log = logging.getLogger(__name__)


@dataclass
class Trouble:
    """A node that could not be brought to what is wanted."""

    message: str
    wanted: GenerationsMapping | None
    pause: float
    again_at: float


class Reconciler:
    """One thread that looks, and a few that repair. A node that was away catches up by itself."""

    def __init__(
        self,
        catalog: Catalog,
        desired: Desired,
        infrastructures: Infrastructures,
        updates: Updates,
        removals: Removals,
        turns: Turns,
        proofs: Proofs,
        *,
        every: float,
        prove_every: float,
    ) -> None:
        self._catalog = catalog
        self._desired = desired
        self._infrastructures = infrastructures
        self._updates = updates
        self._removals = removals
        self._turns = turns
        self._proofs = proofs
        self._every = every
        self._prove_every = prove_every
        self._troubles: dict[str, dict[str, Trouble]] = {}  # by deployment and node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._repairs = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="repair")
        self._in_hand: set[str] = set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def let_go(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the steps that are being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._repairs.shutdown(wait=True, cancel_futures=True)

    def troubles(self, deployment: str) -> dict[str, str]:
        """Node id -> why the node could not be brought to what is wanted, the last time."""
        known = dict(self._troubles.get(deployment, {}))
        return {node: trouble.message for node, trouble in known.items()}

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.look()
            except Exception:
                _log.exception("the reconciler failed and goes on")

    def look(self) -> None:
        """Look once at every node, and let what differs from what is wanted be repaired."""
        self._updates.resume()
        deployments = [one for one in self._catalog.deployments.all() if one.live or one.leaving]
        used = {one.infrastructure for one in deployments}
        places = [(name, node) for name in sorted(used) for node in self._infrastructures.nodes(name)]
        seen = observe([node for _, node in places])
        by_place: dict[str, list[tuple[Node, Observed]]] = {name: [] for name in used}
        for (name, node), one in zip(places, seen, strict=True):
            by_place[name].append((node, one))
        for deployment in deployments:
            differing = self._differing(deployment, by_place[deployment.infrastructure])
            if differing or deployment.leaving:
                self._submit(deployment, () if deployment.leaving else differing)
        self._forget_all_but({one.id for one in deployments})
        self._prove_one(deployments)

    def _differing(self, deployment: Deployment, places: Sequence[tuple[Node, Observed]]) -> list[Node]:
        """The nodes that differ and whose time for another try has come."""
        found: list[Node] = []
        troubles = self._troubles.get(deployment.id, {})
        for node, one in places:
            if not one.node.up:
                continue
            if difference(deployment, one) is None:
                troubles.pop(node.id, None)
                continue
            before = troubles.get(node.id)
            if before and before.wanted == deployment.live and time.monotonic() < before.again_at:
                continue
            found.append(node)
        return found

    def _forget_all_but(self, deployments: set[str]) -> None:
        for gone in self._troubles.keys() - deployments:
            del self._troubles[gone]
        self._proofs.forget_all_but(deployments)

    def _submit(self, deployment: Deployment, nodes: Sequence[Node]) -> None:
        if deployment.id in self._in_hand or self._stopping.is_set():
            return
        self._in_hand.add(deployment.id)
        self._repairs.submit(self._repair, deployment, nodes)

    def _repair(self, deployment: Deployment, nodes: Sequence[Node]) -> None:
        try:
            with self._turns.turn(deployment.id, wait=False) as mine:
                if not mine or not self._still_wanted(deployment):
                    return
                if deployment.leaving:
                    self._removals.complete(deployment)
                for node in nodes:
                    if not self._stopping.is_set():
                        self._repair_node(deployment, node)
        except ScorelineError as error:
            _log.info("%s: %s", deployment.id, error)
        except Exception:
            _log.exception("repairing %r failed", deployment.id)
        finally:
            self._in_hand.discard(deployment.id)

    def _still_wanted(self, deployment: Deployment) -> bool:
        """Whether it is as it was read, and no update is under way, also one whose turn comes next."""
        newest = self._updates.last(deployment.id).get(deployment.id)
        if newest is not None and newest.outcome is UpdateOutcome.RUNNING:
            return False
        return self._catalog.deployments.one(deployment.id) == deployment

    def _repair_node(self, deployment: Deployment, node: Node) -> None:
        troubles = self._troubles.setdefault(deployment.id, {})

        def say(line: str) -> None:
            _log.info("%s, node %s: %s", deployment.id, node.id, line)

        try:
            wanted = self._desired.of(deployment)
            self._desired.on(node, deployment).converge(wanted, say, lambda: None)
        except (ScorelineError, OSError) as error:
            before = troubles.get(node.id)
            pause = min(before.pause * 2, _LONGEST_PAUSE) if before else _FIRST_PAUSE
            troubles[node.id] = Trouble(
                message=str(error),
                wanted=deployment.live,
                pause=pause,
                again_at=time.monotonic() + pause,
            )
            _log.warning("%s, node %s: %s; again in %.0f s", deployment.id, node.id, error, pause)
        else:
            troubles.pop(node.id, None)

    def _prove_one(self, deployments: Sequence[Deployment]) -> None:
        """Ask the test queries of one deployment that was not asked for long: data may change by itself."""
        for deployment in deployments:
            if not (deployment.live and deployment.live_enabled) or deployment.leaving:
                continue
            if self._proofs.asked_ago(deployment.id) >= self._prove_every:
                try:
                    self._proofs.ask(deployment, self._infrastructures.nodes(deployment.infrastructure))
                except ScorelineError as error:  # a node that is down is seen anyway
                    _log.info("%s: its test queries cannot be asked now: %s", deployment.id, error)
                return
