"""Steps in processes of their own, which outlive the control plane that started them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from scoreline.automation.step_process import LOCK, RESULT, STARTED, TASK
from scoreline.automation.step_result import StepResult, Task, failed
from scoreline.errors import Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.locks import is_locked, take_lock
from scoreline.studio.nursery import PLAIN, Child, Nursery

LOG = "log.txt"
_POLL = 0.05  # seconds
_GRACE = 5.0  # seconds between asking a process to end and killing it

_LOST = 1
"""Exit status of a process that found the work begun by another one, or could not begin it."""

LOADED = (
    "scoreline.automation.studio_steps",
    "scoreline.automation.dry_run",
    "scoreline.storage.workflows",
    "scoreline.studio.drift_again",
    "scoreline.studio.packaging",
    "scoreline.studio.recipes_model",
)
"""Modules that load what heavy steps and jobs need."""

_left: list[Child] = []
"""Processes that are to outlive this one. Python would complain of one that is forgotten."""

CUT_OFF = "it was cut off: its process has ended without a result, and may have taken effect"


class DetachedStep:
    """One try of a step, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: Child | None = None

    def run(
        self,
        task: Task,
        *,
        repeatable: bool,
        may_go_on: Callable[[], bool],
        nursery: Nursery = PLAIN,
        heavy: bool = False,
    ) -> StepResult | None:
        """The result: of the process that runs already, or else of one that is started now.

        `repeatable`: whether a try that was cut off is begun again; else it has failed. None when it may not
        go on; the process runs on then.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._cut_off():
            if not repeatable:
                return failed(CUT_OFF)
            self._forget()
        if not self._begun():
            write_file(self._folder / TASK, msgspec.json.encode(task, enc_hook=str))
            self._start(nursery, heavy=heavy)
        while may_go_on():
            if self._over():
                self._reap()
                return self._result()
            self._pause()
        return None

    def leave(self) -> None:
        """Let the process go on without this control plane: the next one finds its result."""
        if self._child is not None:
            _left.append(self._child)

    def end(self) -> None:
        """Kill the process, and let none that is only starting do the work."""
        self.kill()
        with contextlib.suppress(OSError):
            lock = take_lock(self._folder / LOCK) if self._folder.is_dir() else None
            if lock is None:
                self.kill()  # it has begun meanwhile
                return
            try:
                if not self._result_is_there():
                    write_file(self._folder / RESULT, msgspec.json.encode(failed("it was ended")))
            finally:
                os.close(lock)

    def kill(self) -> None:
        """Kill the process with all that it started. What it was to do has not been done, or not wholly."""
        pid = self._pid()
        if pid is None:
            return
        for number, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, 1.0)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and not self._over():
                self._pause()
            if self._over():
                break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it started may have stayed
        self._reap()

    def remove(self) -> None:
        """Remove the folder of the step."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, nursery: Nursery, *, heavy: bool) -> None:
        module = "scoreline.automation.step_process"
        try:
            with (self._folder / LOG).open("ab") as log:
                self._child = nursery.start(module, self._folder, log.fileno(), heavy=heavy)
        except OSError as error:
            raise Unavailable(f"the process of the step cannot be started: {error.strerror}") from error

    def _reap(self) -> None:
        """Wait for a process of ours whose work is over; one that lingers on is killed."""
        if self._child is None:
            return
        try:
            self._child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def _over(self) -> bool:
        """Whether the process has ended, with a result or without."""
        if (self._folder / RESULT).exists():
            return True
        if self._child is not None:
            status = self._child.poll()
            if status != _LOST:
                return status is not None  # whatever it forked may hold the lock still
        return not is_locked(self._folder / LOCK)

    def _begun(self) -> bool:
        return (self._folder / RESULT).exists() or is_locked(self._folder / LOCK)

    def _cut_off(self) -> bool:
        return (self._folder / STARTED).exists() and not self._begun() and not self._result_is_there()

    def _result_is_there(self) -> bool:
        return (self._folder / RESULT).exists()

    def _forget(self) -> None:
        for name in (STARTED, TASK):
            (self._folder / name).unlink(missing_ok=True)

    def _result(self) -> StepResult:
        try:
            return msgspec.json.decode((self._folder / RESULT).read_bytes(), type=StepResult)
        except (OSError, msgspec.MsgspecError):
            return failed(self._why_none())

    def _why_none(self) -> str:
        code = self._child.poll() if self._child is not None else None
        if code is not None and code < 0:
            return f"its process was killed by signal {-code}; there may not be enough memory"
        return CUT_OFF

    def _pid(self) -> int | None:
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                return self._child.pid
        while is_locked(self._folder / LOCK):
            with contextlib.suppress(OSError, ValueError):
                return int((self._folder / LOCK).read_text("ascii"))
            time.sleep(_POLL)  # it has the lock, and writes its number next
        return None

    def _pause(self) -> None:
        if self._child is None:
            time.sleep(_POLL)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_POLL)
            time.sleep(0.005)


def remove_folder(folder: Path) -> None:
    """Remove what a run has left."""
    shutil.rmtree(folder, ignore_errors=True)
