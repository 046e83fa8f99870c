"""Who runs when: steps in dependency order, independent ones side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

_SIDE_BY_SIDE = 2


def run_in_order(
    steps: Sequence[str],
    needs: Mapping[str, Sequence[str]],
    run: Callable[[str], bool],
    skip: Callable[[str, str], None],
) -> None:
    """Run every step after the ones it needs, two at a time; returns when all are over.

    `run` says whether the step's outputs are there; `skip(step, because_of)` is called in place of it where a
    step it needs has none. Steps needed but not listed count as done. The first exception of `run` is raised
    here, after the steps that run beside it.
    """
    schedule = _Schedule(steps, needs, run, skip)
    workers = [threading.Thread(target=schedule.work, daemon=True) for _ in range(_SIDE_BY_SIDE)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException:
        # Interrupted: nothing new starts, and what runs is awaited, since it still writes under our lock.
        schedule.stop()
        for worker in workers:
            worker.join()
        raise
    if schedule.failure is not None:
        raise schedule.failure


class _Schedule:
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
        self.failure: BaseException | None = None

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def work(self) -> None:
        """Take steps and run them until none is left to start."""
        while (step := self._take()) is not None:
            try:
                missing = next(
                    (need for need in self._needs.get(step, ()) if need in self._without_output), None
                )
                if missing is not None:
                    self._skip(step, missing)
                self._finish(step, missing is None and self._run(step))
            except BaseException as error:
                self.failure = self.failure or error
                self.stop()
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
