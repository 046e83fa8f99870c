"""Looks at datasets, kept by content; taken by processes of their own, for reading rows takes much memory."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from scoreline.core.column_statistics import DatasetStatistics
from scoreline.core.dataset import FilesDataset, ManagedDataset
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Project
from scoreline.errors import NotFound, Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.storage.written_rows import current
from scoreline.wire.problems import Problem, raise_problem

MOST_SAMPLE_ROWS = 1_000
_WITHIN = 120.0  # seconds
_turns = threading.Semaphore(2)

T = TypeVar("T")


class _Kept(Struct, frozen=True):
    """A look, and of which content."""

    of: str
    look: msgspec.Raw


class Look(Struct, frozen=True):
    """What the process says: a look, or why there is none."""

    found: msgspec.Raw = msgspec.Raw(b"null")
    problem: Problem | None = None


def dataset_sample(folder: Path, dataset_id: str, rows: int) -> DatasetSample:
    """The first rows of a dataset, at most 1,000.

    Raises NotFound (no such dataset or file; code `not-built` when its recipe has not run), Invalid naming
    what is wrong in a file, Unavailable when the rows cannot be read now.
    """
    whole = _look(folder, dataset_id, "sample", DatasetSample)
    return msgspec.structs.replace(whole, sample=whole.sample[:rows])


def dataset_statistics(folder: Path, dataset_id: str) -> DatasetStatistics:
    """Statistics of the columns of a dataset. Raises as `dataset_sample`."""
    return _look(folder, dataset_id, "statistics", DatasetStatistics)


def check_dataset(project: Project, dataset_id: str) -> None:
    """Raise NotFound, naming the nearest, unless the project has a dataset of this id."""
    if dataset_id not in project.datasets:
        hint = did_you_mean(dataset_id, project.datasets)
        raise NotFound(f"the project has no dataset {shortened(dataset_id)}; {hint}", code="no-such-dataset")


def _look(folder: Path, dataset_id: str, what: str, kind: type[T]) -> T:
    project = read_project(folder)
    check_dataset(project, dataset_id)
    kept = Workspace(folder).root / "looks" / dataset_id / f"{what}.json"
    of = _content(project, folder, dataset_id)
    found = _kept(kept, of)
    if found is None:
        with _turns:
            found = _kept(kept, of) or _taken(folder, dataset_id, what)
        if of is not None:
            # A memory only: on a full disk or in a project that may not be written it is done without.
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_file(kept, msgspec.json.encode(_Kept(of, msgspec.Raw(found))))
    return msgspec.json.decode(found, type=kind)


def _taken(folder: Path, dataset_id: str, what: str) -> bytes:
    module = "scoreline.studio.dataset_look"
    return look_by(module, [str(folder), dataset_id, what], f"dataset {dataset_id!r}")


def look_by(module: str, arguments: Sequence[str], named: str, given: bytes = b"") -> bytes:
    """What a module finds, run in a process of its own. Raises what it says, and Unavailable."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=_WITHIN)
        look = msgspec.json.decode(done.stdout, type=Look)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"{named} is too large to be looked at within {_WITHIN:.0f} s", code="too-large"
        ) from error
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise Unavailable(f"{named} cannot be looked at now; there may not be enough memory") from error
    if look.problem is not None:
        raise_problem(look.problem)
    return bytes(look.found)


def _kept(kept: Path, of: str | None) -> bytes | None:
    if of is None:
        return None
    try:
        found = msgspec.json.decode(kept.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    return bytes(found.look) if found.of == of else None


def _content(project: Project, folder: Path, dataset_id: str) -> str | None:
    """Which content a look would be of, told without reading it; None: that cannot be told."""
    dataset = project.datasets[dataset_id]
    match dataset:
        case ManagedDataset():
            written = current(Workspace(folder).dataset(dataset_id))
            if written is None:
                raise NotFound(f"dataset {dataset_id!r} has no rows yet; build it first", code="not-built")
            state: list[object] = [written.digest]
        case FilesDataset():
            place = folder / dataset.path
            files = sorted(place.iterdir()) if place.is_dir() else [place]
            try:
                found = [(file.name, file.stat()) for file in files]
            except OSError:
                return None  # who reads it says what is wrong
            state = [(name, one.st_size, one.st_mtime_ns, one.st_ino) for name, one in found]
        case _:
            return None
    return hashlib.sha256(msgspec.json.encode([dataset, state])).hexdigest()
