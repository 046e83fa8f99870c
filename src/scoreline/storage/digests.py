"""Content digests of files, remembered as long as size, time and inode of a file stay what they were."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.storage.atomic import write_file

# A file changed twice within the clock's step can keep its time: what is this fresh is not remembered.
_SETTLED_NS = 2_000_000_000


class _Seen(Struct, frozen=True, array_like=True):
    size: int
    modified_ns: int
    inode: int
    sha256: str


class FileDigests:
    """SHA-256 of files below a project, kept in one small file. Safe between threads and processes."""

    def __init__(self, memory: Path, project: Path) -> None:
        self._memory = memory
        self._project = project
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] | None = None

    def digest(self, files: Sequence[Path]) -> str:
        """One digest of names and contents, in the order given."""
        whole = hashlib.sha256()
        for file in files:
            whole.update(f"{self._of(file)} {file.name}\n".encode())
        return whole.hexdigest()

    def _of(self, file: Path) -> str:
        name = file.relative_to(self._project).as_posix()
        found = file.stat()
        with self._lock:
            seen = self._known().get(name)
        state = (found.st_size, found.st_mtime_ns, found.st_ino)
        if seen is not None and (seen.size, seen.modified_ns, seen.inode) == state:
            return seen.sha256
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if time.time_ns() - found.st_mtime_ns > _SETTLED_NS:
            self._remember(name, _Seen(*state, digest))
        return digest

    def _remember(self, name: str, seen: _Seen) -> None:
        with self._lock:
            known = self._known()
            known[name] = seen
            # A memory only: on a full disk or in a project that may not be written it is done without.
            with contextlib.suppress(OSError):
                write_file(self._memory, msgspec.json.encode(known))

    def _known(self) -> dict[str, _Seen]:
        if self._seen is None:
            try:
                self._seen = msgspec.json.decode(self._memory.read_bytes(), type=dict[str, _Seen])
            except (FileNotFoundError, msgspec.MsgspecError):
                self._seen = {}
        return self._seen
