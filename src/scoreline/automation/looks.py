"""What triggers watch, looked at in processes of their own: a slow database or a large file holds up none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from scoreline.automation.detached import DetachedStep
from scoreline.automation.step_result import Task
from scoreline.core.dataset import FilesDataset, ManagedDataset
from scoreline.core.names import shortened
from scoreline.core.project import Project
from scoreline.core.scenario_trigger import DatasetTrigger, SqlTrigger
from scoreline.errors import Invalid
from scoreline.storage.catalog_triggers import TriggerKey
from scoreline.storage.workspace import Workspace

BY = "scoreline"
_LIMIT = 600.0  # seconds
_MOST = 4
"""Processes at once."""

Stamp = tuple[tuple[str, int, int, int, int], ...]
Seconds = Callable[[], float]


@dataclass(frozen=True)
class Watched:
    """What a trigger watches, in a project as it is now."""

    project: Project
    folder: Path
    trigger: DatasetTrigger | SqlTrigger


@dataclass
class _Last:
    """The last look of a trigger."""

    begun: float
    stamp: Stamp | None
    """Of the files, taken before they were looked at; None where there is no telling by files."""
    going: Future[str | None] | None
    found: str | None = None


class Looks:
    """The last look of each trigger."""

    def __init__(self, folder: Path, seconds: Seconds = time.monotonic) -> None:
        self._folder = folder
        self._seconds = seconds
        self._last: dict[TriggerKey, _Last] = {}
        self._stopping = threading.Event()

    def tidy(self) -> None:
        """End the looks that a killed control plane has left."""
        for left in self._folder.glob("*"):
            step = DetachedStep(left)
            step.end()
            step.remove()

    def stop(self) -> None:
        """End what is being looked at."""
        self._stopping.set()
        for last in self._last.values():
            if last.going is not None:
                last.going.exception()  # waits

    @property
    def going(self) -> int:
        """How many are being looked at, or have been found and not been asked for."""
        return sum(one.going is not None for one in self._last.values())

    def keep(self, keys: set[TriggerKey]) -> None:
        """Forget what all other triggers have found."""
        for key in [key for key, last in self._last.items() if key not in keys and last.going is None]:
            del self._last[key]

    def found(self, key: TriggerKey, watched: Watched, *, every: float, pending: bool) -> str | None:
        """What is to be seen now; None where that is not known yet, or `every` seconds have not passed.

        `pending`: it has fired for what was found last, and waits to start: where files tell, it is said at
        once whether it still holds. Raises what a look has failed with, once.
        """
        last = self._last.get(key)
        if last is not None and last.going is not None:
            if not last.going.done():
                return None
            going, last.going = last.going, None
            last.found = going.result()
            return last.found
        passed = last is None or self._seconds() - last.begun >= every
        if not passed and not pending:
            return None
        stamp = _stamp(watched)
        if last is not None and last.found is not None and stamp is not None and last.stamp == stamp:
            last.begun = self._seconds() if passed else last.begun
            return last.found
        if passed and self.going < _MOST:
            self._last[key] = _Last(self._seconds(), stamp, self._begun(key, watched))
        return None

    def _begun(self, key: TriggerKey, watched: Watched) -> Future[str | None]:
        future: Future[str | None] = Future()

        def look() -> None:
            try:
                future.set_result(self._looked(key, watched))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=look, name=f"look-{'-'.join(key)}", daemon=True).start()
        return future

    def _looked(self, key: TriggerKey, watched: Watched) -> str | None:
        """What a process finds; None when the control plane stops."""
        step = DetachedStep(self._folder / f"{'-'.join(key)}-{time.monotonic_ns()}")
        task = Task(project=str(watched.folder), work=watched.trigger, by=BY)
        deadline = time.monotonic() + _LIMIT
        try:
            result = step.run(
                task,
                repeatable=False,
                may_go_on=lambda: not self._stopping.is_set() and time.monotonic() < deadline,
            )
        finally:
            step.end()
            step.remove()
        if result is None:
            if self._stopping.is_set():
                return None
            raise Invalid(f"trigger {_name(watched)} has looked for more than {_LIMIT:g} seconds")
        if result.outcome != "SUCCESS":
            raise Invalid(f"trigger {_name(watched)}: {result.message}")
        return str(result.outputs["seen"])


def _name(watched: Watched) -> str:
    kind = watched.trigger.__struct_config__.tag
    return shortened(watched.trigger.name) if watched.trigger.name else f"of kind {kind}"


def _stamp(watched: Watched) -> Stamp | None:
    """What tells, without reading them, that files are what they were."""
    if isinstance(watched.trigger, SqlTrigger):
        return None
    found: list[tuple[str, int, int, int, int]] = []
    for name in watched.trigger.datasets:
        match watched.project.datasets.get(name):
            case FilesDataset() as dataset:
                place = watched.folder / dataset.path
                files = sorted(place.iterdir()) if place.is_dir() else [place]
            case ManagedDataset():
                files = [Workspace(watched.folder).dataset(name) / "current.json"]
            case _:
                return None
        found.extend(_stats(files))
    return tuple(found)


def _stats(files: list[Path]) -> Iterator[tuple[str, int, int, int, int]]:
    for file in files:
        try:
            found = file.stat()
        except OSError:
            continue
        yield str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
