"""Updates: bringing another mapping live, so that it ends well or leaves the old one answering.

The row in the catalog is the update: it is RUNNING until it has ended, and every step may be done twice. So a
control plane that was killed takes up again, from the first step, whatever was running.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from scoreline.core.deployment import Deployment, GenerationsMapping, Update, UpdateKind, UpdateOutcome
from scoreline.core.names import did_you_mean
from scoreline.deployer.clock import now
from scoreline.deployer.desired import Desired
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.turns import Turns
from scoreline.deployer.update_run import Halted, UpdateRun
from scoreline.errors import Conflict, NotFound, ScorelineError
from scoreline.storage.catalog import Catalog

_AT_ONCE = 4
_TRIES = 5
_INSIDE = "something went wrong inside; the log of the control plane says what"

Change = Callable[[Deployment], Deployment]

_log = logging.getLogger(__name__)


class Updates:
    """Starts updates, and runs them in threads of its own."""

    def __init__(
        self, catalog: Catalog, desired: Desired, infrastructures: Infrastructures, turns: Turns
    ) -> None:
        self._catalog = catalog
        self._desired = desired
        self._infrastructures = infrastructures
        self._turns = turns
        self._in_hand: set[int] = set()
        self._cancelled: set[int] = set()
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="update")

    def resume(self) -> None:
        """Take up the updates that have not ended and that no thread has in hand."""
        for update in self._catalog.updates.running():
            if update.id not in self._in_hand:
                self._catalog.updates.log(
                    update.id, "taken up again by a control plane that was started anew"
                )
                self._started(update)

    def let_go(self) -> None:
        """Begin no further step; what has not ended is taken up by the next control plane."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the step that is being done."""
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def create(self, deployment: Deployment, by: str) -> Update:
        """Make a deployment and start its first update. Raises Conflict when there is one like it."""
        self._check_versions(deployment)
        first = _new(deployment, by)
        return self._started(self._catalog.deployments.add_with(deployment, first))

    def start(
        self,
        deployment: str,
        by: str,
        *,
        change: Change = lambda found: found,
        kind: UpdateKind = UpdateKind.LIGHT,
        rolling: bool = False,
        keep_live: bool = False,
        cause: str | None = None,
    ) -> Update:
        """Save a change of a deployment's settings, and start an update that brings what is saved live.

        `keep_live`: what is live already stays, whatever mapping is saved. `cause`: the step of a scenario's
        run that it is for; one of the same cause is given back instead of being started again. Raises
        NotFound for an unknown deployment or version; Conflict (code `update-running`) while another update
        runs, (code `no-mapping`) when nothing is saved to be brought live.
        """
        begun = self._catalog.updates.by_cause(cause) if cause is not None else None
        if begun is not None:
            return begun
        for attempt in range(_TRIES):
            found = deployment_named(self._catalog, deployment)
            changed = change(found)
            self._check_versions(changed)
            update = _new(changed, by, kind, rolling, found.live if keep_live else None, cause)
            try:
                if changed == found:
                    return self._started(self._catalog.updates.add(update))
                return self._started(self._catalog.deployments.save_with(changed, update))
            except Conflict as error:
                if error.code != "stale-revision" or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def cancel(self, deployment: str, number: int) -> Update:
        """Ask an update to end; what was live before stays. Raises NotFound; Conflict when it has ended."""
        found = self.one(deployment, number)
        if found.outcome is not UpdateOutcome.RUNNING:
            raise Conflict(f"update {number} of {deployment!r} has ended already", code="update-ended")
        self._cancelled.add(number)
        return found

    def one(self, deployment: str, number: int) -> Update:
        """One update of a deployment. Raises NotFound."""
        found = self._catalog.updates.one(number)
        if found is None or found.deployment != deployment:
            raise NotFound(f"deployment {deployment!r} has no update {number}", code="no-such-update")
        return found

    def history(self, deployment: str, *, limit: int, before: int | None = None) -> list[Update]:
        """The last updates, newest first, or the last before one of them."""
        return self._catalog.updates.of(deployment, limit=limit, before=before)

    def last(self, deployment: str | None = None) -> dict[str, Update]:
        """The newest update of every deployment, or of one, without steps and log."""
        return self._catalog.updates.last(*([] if deployment is None else [deployment]))

    def _check_versions(self, deployment: Deployment) -> None:
        if deployment.mapping is not None:
            self._desired.digests(deployment.service, deployment.mapping)

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
            self._cancelled.discard(update.id)

    def _run_in_turn(self, update: Update) -> None:
        deployment = self._catalog.deployments.one(update.deployment)
        stands = self._catalog.updates.last(update.deployment).get(update.deployment)
        if deployment is None or stands is None or stands.id != update.id or stands.finished_at:
            return  # it has ended while this thread waited for its turn
        run = self._run_of(update, deployment)
        try:
            run.apply()
            run.tidy()
        except Halted:
            if not self._stopping.is_set():
                self._end(run, update, deployment, UpdateOutcome.CANCELLED, "it was cancelled")
        except ScorelineError as error:
            if not self._stopping.is_set():
                self._end(run, update, deployment, UpdateOutcome.FAILED, error.message)
        except Exception:
            _log.exception("update %d of %r failed", update.id, update.deployment)
            if not self._stopping.is_set():
                self._end(run, update, deployment, UpdateOutcome.FAILED, _INSIDE)
        else:
            self._catalog.updates.finish(update, UpdateOutcome.SUCCESS, "", now())

    def _run_of(self, update: Update, deployment: Deployment) -> UpdateRun:
        return UpdateRun(
            update,
            deployment,
            self._infrastructures.nodes(deployment.infrastructure),
            desired=self._desired,
            rows=self._catalog.updates,
            may_go_on=lambda: not self._stopping.is_set() and update.id not in self._cancelled,
        )

    def _end(
        self, run: UpdateRun, update: Update, deployment: Deployment, outcome: UpdateOutcome, why: str
    ) -> None:
        """Let what was live before answer again where it does not, and end the update."""
        run.restore()
        before = deployment.live if deployment.live_enabled else None
        ending = f"{before} goes on answering" if before else "nothing answers"
        run.say(f"{outcome.value.lower()}: {why}; {ending}")
        self._catalog.updates.finish(update, outcome, why, now())


def deployment_named(catalog: Catalog, deployment: str) -> Deployment:
    """One deployment. Raises NotFound, naming the nearest one."""
    found = catalog.deployments.one(deployment)
    if found is None:
        known = catalog.deployments.ids()
        raise NotFound(
            f"no deployment {deployment!r}; {did_you_mean(deployment, known)}", code="no-such-deployment"
        )
    return found


def _new(
    deployment: Deployment,
    by: str,
    kind: UpdateKind = UpdateKind.LIGHT,
    rolling: bool = False,
    mapping: GenerationsMapping | None = None,
    cause: str | None = None,
) -> Update:
    """An update to what is saved, or to another mapping. Raises Conflict when there is neither."""
    to_mapping = mapping or deployment.mapping
    if to_mapping is None:
        raise Conflict(
            f"deployment {deployment.id!r} has no generations mapping yet; save one first", code="no-mapping"
        )
    return Update(
        id=0,
        deployment=deployment.id,
        kind=kind,
        rolling=rolling,
        enabled=deployment.enabled,
        from_mapping=deployment.live,
        to_mapping=to_mapping,
        by=by,
        started_at=now(),
        cause=cause,
    )
