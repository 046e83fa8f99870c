"""Turns: who may change what the nodes serve for a deployment, one at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """One turn per deployment, between the threads of one control plane."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def turn(self, deployment: str, *, wait: bool) -> Iterator[bool]:
        """Yield whether it is this thread's turn; with `wait` it always is, in the end."""
        with self._guard:
            lock = self._locks.setdefault(deployment, threading.Lock())
        mine = lock.acquire(blocking=wait)
        try:
            yield mine
        finally:
            if mine:
                lock.release()
