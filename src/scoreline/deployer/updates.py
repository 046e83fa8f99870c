"""Updates: bringing a deployment to another version, so that it ends well or leaves the old one answering.

The row in the catalog is the update: it is RUNNING until it has ended, and every step may be done twice. So a
control plane that was killed takes up again, from the first step, whatever was running.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from scoreline.core.deployment import Deployment, Update, UpdateOutcome
from scoreline.core.names import did_you_mean
from scoreline.core.package import PublishedVersion
from scoreline.deployer import rollout
from scoreline.deployer.clock import now
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.local_node import LocalNode
from scoreline.deployer.services import Services
from scoreline.deployer.turns import Turns
from scoreline.errors import NotFound, ScorelineError, Unavailable
from scoreline.storage.catalog import Catalog

_AT_ONCE = 4
_NODE_UP_WITHIN = 30.0  # seconds

_log = logging.getLogger(__name__)


class Updates:
    """Starts updates, and runs them in threads of its own."""

    def __init__(
        self, catalog: Catalog, services: Services, infrastructures: Infrastructures, turns: Turns
    ) -> None:
        self._catalog = catalog
        self._services = services
        self._infrastructures = infrastructures
        self._turns = turns
        self._in_hand: set[int] = set()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="update")

    def resume(self) -> None:
        """Take up the updates that have not ended and that no thread has in hand."""
        for update in self._catalog.running_updates():
            if update.id not in self._in_hand:
                self._say(update, "taken up again")
                self._started(update)

    def let_go(self) -> None:
        """Begin no further step; what has not ended is taken up by the next control plane."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def create(self, deployment: Deployment, version: str, by: str) -> Update:
        """Make a deployment and start its first update. Raises Conflict when there is one like it."""
        self._services.version(deployment.service, version)
        first = _new(deployment, version, by)
        return self._started(self._catalog.add_deployment(deployment, first))

    def start(self, deployment: Deployment, version: str, by: str) -> Update:
        """Start an update. Raises NotFound for an unknown version, Conflict while another one runs."""
        self._services.version(deployment.service, version)
        return self._started(self._catalog.add_update(_new(deployment, version, by)))

    def one(self, deployment: str, number: int) -> Update:
        """One update of a deployment. Raises NotFound."""
        found = self._catalog.update(number)
        if found is None or found.deployment != deployment:
            raise NotFound(f"deployment {deployment!r} has no update {number}", code="no-such-update")
        return found

    def history(self, deployment: str) -> list[Update]:
        """The last 100 updates, newest first."""
        return self._catalog.updates(deployment, limit=100)

    def last(self) -> dict[str, Update]:
        """The newest update of every deployment."""
        return self._catalog.last_updates()

    def _started(self, update: Update) -> Update:
        self._in_hand.add(update.id)
        with contextlib.suppress(RuntimeError):  # stopping: the next control plane runs it
            self._threads.submit(self._run, update)
        return update

    def _run(self, update: Update) -> None:
        try:
            with self._turns.turn(update.deployment, wait=True):
                self._run_in_turn(update)
        except Exception:
            _log.exception("update %d of %r cannot be brought to an end now", update.id, update.deployment)
        finally:
            self._in_hand.discard(update.id)

    def _run_in_turn(self, update: Update) -> None:
        deployment = self._catalog.deployment(update.deployment)
        if deployment is None:
            return
        try:
            self._apply(update, deployment)
        except ScorelineError as error:
            failure = error.message
        except Exception:
            _log.exception("update %d of %r failed", update.id, update.deployment)
            failure = "something went wrong inside; the log of the control plane says what"
        else:
            return
        if not self._stopping.is_set():
            self._fail(update, deployment, failure)

    def _apply(self, update: Update, deployment: Deployment) -> None:
        version = self._services.version(deployment.service, update.to_version)
        nodes = self._infrastructures.nodes(deployment.infrastructure)
        if not nodes:
            raise Unavailable(f"infrastructure {deployment.infrastructure!r} has no node")
        for node in nodes:
            self._prepare(update, version, node)
        for node in nodes:
            self._check_going_on()
            rollout.switch(node.api, version, self._sayer(update, node))
        self._catalog.finish_update(update, UpdateOutcome.SUCCESS, "", now())

    def _prepare(self, update: Update, version: PublishedVersion, node: LocalNode) -> None:
        say = self._sayer(update, node)
        node.wait_up(_NODE_UP_WITHIN)
        self._check_going_on()
        rollout.prepare(node.api, version, self._services.archive(version), say)
        self._check_going_on()
        rollout.prove(node.api, version, say)

    def _check_going_on(self) -> None:
        if self._stopping.is_set():
            raise Unavailable("the control plane stops")

    def _fail(self, update: Update, deployment: Deployment, why: str) -> None:
        """Let the version before answer again where it does not, and end the update."""
        for node in self._infrastructures.nodes(deployment.infrastructure):
            try:
                rollout.restore(node.api, deployment.service, deployment.version)
            except ScorelineError as error:
                self._say(update, f"cannot be restored now: {error.message}", node)
        before = deployment.version
        ending = f"{before} goes on answering" if before else "nothing answers yet"
        self._say(update, f"failed: {why}; {ending}")
        self._catalog.finish_update(update, UpdateOutcome.FAILED, why, now())

    def _sayer(self, update: Update, node: LocalNode) -> rollout.Say:
        return lambda line: self._say(update, line, node)

    def _say(self, update: Update, line: str, node: LocalNode | None = None) -> None:
        time_of_day = datetime.now(UTC).strftime("%H:%M:%S")
        where = f"node {node.id}: " if node else ""
        one_line = " ".join(line.split())
        self._catalog.log_update(update.id, f"{time_of_day} {where}{one_line}")
        _log.info("update %d of %s: %s%s", update.id, update.deployment, where, one_line)


def deployment_named(catalog: Catalog, deployment: str) -> Deployment:
    """One deployment. Raises NotFound, naming the nearest one."""
    found = catalog.deployment(deployment)
    if found is None:
        known = [other.id for other in catalog.deployments()]
        raise NotFound(
            f"no deployment {deployment!r}; {did_you_mean(deployment, known)}", code="no-such-deployment"
        )
    return found


def _new(deployment: Deployment, version: str, by: str) -> Update:
    return Update(
        id=0,
        deployment=deployment.id,
        from_version=deployment.version,
        to_version=version,
        by=by,
        started_at=now(),
        finished_at=None,
        outcome=UpdateOutcome.RUNNING,
    )
