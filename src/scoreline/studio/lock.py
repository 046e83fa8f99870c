"""One lock per project: whoever builds, trains or packages holds it; a second one waits or is told who."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from scoreline.errors import Conflict, Unavailable
from scoreline.storage.workspace import Workspace


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds a project's lock."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""
    command: str

    def __str__(self) -> str:
        return f"{self.command!r} (process {self.pid} on {self.host}, since {self.since})"


@contextlib.contextmanager
def project_lock(
    workspace: Workspace, command: str, *, wait: bool = True, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the project for the length of the block; `command` is what others are told is going on.

    While another process or thread holds it: waits, after one message to `say`, or raises Conflict
    (code "project-locked") when `wait` is false. The kernel releases it when the holder dies. Not
    re-entrant: a block inside a block of the same thread waits for ever.
    """
    descriptor = _acquire(workspace, wait=wait, say=say)
    try:
        me = Holder(
            pid=os.getpid(),
            host=socket.gethostname(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
        )
        _write_holder(descriptor, msgspec.json.encode(me))
        yield
    finally:
        _write_holder(descriptor, b"")
        os.close(descriptor)


def holder(workspace: Workspace) -> Holder | None:
    """Who holds the lock, as far as it can be read; None when nobody does or nobody has said."""
    try:
        return msgspec.json.decode(workspace.lock.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


def _acquire(workspace: Workspace, *, wait: bool, say: Callable[[str], None] | None) -> int:
    told = False
    while True:
        descriptor = _open(workspace)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = holder(workspace) or "another process"
            if not wait:
                os.close(descriptor)
                raise Conflict(
                    f"the project is in use by {who}; wait for it, or run without --no-wait",
                    code="project-locked",
                ) from None
            if say is not None and not told:
                say(f"waiting for {who}")
                told = True
            _wait_for(descriptor)
        if _is_the_file(descriptor, workspace):
            return descriptor
        os.close(descriptor)


def _open(workspace: Workspace) -> int:
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        return os.open(workspace.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(f"cannot open the lock {workspace.lock}: {error.strerror}") from error


def _wait_for(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise


def _is_the_file(descriptor: int, workspace: Workspace) -> bool:
    # Somebody may have removed the workspace while we waited: a lock on a removed file protects nothing.
    try:
        return os.path.samestat(os.fstat(descriptor), workspace.lock.stat())
    except FileNotFoundError:
        return False


def _write_holder(descriptor: int, data: bytes) -> None:
    # It only tells others who we are: on a full disk the lock holds without it.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, data, 0)
