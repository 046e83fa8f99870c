"""The home folder: where a control plane keeps everything, and the lock that keeps a second one out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from scoreline.errors import Conflict, Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.locks import is_locked, take_lock
from scoreline.wire.control import SERVER_FILE, ServerFile

_LONGEST_LOG = 10_000_000  # bytes


@dataclass(frozen=True)
class Home:
    """Paths below the home folder."""

    folder: Path

    @property
    def catalog(self) -> Path:
        """The SQLite file of the catalog."""
        return self.folder / "catalog.sqlite"

    @property
    def artifacts(self) -> Path:
        """Folder of the published packages."""
        return self.folder / "packages"

    @property
    def nodes(self) -> Path:
        """Folder of the nodes that are started beside the control plane."""
        return self.folder / "nodes"

    @property
    def secrets(self) -> Path:
        """Folder of the secrets that were given to the control plane."""
        return self.folder / "secrets"

    @property
    def message_secrets(self) -> Path:
        """Folder of the secrets that messages of scenarios refer to as `${secret:NAME}`: one file each."""
        return self.folder / "message-secrets"

    @property
    def runs(self) -> Path:
        """Folder of the runs of scenarios: one sub-folder per run, with the logs of its steps."""
        return self.folder / "runs"

    @property
    def jobs(self) -> Path:
        """Folder of the jobs of projects: one sub-folder per build or comparison."""
        return self.folder / "jobs"

    @property
    def projects(self) -> Path:
        """The list of projects that the control plane knows."""
        return self.folder / "projects.json"

    @property
    def project_folders(self) -> Path:
        """Folder of the projects that were made on the control plane: one sub-folder each, by key."""
        return self.folder / "project-folders"

    @property
    def log(self) -> Path:
        """What a detached control plane says."""
        return self.folder / "control.log"

    @property
    def first_password(self) -> Path:
        """The one-time password of the first admin, until whoever started the control plane has seen it."""
        return self.folder / "first-password"

    @property
    def lock(self) -> Path:
        """Held by the control plane for as long as it lives."""
        return self.folder / "lock"

    def server(self) -> ServerFile | None:
        """Where the last control plane listened, or None when there was none."""
        try:
            return msgspec.json.decode((self.folder / SERVER_FILE).read_bytes(), type=ServerFile)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def open_log(self) -> BinaryIO:
        """The log, to be added to; a long one is put aside first. Raises Unavailable."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.log.exists() and self.log.stat().st_size > _LONGEST_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
            return self.log.open("ab")
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def write_server(self, server: ServerFile) -> None:
        """Say where this control plane listens."""
        write_file(self.folder / SERVER_FILE, msgspec.json.encode(server), mode=0o600)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the home for the length of the block. Raises Conflict when another control plane does."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            lock = take_lock(self.lock)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        if lock is None:
            raise Conflict(
                f"a control plane runs for {self.folder} already (process {self.holder()}); "
                "`scoreline down` stops it",
                code="already-up",
            )
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(lock)

    def holder(self) -> int | None:
        """The process that holds the home, or None when none does or it has just begun."""
        if not self.in_use():
            return None
        text = self.lock.read_text("ascii")
        return int(text) if text.isdigit() else None

    def in_use(self) -> bool:
        """Whether a control plane holds the home."""
        return is_locked(self.lock)


def _unusable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(f"the home folder {folder} cannot be used: {error.strerror}", code="home")
