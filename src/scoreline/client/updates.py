"""Calls on updates of deployments."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from scoreline.client.connection import Connection, path_to
from scoreline.core.deployment import GenerationsMapping, MappingEntry, UpdateKind, UpdateOutcome
from scoreline.errors import Conflict, Invalid, NotFound, Unavailable
from scoreline.wire.control import NewRollback, NewUpdate, Update

Progress = Callable[[str], None]

_FIRST_PAUSE = 0.05  # seconds
_LONGEST_PAUSE = 1.0
_AWAY = 30.0
_AT_ONCE = 50
_KINDS = tuple(kind.value for kind in UpdateKind)


class UpdateCalls:
    """What `scoreline update` and the commands on updates do."""

    _control: Connection

    def update(
        self,
        deployment: str,
        version: str | None = None,
        *,
        mapping: Mapping[str, float] | None = None,
        kind: str = "light",
        rolling: bool = False,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Bring a version, or several by a mapping, live; with neither, what is saved. No query is lost.

        `kind`: `light` loads what is missing and switches; `full` installs everything again and replaces the
        workers one by one. `rolling`: one node after the other. What was live answers until the new is.
        Raises NotFound, Conflict (code `update-running`) while another update runs, and, when it waits,
        Unavailable when the update failed and Conflict when it was cancelled.
        """
        if kind not in _KINDS:
            raise Invalid(f"there is no {kind[:20]!r} update; it is light or full")
        wanted = NewUpdate(
            version=version, mapping=mapping_of(mapping), kind=UpdateKind(kind), rolling=rolling
        )
        return self._start(deployment, "updates", wanted, wait, progress)

    def roll_back(
        self,
        deployment: str,
        version: str | None = None,
        *,
        wait: bool = True,
        progress: Progress | None = None,
    ) -> Update:
        """Go back to a version; None: to what was live before what is live now. Raises as `update`."""
        return self._start(deployment, "rollback", NewRollback(version=version), wait, progress)

    def updates(self, deployment: str, *, last: int = 100) -> tuple[Update, ...]:
        """The last updates of a deployment, newest first."""
        return self._control.all(path_to("deployments", deployment, "updates"), Update, most=last)

    def history(self, deployment: str) -> Iterator[Update]:
        """All updates of a deployment, newest first, asked for as they are read."""
        return self._control.each(path_to("deployments", deployment, "updates"), Update, at_once=_AT_ONCE)

    def one_update(self, deployment: str, number: int | None = None) -> Update:
        """One update with its steps and its log; None: the newest. Raises NotFound."""
        if number is None:
            newest = next(self.history(deployment), None)
            if newest is None:
                raise NotFound(f"deployment {deployment!r} had no update yet", code="no-such-update")
            number = newest.id
        return self._control.call("GET", path_to("deployments", deployment, "updates", number), Update)

    def cancel(self, deployment: str, number: int | None = None) -> Update:
        """Ask an update to end (None: the newest); what was live stays. It ends after the step it is in.

        Raises NotFound, and Conflict (code `update-ended`) when it has ended.
        """
        number = self.one_update(deployment).id if number is None else number
        path = path_to("deployments", deployment, "updates", number, "cancel")
        return self._control.call("POST", path, Update)

    def wait(self, update: Update, *, seconds: float = 900.0, progress: Progress | None = None) -> Update:
        """Wait until an update has ended; `progress` gets the lines of its log as they come.

        Raises Unavailable when it failed (code `update-failed`), or has not ended within `seconds`.
        """
        deadline = time.monotonic() + seconds
        path = path_to("deployments", update.deployment, "updates", update.id)
        pause, told = _FIRST_PAUSE, 0
        while True:
            update = self._looked_at(path, deadline)
            if progress is not None:
                for line in update.log[told:]:
                    progress(line)
            told = len(update.log)
            if update.outcome is not UpdateOutcome.RUNNING:
                return _ended(update)
            if time.monotonic() + pause > deadline:
                raise Unavailable(f"update {update.id} of {update.deployment!r} still runs", code="no-answer")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _looked_at(self, path: str, deadline: float) -> Update:
        """An update as it is. A control plane that is away for a moment takes it up again when it is back."""
        deadline = min(deadline, time.monotonic() + _AWAY)
        while True:
            try:
                return self._control.call("GET", path, Update)
            except Unavailable as error:
                if error.code != "no-answer" or time.monotonic() > deadline:
                    raise
            time.sleep(_LONGEST_PAUSE)

    def _start(
        self, deployment: str, what: str, wanted: object, wait: bool, progress: Progress | None
    ) -> Update:
        started = self._control.call("POST", path_to("deployments", deployment, what), Update, body=wanted)
        return self.wait(started, progress=progress) if wait else started


def mapping_of(shares: Mapping[str, float] | None) -> GenerationsMapping | None:
    """Shares as a mapping. Raises Invalid when it cannot be."""
    if shares is None:
        return None
    return GenerationsMapping(tuple(MappingEntry(name, float(share)) for name, share in shares.items()))


def _ended(update: Update) -> Update:
    if update.outcome is UpdateOutcome.CANCELLED:
        raise Conflict(f"update {update.id} of {update.deployment!r} was cancelled", code="update-cancelled")
    if update.outcome is UpdateOutcome.FAILED:
        before = update.from_mapping
        ending = f"{before} goes on answering" if before else "nothing answers yet"
        raise Unavailable(
            f"the update of {update.deployment!r} to {update.to_mapping} failed: {update.message}; {ending}",
            code="update-failed",
        )
    return update
