"""Who runs when: steps in dependency order, independent ones side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

_SIDE_BY_SIDE = 2


class Schedule:
    """Runs every step after the ones it needs, two at a time.

    `run` says whether the step's outputs are there; `skip(step, because_of)` is called in place of it where a
    step it needs has none. Steps needed but not listed count as done.
    """

    def __init__(
        self,
        steps: Sequence[str],
        needs: Mapping[str, Sequence[str]],
        run: Callable[[str], bool],
        skip: Callable[[str, str], None],
    ) -> None:
        self._waiting = list(steps)
        self._open = set(steps)
        self._without_output: set[str] = set()
        self._needs = needs
        self._run = run
        self._skip = skip
        self._changed = threading.Condition()
        self._at_work = 0
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Returns when all steps are over. Raises the first exception of `run`, after what runs beside it."""
        self._at_work = _SIDE_BY_SIDE
        for _ in range(_SIDE_BY_SIDE):
            threading.Thread(target=self._work, daemon=True).start()
        self._wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Start nothing more, and wait for what runs: it still writes."""
        self._start_nothing_more()
        self._wait()

    def _wait(self) -> None:
        # Not by Thread.join: in Python 3.11 one that Ctrl-C interrupts takes the thread for ended.
        with self._changed:
            self._changed.wait_for(lambda: self._at_work == 0)

    def _start_nothing_more(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            self._run_all()
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def _run_all(self) -> None:
        while (step := self._take()) is not None:
            try:
                missing = next(
                    (need for need in self._needs.get(step, ()) if need in self._without_output), None
                )
                if missing is not None:
                    self._skip(step, missing)
                self._finish(step, missing is None and self._run(step))
            except BaseException as error:
                self._failure = self._failure or error
                self._start_nothing_more()
                return

    def _take(self) -> str | None:
        with self._changed:
            while self._waiting:
                for step in self._waiting:
                    if not self._open.intersection(self._needs.get(step, ())):
                        self._waiting.remove(step)
                        return step
                self._changed.wait()
            return None

    def _finish(self, step: str, has_output: bool) -> None:
        with self._changed:
            self._open.discard(step)
            if not has_output:
                self._without_output.add(step)
            self._changed.notify_all()
