"""Triggers at work: what is due or has changed starts its scenario, each once.

What a trigger has seen is kept in the transaction that begins the run which it fires. So whatever stops the
control plane, and however long it was away, no due time is lost and none counts twice.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scoreline.automation.firing import Firing, changed_firing, due_firing, followed_firing
from scoreline.automation.looks import BY, Looks, Seconds, Watched
from scoreline.automation.runs import Runs
from scoreline.core.names import shortened
from scoreline.core.project import Project
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import Fire, ScenarioRun
from scoreline.core.scenario_trigger import (
    DatasetTrigger,
    ScenarioTrigger,
    SqlTrigger,
    TimeTrigger,
    Trigger,
    WebhookTrigger,
    trigger_id,
)
from scoreline.errors import Conflict, NotFound, ScorelineError
from scoreline.storage.catalog import Catalog
from scoreline.storage.catalog_triggers import Seen, TriggerKey
from scoreline.storage.project_files import read_project
from scoreline.studio.project_registry import ProjectRegistry

_RUNNING = "scenario-running"
_READ_AGAIN = 5.0  # seconds, for a project that cannot be read

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
_Stamp = tuple[tuple[str, int, int, int], ...]


class Triggers:
    """Looks at all triggers of all projects again and again."""

    def __init__(
        self,
        runs: Runs,
        catalog: Catalog,
        registry: ProjectRegistry,
        folder: Path,
        *,
        every: float,
        clock: Clock = lambda: datetime.now(UTC),
        seconds: Seconds = time.monotonic,
    ) -> None:
        self._runs = runs
        self._catalog = catalog
        self._rows = catalog.triggers
        self._registry = registry
        self._every = every
        self._clock = clock
        self._seconds = seconds
        self._looks = Looks(folder / "looks", seconds)
        self._projects: dict[str, _Read] = {}
        self._pending: dict[TriggerKey, tuple[str, float]] = {}
        """What has fired and has not started yet, and since when."""
        self._told: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="triggers", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._looks.tidy()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._looks.stop()

    @property
    def is_looking(self) -> bool:
        """Whether other processes look at what triggers watch."""
        return self._looks.going > 0

    def webhook(self, project: str, scenario: str, parameters: dict[str, Any], by: str) -> ScenarioRun:
        """Fire the webhook of a scenario. Raises NotFound when it has none, or is not enabled; Conflict."""
        found = read_project(self._registry.folder(project)).scenarios.get(scenario)
        hooks = [one for one in found.triggers if isinstance(one, WebhookTrigger)] if found else []
        hook = next((one for one in hooks if one.enabled), None)
        if found is None or hook is None or not found.enabled:
            raise NotFound(
                f"scenario {shortened(scenario)} has no webhook that is enabled; add a trigger of kind "
                "webhook, or enable it",
                code="no-webhook",
            )
        fire = Fire(
            kind="webhook",
            id=trigger_id(hook),
            name=hook.name,
            reason=f"{by} has called its webhook",
            parameters=parameters,
        )
        return self._runs.start(project, scenario, fire, by=by)

    def look(self) -> None:
        """Look at every trigger once, and start what is to start. What goes wrong with one stops no other."""
        projects = dict(self._projects_now())
        self._forget(projects)
        for key, project in projects.items():
            if isinstance(project, ScorelineError):
                if project.code != "project-being-made":
                    self._tell(key, project.message)
                continue
            self._told.pop(key, None)
            for id_, scenario in project.scenarios.items():
                if scenario.enabled and scenario.triggers:
                    self._look_at(key, project, id_, scenario)

    def _loop(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.look()
                self._told.pop("", None)
            except ScorelineError as error:
                self._tell("", error.message)
            except Exception:
                _log.exception("triggers cannot be looked at now")

    def _look_at(self, key: str, project: Project, id_: str, scenario: Scenario) -> None:
        seen = self._rows.seen(key, id_)
        for trigger in scenario.triggers:
            if self._stopping.is_set():
                return
            if not trigger.enabled:
                continue
            name = (key, id_, trigger_id(trigger))
            where = f"{key}/{id_}/{trigger.name or name[2]}"
            try:
                firing = self._firing(name, project, scenario, trigger, seen.get(name[2]))
                if firing is None:
                    self._pending.pop(name, None)
                elif self._grace_over(name, trigger, firing):
                    self._start(name, firing)
                self._told.pop(where, None)
            except _NotNow:
                continue
            except ScorelineError as error:
                self._tell(where, error.message)
            except Exception as error:
                self._tell(where, f"unexpected {type(error).__name__}: {str(error)[:300]}")

    def _start(self, name: TriggerKey, firing: Firing) -> None:
        project, scenario, trigger = name
        try:
            self._runs.start(project, scenario, firing.fire, by=BY, seen=Seen(trigger, firing.seen))
        except Conflict as error:
            if error.code != _RUNNING:
                raise
            return  # it fires again when that run has ended
        self._pending.pop(name, None)

    def _grace_over(self, name: TriggerKey, trigger: Trigger, firing: Firing) -> bool:
        """Whether it has fired for as long as its grace is, and nothing has changed again meanwhile."""
        what, since = self._pending.get(name, (None, 0.0))
        changed = isinstance(trigger, DatasetTrigger | SqlTrigger) and what != firing.seen
        if what is None or changed:
            since = self._seconds()
            self._pending[name] = (firing.seen, since)
        return self._seconds() - since >= trigger.grace

    def _firing(
        self, name: TriggerKey, project: Project, scenario: Scenario, trigger: Trigger, seen: str | None
    ) -> Firing | None:
        """What a trigger fires now. At its first look it only keeps what it sees."""
        match trigger:
            case TimeTrigger():
                if seen is None:
                    self._keep(name, self._clock().isoformat())
                    return None
                return due_firing(trigger, scenario.missed, seen, self._clock())
            case ScenarioTrigger():
                return self._followed(name, trigger, seen)
            case DatasetTrigger() | SqlTrigger():
                return self._changed(name, project, trigger, seen)
            case WebhookTrigger():
                return None

    def _followed(self, name: TriggerKey, trigger: ScenarioTrigger, seen: str | None) -> Firing | None:
        ended = self._catalog.runs.ended_after(name[0], trigger.scenario, int(seen or 0))
        last = ended[-1][0] if ended else 0
        if seen is None:
            self._keep(name, str(last))
            return None
        firing = followed_firing(trigger, ended)
        if firing is None and ended:
            self._keep(name, str(last))
            return None
        return firing

    def _changed(
        self, name: TriggerKey, project: Project, trigger: DatasetTrigger | SqlTrigger, seen: str | None
    ) -> Firing | None:
        watched = Watched(project, self._registry.folder(name[0]), trigger)
        pending = name in self._pending
        every = min(trigger.every, trigger.grace or trigger.every) if pending else trigger.every
        found = self._looks.found(name, watched, every=every, pending=pending)
        if found is None:
            raise _NotNow
        if seen is None:
            self._keep(name, found)
            return None
        return changed_firing(trigger, seen, found)

    def _keep(self, name: TriggerKey, seen: str) -> None:
        self._rows.note(name[0], name[1], Seen(name[2], seen))

    def _projects_now(self) -> Iterator[tuple[str, Project | ScorelineError]]:
        """Every project, or why it cannot be read; read again when one of its files has changed."""
        for key in self._registry.keys():  # noqa: SIM118 - no mapping
            try:
                folder = self._registry.folder(key)
            except ScorelineError as error:
                yield key, error
                continue
            stamp = tuple(_stamps(folder))
            known = self._projects.get(key)
            if known is None or known.stamp != stamp or known.until < self._seconds():
                known = self._projects[key] = self._read_anew(folder, stamp)
            yield key, known.found

    def _read_anew(self, folder: Path, stamp: _Stamp) -> _Read:
        try:
            return _Read(stamp, read_project(folder), math.inf)
        except ScorelineError as error:
            return _Read(stamp, error, self._seconds() + _READ_AGAIN)

    def _forget(self, projects: dict[str, Project | ScorelineError]) -> None:
        """What is gone, or no longer enabled, begins anew when it comes back."""
        known = {
            (key, id_, trigger_id(trigger))
            for key, project in projects.items()
            if isinstance(project, Project)
            for id_, scenario in project.scenarios.items()
            if scenario.enabled
            for trigger in scenario.triggers
            if trigger.enabled
        }
        broken = {key for key, project in projects.items() if not isinstance(project, Project)}
        gone = {row for row in self._rows.all() - known if row[0] not in broken}
        if gone:
            self._rows.forget(gone)
        for name in [name for name in self._pending if name not in known and name[0] not in broken]:
            del self._pending[name]
        for key in [key for key in self._projects if key not in projects]:
            del self._projects[key]
        self._looks.keep(known)

    def _tell(self, what: str, message: str) -> None:
        """Say a trouble once, until it is another one."""
        if self._told.get(what) != message:
            self._told[what] = message
            _log.warning("triggers%s: %s", f" of {what}" if what else "", message)


@dataclass(frozen=True)
class _Read:
    """A project as it was read, or why it could not be."""

    stamp: _Stamp
    found: Project | ScorelineError
    until: float
    """When it is read again, though no definition has changed."""


class _NotNow(Exception):
    """It is not known now whether a trigger fires."""


def _stamps(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    """What tells that a definition was changed."""
    for path in sorted((folder / "project.yaml", *folder.glob("*/*.yaml"))):
        try:
            found = path.stat()
        except OSError:
            continue
        yield str(path), found.st_mtime_ns, found.st_size, found.st_ino
