"""One update on its way: prepared and proved on the nodes, then switched, or all as it was before."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from scoreline.core.deployment import Deployment, StepOutcome, Update, UpdateKind, brought_live
from scoreline.deployer.clock import now
from scoreline.deployer.desired import Desired
from scoreline.deployer.node_service import NodeService, Say
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.plan import Install, WantedService
from scoreline.errors import ScorelineError, Unavailable
from scoreline.storage.catalog_updates import CatalogUpdates

_NODE_UP_WITHIN = 30.0  # seconds

_log = logging.getLogger(__name__)


class Halted(ScorelineError):
    """An update is not to go on."""

    code = "halted"


class UpdateRun:
    """Every step may be done twice: a control plane that was killed begins again with the first."""

    def __init__(
        self,
        update: Update,
        deployment: Deployment,
        nodes: Sequence[Node],
        *,
        desired: Desired,
        rows: CatalogUpdates,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._update = update
        self._deployment = deployment
        self._nodes = nodes
        self._desired = desired
        self._rows = rows
        self._may_go_on = may_go_on
        self._broken = False
        self._reached: set[str] = set()

    def apply(self) -> None:
        """Bring every node to what the update is to. Raises what the first node raised that cannot be.

        Raises Halted when it may not go on.
        """
        if not self._nodes:
            raise Unavailable(f"infrastructure {self._deployment.infrastructure!r} has no node; add one")
        if not self._update.enabled:
            self._on_all(self._disable)
        elif self._update.rolling:
            for node in self._nodes:
                self._prepare(node)
                self._switch(node)
        else:
            self._on_all(self._prepare)
            self._on_all(self._switch)

    def restore(self) -> None:
        """Let what was live answer again where it does not. A node that is down is left to the reconciler."""
        wanted = self._desired.of(self._deployment)
        self._each(self._nodes, lambda node: self._converge_if_possible(node, "restore", wanted))

    def tidy(self) -> None:
        """Once it answers: keep what was live before in memory, and free what is not needed any more."""
        wanted = self._desired.of(brought_live(self._deployment, self._update))
        self._each(self._nodes, lambda node: self._converge_if_possible(node, "tidy", wanted))

    def say(self, line: str, node: Node | None = None, step: int | None = None) -> None:
        """Add a line to the log of the update."""
        time_of_day = datetime.now(UTC).strftime("%H:%M:%S")
        where = f"node {node.id}: " if node else ""
        one_line = " ".join(line.split())
        self._rows.log(self._update.id, f"{time_of_day} {where}{one_line}", step)
        _log.info("update %d of %s: %s%s", self._update.id, self._update.deployment, where, one_line)

    def _prepare(self, node: Node) -> None:
        service = self._service(node)
        ready = self._desired.digests(self._deployment.service, self._update.to_mapping)
        with self._step(node, "reach"):
            self._reach(node)
        if self._update.kind is UpdateKind.FULL:
            self._reinstall(node, ready)
        with self._step(node, "prepare") as say:
            service.converge(WantedService(ready=ready), say, self._going_on)
            for generation in ready:
                say(f"{generation} is ready on the node")
        seen = service.look()
        if seen is not None and seen.enabled:
            self._prove(node)

    def _reinstall(self, node: Node, ready: Mapping[str, str]) -> None:
        """Send everything again, and let no worker go on with what it loaded before."""
        service = self._service(node)
        with self._step(node, "install") as say:
            for generation in ready:
                self._going_on()
                service.act(Install(generation), say)
        with self._step(node, "recycle") as say:
            self._going_on()
            service.recycle(say)

    def _prove(self, node: Node) -> None:
        with self._step(node, "prove") as say:
            for generation in self._update.to_mapping.generations:
                self._going_on()
                self._service(node).prove(generation, say)

    def _switch(self, node: Node) -> None:
        service = self._service(node)
        mapping = self._update.to_mapping
        seen = service.look()
        wanted = WantedService(
            mapping=mapping, ready=self._desired.digests(self._deployment.service, mapping)
        )
        with self._step(node, "switch") as say:
            service.converge(wanted, say, self._going_on)
            say(f"{mapping} is live")
        if seen is not None and not seen.enabled:
            self._prove(node)  # while it was disabled it refused test queries, too

    def _disable(self, node: Node) -> None:
        with self._step(node, "disable") as say:
            self._reach(node)
            self._service(node).converge(WantedService(enabled=False), say, self._going_on)

    def _reach(self, node: Node) -> None:
        node.wait_up(_NODE_UP_WITHIN, self._going_on)
        self._reached.add(node.id)

    def _converge_if_possible(self, node: Node, name: str, wanted: WantedService | None) -> None:
        with contextlib.suppress(ScorelineError), self._step(node, name) as say:
            if node.id not in self._reached:
                node.wait_up(0)  # one that says nothing is not waited for as long as a call may take
            self._service(node).converge(wanted, say, lambda: None)

    @contextlib.contextmanager
    def _step(self, node: Node, name: str) -> Iterator[Say]:
        number = self._rows.begin_step(self._update.id, node.id, name, now())
        try:
            yield lambda line: self.say(line, node, number)
        except ScorelineError as error:
            if not isinstance(error, Halted):
                self.say(f"{name} failed: {error.message}", node, number)
                self._rows.end_step(self._update.id, number, StepOutcome.FAILED, now())
            raise _located(error, node) from error
        self._rows.end_step(self._update.id, number, StepOutcome.DONE, now())

    def _service(self, node: Node) -> NodeService:
        return self._desired.on(node, self._deployment)

    def _going_on(self) -> None:
        if self._broken or not self._may_go_on():
            raise Halted("it was told to end")

    def _on_all(self, step: Callable[[Node], None]) -> None:
        """Do a step on all nodes at once; the first error counts, and no node begins anything after it."""

        def guarded(node: Node) -> None:
            try:
                step(node)
            except ScorelineError:
                self._broken = True
                raise

        errors = self._each(self._nodes, guarded)
        causes = [error for error in errors if not isinstance(error, Halted)]
        if errors:
            raise (causes or errors)[0]

    def _each(self, nodes: Sequence[Node], step: Callable[[Node], None]) -> list[ScorelineError]:
        return [outcome for outcome in on_each(nodes, step) if isinstance(outcome, ScorelineError)]


def _located(error: ScorelineError, node: Node) -> ScorelineError:
    """The same error, with the node that it happened on."""
    if isinstance(error, Halted) or error.message.startswith(f"node {node.id!r}"):
        return error
    return Unavailable(f"node {node.id!r}: {error.message}", code=error.code)
