"""The nursery: a process that has imported all that a worker needs, and forks the workers of a node.

python -m scoreline.node.nursery DESCRIPTOR. Started by the supervisor only; ends when the supervisor does.
It has one thread and holds nothing of the node: a worker that it bears is as good as a new process, and there
at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from typing import NoReturn

import msgspec
from msgspec import Struct

from scoreline.node.worker import Configuration, Inheritance, work

LONGEST_ORDER = 65_536  # bytes


class Bear(Struct, frozen=True, tag=True):
    """Fork a worker; its inheritance comes along. The answer is its process id, or None when it cannot be."""

    number: int
    configuration: Configuration


class Bury(Struct, frozen=True, tag=True):
    """Take leave of a worker. The answer is its exit code, or None while it runs."""

    number: int
    pid: int


class Answer(Struct, frozen=True):
    """One line of JSON. Number 0 comes by itself: the nursery is ready."""

    number: int
    """Of the order."""
    value: int | None


def main() -> None:
    """Be the nursery."""
    # Ctrl-C reaches the whole group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as supervisor:
        # What all workers share is not looked at by their collections, which would copy it.
        gc.collect()
        gc.freeze()
        _say(supervisor, Answer(0, None))
        while True:
            data, descriptors, _, _ = socket.recv_fds(supervisor, LONGEST_ORDER, len(Inheritance._fields))
            if not data:
                return
            for line in data.splitlines():
                order = msgspec.json.decode(line, type=Bear | Bury)
                if isinstance(order, Bear):
                    value = _bear(order.configuration, Inheritance(*descriptors), supervisor)
                else:
                    value = _bury(order.pid)
                _say(supervisor, Answer(order.number, value))


def _say(supervisor: socket.socket, answer: Answer) -> None:
    supervisor.sendall(msgspec.json.encode(answer) + b"\n")


def _bear(configuration: Configuration, inheritance: Inheritance, supervisor: socket.socket) -> int | None:
    try:
        pid = os.fork()
    except OSError as error:
        sys.stderr.write(f"no worker can be started: {error.strerror}\n")
        pid = None
    if pid == 0:
        supervisor.close()
        _live(configuration, inheritance)
    for descriptor in inheritance:
        os.close(descriptor)
    return pid


def _live(configuration: Configuration, inheritance: Inheritance) -> NoReturn:
    """Be a worker; there is no way back into the nursery."""
    code = 1
    try:
        for descriptor in inheritance:
            os.set_inheritable(descriptor, False)
        work(configuration, inheritance)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _bury(pid: int) -> int | None:
    """Its exit code, below zero when a signal ended it; None while it runs, or when it was born elsewhere."""
    with contextlib.suppress(ChildProcessError):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
    return None


if __name__ == "__main__":
    main()
