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
import time
import weakref
from collections.abc import Callable, Sequence
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

    @property
    def pid(self) -> int:
        """Its number. Raises ProcessLookupError when there is no such process."""

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
        self._expected: weakref.WeakSet[_Expected] = weakref.WeakSet()
        self._possible = bool(modules) and _can_be()

    def start(self, module: str, folder: Path, log: int, *, heavy: bool = False) -> Child:
        """A process in a session of its own that does `python -m MODULE FOLDER`; it outlives this one.

        `log`: descriptor for what it prints. Raises OSError. Does not wait until a nursery is warm.
        """
        warm = self._warm
        order = Bear(module, str(folder), heavy)
        if warm is not None and warm.is_ready():
            return self._started(order, log)
        if heavy and self._possible:
            expected = _Expected(self._started, order, log)
            self._expected.add(expected)
            return expected
        return _start_plainly(order, log)

    def stop(self) -> None:
        """End the nursery; what it has borne goes on, and what is expected of it is started plainly."""
        self._possible = False
        for each in tuple(self._expected):
            while not each.settled(_POLL):
                if (warm := self._warm) is not None:
                    warm.hang_up()
        with self._turn:
            self._end()

    def _started(self, order: Bear, log: int) -> Child:
        with self._turn:
            born = self._borne(order, log)
        return born or _start_plainly(order, log)

    def _borne(self, order: Bear, log: int) -> Child | None:
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


def _can_be() -> bool:
    """Whether this system can have a nursery: elsewhere libraries do not stand a fork."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an old kernel
        return False
    return True


def _start_plainly(order: Bear, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", order.module, order.folder],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


class _Warm:
    """One nursery, as the control plane sees it."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as failed, theirs:
            failed.callback(self._socket.close)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scoreline.studio.nursery_process", str(theirs.fileno()), *modules],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            failed.pop_all()
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

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self.hang_up()
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


class _Expected:
    """A process that is started as soon as the nursery is warm, or cannot be."""

    def __init__(self, start: Callable[[Bear, int], Child], order: Bear, log: int) -> None:
        self._child: Child | None = None
        self._log = os.dup(log)
        self._thread = threading.Thread(target=self._start, args=(start, order), daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its number; waits until it has one. Raises ProcessLookupError when it could not be started."""
        self.settled()
        if self._child is None:
            raise ProcessLookupError("it could not be started")
        return self._child.pid

    def settled(self, timeout: float | None = None) -> bool:
        """Whether it is started or cannot be, after waiting so long for it."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def poll(self) -> int | None:
        """See Child."""
        if not self.settled(0.0):
            return None
        return _UNKNOWN if self._child is None else self._child.poll()

    def wait(self, timeout: float | None = None) -> int:
        """See Child."""
        begun = time.monotonic()
        if not self.settled(timeout):
            raise subprocess.TimeoutExpired(["a process that is not there yet"], timeout or 0.0)
        if self._child is None:
            return _UNKNOWN
        return self._child.wait(None if timeout is None else max(0.0, timeout - time.monotonic() + begun))

    def _start(self, start: Callable[[Bear, int], Child], order: Bear) -> None:
        try:
            self._child = start(order, self._log)
        except OSError as error:
            os.write(self._log, f"the process cannot be started: {error.strerror}\n".encode())
        finally:
            os.close(self._log)


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
