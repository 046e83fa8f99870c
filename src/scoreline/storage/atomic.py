"""Writes that are there whole or not at all, whenever the process is killed or the disk is full."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scoreline.errors import Conflict

UNFINISHED = ".unfinished-"
"""How the names of files and folders begin while they are written; `sweep` removes such leftovers."""


def write_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace the file at `path`; a reader sees the old bytes or the new ones, also after a power cut."""
    with new_file(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def new_file(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Yield an empty file to fill; it replaces the one at `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it appears at `path` when the block ends well, else it is removed.

    Raises Conflict if `path` exists by then. What a killed process left is swept by `sweep`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
    try:
        yield draft
        draft.chmod(0o755)
        sync_tree(draft)
        try:
            draft.rename(path)
        except OSError as error:
            if path.exists():
                raise Conflict(f"{path.name!r} exists already; choose another name or remove it") from error
            raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    sync_folder(path.parent)


def sync_tree(folder: Path) -> None:
    """Make every file and folder under `folder` durable."""
    for root, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(root) / name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(root))


def sweep(folder: Path) -> None:
    """Remove what killed writers left directly under `folder`. Only call it while nobody writes there."""
    for leftover in folder.glob(f"{UNFINISHED}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names directly in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
