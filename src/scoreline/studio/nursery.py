"""Processes of their own for steps and jobs, at once where a nursery is warm.

What trains, evaluates or compares loads libraries for two or three seconds before it begins. The first heavy
work starts a nursery that loads them (`nursery_process`); as long as that is there, it forks the processes.
Where there cannot be one, and for light work while there is none, a process is started like any other.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from scoreline.studio.nursery_process import LONGEST_MESSAGE, Bear, Born, Bury, Ended

_log = logging.getLogger(__name__)
_START_WITHIN = 60.0  # seconds: libraries on a slow disk
_POLL = 0.05  # seconds
_UNKNOWN = 1
"""The status of a process of which nobody can tell how it ended."""


class Child(Protocol):
    """A process; `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None:
        """Its exit status, below zero when a signal ended it; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, when it has ended. Raises subprocess.TimeoutExpired."""


class Nursery:
    """Starts processes. Threads may share it; one that is stopped starts them in the plain way."""

    def __init__(self, modules: Sequence[str]) -> None:
        """`modules` are what heavy work loads; without any, every process is started in the plain way."""
        self._modules = tuple(modules)
        self._turn = threading.Lock()
        self._warm: _Warm | None = None
        # Elsewhere libraries do not stand a fork.
        self._possible = bool(modules) and sys.platform == "linux"

    def start(self, module: str, folder: Path, log: int, *, heavy: bool = False) -> Child:
        """A process in a session of its own that does `python -m MODULE FOLDER`; it outlives this one.

        `log`: descriptor for what it prints. Raises OSError.
        """
        warm = self._warm
        if heavy or (warm is not None and warm.is_ready()):
            with self._turn:
                born = self._bear(Bear(module, str(folder), heavy), log)
            if born is not None:
                return born
        return _start_plainly(module, folder, log)

    def stop(self) -> None:
        """End the nursery; what it has borne goes on."""
        with self._turn:
            self._possible = False
            self._end()

    def _bear(self, order: Bear, log: int) -> Child | None:
        while self._possible:
            is_new = self._warm is None or not self._warm.is_there()
            try:
                if is_new:
                    self._end()
                    self._warm = _Warm(self._modules)
                assert self._warm is not None
                return self._warm.bear(order, log)
            except (OSError, EOFError, queue.Empty) as error:
                self._end()
                if is_new or not order.heavy:  # else it was one that has ended: another one takes its place
                    _log.warning(
                        "a process is started without the nursery: %s", error or "it does not answer"
                    )
                    break
        return None

    def _end(self) -> None:
        if self._warm is not None:
            self._warm.end()
            self._warm = None


PLAIN = Nursery(())


def _start_plainly(module: str, folder: Path, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class _Warm:
    """One nursery, as the control plane sees it."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scoreline.studio.nursery_process", str(theirs.fileno()), *modules],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._born: queue.SimpleQueue[Born | None] = queue.SimpleQueue()
        self._children: dict[int, _Forked] = {}
        self._early: dict[int, int] = {}
        """How those ended that ended before it was known here that they are born."""
        self._guard = threading.Lock()
        self._gone = self._has_answered = False
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()

    def is_there(self) -> bool:
        return not self._gone and self._process.poll() is None

    def is_ready(self) -> bool:
        return self._has_answered and self.is_there()

    def bear(self, order: Bear, log: int) -> Child:
        """Raises OSError, EOFError when the nursery is gone, and queue.Empty when it does not answer."""
        socket.send_fds(self._socket, [msgspec.json.encode(order)], [log])
        born = self._born.get(timeout=_START_WITHIN)
        if born is None:
            raise EOFError("it has ended")
        self._has_answered = True
        if born.pid is None:
            raise OSError("it has no room for one more")
        child = _Forked(born.pid)
        with self._guard:
            status = self._early.pop(born.pid, None)
            if status is None and not self._gone:
                self._children[born.pid] = child
        if status is not None:
            self._bury(child, status)
        return child

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(LONGEST_MESSAGE):
                message = msgspec.json.decode(data, type=Born | Ended)
                if isinstance(message, Born):
                    self._born.put(message)
                    continue
                with self._guard:
                    child = self._children.pop(message.pid, None)
                    if child is None:
                        self._early[message.pid] = message.status
                if child is not None:
                    self._bury(child, message.status)
        with self._guard:
            self._gone = True
            left, self._children = tuple(self._children.values()), {}
        for child in left:
            child.orphaned()
        self._born.put(None)
        self._process.wait()
        self._socket.close()

    def _bury(self, child: _Forked, status: int) -> None:
        child.ended(status)
        with contextlib.suppress(OSError):
            self._socket.send(msgspec.json.encode(Bury(child.pid)))


class _Forked:
    """A process that a nursery has borne. Its number is its own until the nursery has buried it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._over = threading.Event()
        self._status: int | None = None
        # For the time when there is nobody who could tell.
        self._end = select.poll()
        self._orphan = False
        self._descriptor = os.pidfd_open(pid)
        self._end.register(self._descriptor, select.POLLIN)
        weakref.finalize(self, os.close, self._descriptor)

    def ended(self, status: int) -> None:
        self._status = status
        self._over.set()

    def orphaned(self) -> None:
        self._orphan = True

    def poll(self) -> int | None:
        """See Child."""
        if self._status is None and self._orphan and self._end.poll(0):
            self.ended(_UNKNOWN)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """See Child."""
        left = timeout
        while self.poll() is None:
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0.0)
            pause = _POLL if left is None else min(_POLL, left)
            self._over.wait(pause)
            left = None if left is None else left - pause
        assert self._status is not None
        return self._status
