"""The nursery: a process that has imported what heavy work needs, and forks the processes that do it.

python -m scoreline.studio.nursery_process DESCRIPTOR MODULE... imports the modules. It ends when the control
plane does, or when no heavy work has been asked for a while. It does no work itself: a process that it bears
is as good as a new one, and there at once.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import time
import traceback
import warnings
from typing import NoReturn

import msgspec
from msgspec import Struct

IDLE = 300.0
"""Seconds without heavy work after which it ends: it holds some 270 MB."""
LONGEST_MESSAGE = 65_536  # bytes


class Bear(Struct, frozen=True, tag=True):
    """Fork a process that does `python -m MODULE FOLDER`; the descriptor of its log comes along."""

    module: str
    folder: str
    heavy: bool


class Bury(Struct, frozen=True, tag=True):
    """Take leave of a process that has ended: from now on its number may be another's."""

    pid: int


class Born(Struct, frozen=True, tag=True):
    """The answer to `Bear`; no number when there was no room for it."""

    pid: int | None


class Ended(Struct, frozen=True, tag=True):
    """A process has ended with this status; below zero when a signal ended it."""

    pid: int
    status: int


def main(descriptor: int, modules: list[str]) -> None:
    """Be the nursery."""
    # Ctrl-C reaches the whole group; the control plane decides what it means.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    awake, wakeup = socket.socketpair()
    for each in (awake, wakeup):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    with socket.socket(fileno=descriptor) as control_plane:
        for module in modules:
            importlib.import_module(module)
        # What all share is not looked at by their collections, which would copy it.
        gc.freeze()
        _work(control_plane, awake, wakeup)


def _work(control_plane: socket.socket, awake: socket.socket, wakeup: socket.socket) -> None:
    children: dict[int, bool] = {}  # whether the control plane has been told that it has ended
    asked = time.monotonic()
    while children or time.monotonic() - asked < IDLE:
        ready, _, _ = select.select([control_plane, awake], [], [], IDLE)
        if awake in ready:
            with contextlib.suppress(BlockingIOError):
                awake.recv(LONGEST_MESSAGE)
        _tell_of_the_ended(control_plane, children)
        if control_plane not in ready:
            continue
        try:
            data, descriptors, _, _ = socket.recv_fds(control_plane, LONGEST_MESSAGE, 1)
        except ConnectionResetError:
            return
        if not data:
            return
        order = msgspec.json.decode(data, type=Bear | Bury)
        if isinstance(order, Bury):
            os.waitpid(order.pid, 0)
            children.pop(order.pid, None)
            continue
        pid = _bear(order, descriptors[0], (control_plane, awake, wakeup))
        os.close(descriptors[0])
        if pid is not None:
            children[pid] = False
        if order.heavy:
            asked = time.monotonic()
        _say(control_plane, Born(pid))


def _tell_of_the_ended(control_plane: socket.socket, children: dict[int, bool]) -> None:
    for pid in [pid for pid, told in children.items() if not told]:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            children[pid] = True
            exited = ended.si_code == os.CLD_EXITED
            _say(control_plane, Ended(pid, ended.si_status if exited else -ended.si_status))


def _say(control_plane: socket.socket, message: Born | Ended) -> None:
    with contextlib.suppress(
        BrokenPipeError, ConnectionResetError
    ):  # it is gone, and so will be this process
        control_plane.send(msgspec.json.encode(message))


def _bear(order: Bear, log: int, sockets: tuple[socket.socket, ...]) -> int | None:
    """The number of a process that has a session of its own and can be killed."""
    stands, standing = os.pipe()
    try:
        with warnings.catch_warnings():
            # Threads of OpenBLAS end before a fork and begin anew; there are no others.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except OSError as error:
        sys.stderr.write(f"no process can be started: {error.strerror}\n")
        pid = None
    if pid == 0:
        os.close(stands)
        _live(order, log, standing, sockets)
    os.close(standing)
    os.read(stands, 1)  # ends when the process has closed its end, or is gone
    os.close(stands)
    return pid


def _live(order: Bear, log: int, standing: int, sockets: tuple[socket.socket, ...]) -> NoReturn:
    """Be what `python -m MODULE FOLDER` is; there is no way back into the nursery."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        os.close(standing)
        for each in sockets:
            each.close()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        _reseed()
        sys.argv = [order.module, order.folder]
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(status)


def _reseed() -> None:
    """Let no two children draw the same numbers; Python's own generator does so by itself."""
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
    os._exit(0)  # in order, libraries would complain of all that is frozen
