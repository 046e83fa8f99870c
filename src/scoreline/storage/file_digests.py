"""Digests of files and folders: what was written, and whether it is still the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scoreline.core.package import FileEntry
from scoreline.errors import Invalid


def file_entry(path: Path) -> FileEntry:
    """Size and SHA-256 of one file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(size=path.stat().st_size, sha256=digest)


def list_files(folder: Path) -> dict[str, FileEntry]:
    """Every file under `folder`, by its path with forward slashes, sorted by path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_entry(path) for path in found}


def check_file(folder: Path, name: str, entry: FileEntry) -> None:
    """Raise Invalid (code `damaged`) unless the file `name` under `folder` is there and equals `entry`."""
    path = folder / name
    if not path.is_file():
        raise Invalid(f"{name} is missing from {folder.name}; restore it or make it again", code="damaged")
    if file_entry(path) != entry:
        raise Invalid(
            f"{name} in {folder.name} is not what was written; restore it or make it again", code="damaged"
        )
