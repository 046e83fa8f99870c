"""The files of a node that is started beside the control plane, and how it is stopped by them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.storage.atomic import write_file
from scoreline.storage.locks import is_locked

_STOP_WITHIN = 15.0  # seconds


class Ready(Struct, frozen=True):
    """What a node prints when it is ready."""

    url: str
    pid: int


@dataclass(frozen=True)
class NodeFiles:
    """What belongs to a node, in the folder of its infrastructure's nodes."""

    folder: Path
    id: str

    @property
    def data(self) -> Path:
        """The node's own data folder."""
        return self.folder / self.id

    @property
    def lock(self) -> Path:
        """Held by the node for as long as one of its processes lives."""
        return self.folder / f"{self.id}.lock"

    @property
    def out(self) -> Path:
        """Its standard output: one line, `Ready`."""
        return self.folder / f"{self.id}.out"

    @property
    def log(self) -> Path:
        """Its standard error."""
        return self.folder / f"{self.id}.log"

    @property
    def key(self) -> Path:
        """The key of its admin API."""
        return self.folder / f"{self.id}.key"

    @property
    def port(self) -> Path:
        """The port it was given last."""
        return self.folder / f"{self.id}.port"

    @property
    def started(self) -> Path:
        """The process that was started last."""
        return self.folder / f"{self.id}.pid"

    def ready(self) -> Ready | None:
        """Where the node that was started last answers; None before it has said so."""
        try:
            first, newline, _ = self.out.read_bytes().partition(b"\n")
            return msgspec.json.decode(first, type=Ready) if newline else None
        except (OSError, msgspec.MsgspecError):
            return None

    def pid(self) -> int | None:
        """The process of the node that runs; None when none does, or it is not known."""
        if not is_locked(self.lock):
            return None
        ready = self.ready()
        if ready is not None:
            return ready.pid
        with contextlib.suppress(OSError, ValueError):
            return int(self.started.read_text("ascii"))
        return None

    def admin_key(self) -> str:
        """The key of the admin API, made when it is not there yet."""
        with contextlib.suppress(FileNotFoundError):
            return self.key.read_text("ascii").strip()
        key = secrets.token_urlsafe(32)
        write_file(self.key, key.encode() + b"\n", mode=0o600)
        return key

    def last_words(self) -> str:
        """The last line that the node said on standard error."""
        try:
            lines = self.log.read_bytes()[-2000:].decode("utf-8", "replace").split("\n")
        except OSError:
            return "it said nothing"
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")


def all_node_files(folder: Path) -> list[NodeFiles]:
    """The files of every node below the folder of all infrastructures' nodes, whether it runs or not."""
    # Those directly in it were written before a control plane had several infrastructures.
    locks = [*folder.glob("*.lock"), *folder.glob("*/*.lock")]
    return [NodeFiles(lock.parent, lock.stem) for lock in sorted(locks)]


def remove_node(files: NodeFiles) -> None:
    """Remove the files of a node that does not run. The lock goes last: by it a node is found again."""
    shutil.rmtree(files.data, ignore_errors=True)
    for path in sorted(files.folder.glob(f"{files.id}.*"), key=lambda path: path == files.lock):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        files.folder.rmdir()  # unless others are in it


def stop_node(files: NodeFiles) -> bool:
    """Stop a node, whoever started it; gives whether there was one. It may finish what it is answering."""
    if not is_locked(files.lock):
        return False
    pid = files.pid()
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if _ends_within(files, _STOP_WITHIN):
            return True
    kill_node(files)
    return True


def kill_node(files: NodeFiles) -> None:
    """Kill what is left of a node, its process and its workers, and wait for their end."""
    pid = files.pid()
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _ends_within(files, _STOP_WITHIN)


def _ends_within(files: NodeFiles, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_locked(files.lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
