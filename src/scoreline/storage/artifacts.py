"""The artifact store: published packages as files, each named by the SHA-256 of its bytes."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from scoreline.errors import Invalid, Unavailable
from scoreline.storage import atomic
from scoreline.storage.file_digests import file_entry


class Artifacts:
    """A local folder of archives. Since a name says what the content is, an archive is never replaced."""

    def __init__(self, folder: Path, *, longest: int) -> None:
        self._folder = folder
        self._longest = longest
        folder.mkdir(parents=True, exist_ok=True)

    def draft(self) -> Draft:
        """A new archive to write; it is removed when its block ends, unless it was kept."""
        return Draft(self._folder, self._longest)

    def path(self, archive: str) -> Path:
        """Where an archive stands. Raises Unavailable when the store has lost it."""
        path = self._folder / f"{archive}.zip"
        if not path.is_file():
            raise Unavailable(
                f"the artifact store has lost the package {archive[:12]}…: publish it again",
                code="artifact-lost",
            )
        return path

    def check(self, archive: str) -> None:
        """Read an archive. Raises Unavailable when it is not what was kept, or lost."""
        if file_entry(self.path(archive)).sha256 != archive:
            raise Unavailable(
                f"the package {archive[:12]}… was changed in the artifact store: publish it again",
                code="artifact-damaged",
            )

    def holds(self, archive: str) -> bool:
        """Whether the archive is there, and is what was kept."""
        try:
            self.check(archive)
        except Unavailable:
            return False
        return True

    def remove(self, archive: str) -> None:
        """Remove an archive; one that is not there is no error."""
        (self._folder / f"{archive}.zip").unlink(missing_ok=True)

    def sweep(self, needed: set[str]) -> None:
        """Remove drafts and archives that nothing needs. Only call it while nobody publishes."""
        atomic.sweep(self._folder)
        for path in self._folder.glob("*.zip"):
            if path.stem not in needed:
                path.unlink(missing_ok=True)


class Draft:
    """An archive while it arrives. `path` is its file; `sha256` and `size` are those of what was written."""

    def __init__(self, folder: Path, longest: int) -> None:
        handle, name = tempfile.mkstemp(prefix=atomic.UNFINISHED, suffix=".zip", dir=folder)
        self.path = Path(name)
        self.size = 0
        self._folder = folder
        self._longest = longest
        self._file = os.fdopen(handle, "wb")
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of what was written so far."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes. Raises Invalid when the archive gets too long, Unavailable when the disk is full."""
        self.size += len(chunk)
        if self.size > self._longest:
            raise Invalid(
                f"the package is larger than {self._longest} bytes; raise the setting max_package_bytes or "
                "bundle fewer rows",
                code="body-too-large",
            )
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _full(error) from error
        self._digest.update(chunk)

    def finish(self) -> None:
        """Make what was written durable, and readable at `path`. Raises Unavailable when the disk is full."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _full(error) from error

    def keep(self) -> str:
        """Add the finished archive to the store and give its name; one that is there already stays, if it is
        sound."""
        target = self._folder / f"{self.sha256}.zip"
        if not target.exists() or file_entry(target).sha256 != self.sha256:
            self.path.chmod(0o644)
            self.path.replace(target)
            atomic.sync_folder(self._folder)
        return self.sha256

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError:
            if error is None:
                raise
        finally:
            self.path.unlink(missing_ok=True)


def _full(error: OSError) -> Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Unavailable(
            "the disk of the artifact store is full; make room and publish again", code="disk-full"
        )
    return Unavailable(f"the artifact store cannot be written: {error.strerror}", code="artifact-store")
