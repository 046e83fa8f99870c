"""The versions of a saved model on disk, and which of them is active."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from scoreline.core.model import Signature
from scoreline.core.model_report import ModelReport
from scoreline.core.model_version import ModelVersion, next_model_version_id
from scoreline.core.names import did_you_mean, is_id
from scoreline.core.notes import Notes
from scoreline.core.package import FileEntry
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage import atomic
from scoreline.storage.file_digests import check_file, list_files
from scoreline.storage.locks import alone
from scoreline.storage.note_files import read_notes, write_notes

VERSION = "version.json"
SIGNATURE = "signature.json"
REPORT = "report.json"
PREDICTIONS = "predictions.parquet"
FEATURES = "features.parquet"
SCORER = "scorer"

_LOCK = ".lock"

T = TypeVar("T", bound=Struct)


class _Active(Struct, frozen=True, forbid_unknown_fields=True):
    version: str


@dataclass(frozen=True)
class ModelStore:
    """The folder of one saved model: `versions/<version id>/` and `active.json`.

    Reading needs no lock. Activating, noting and deleting take turns, by a lock of its own; who writes
    versions holds the project's lock. A killed writer leaves nothing that is read.
    """

    folder: Path

    @property
    def model(self) -> str:
        """The model's id."""
        return self.folder.name

    def ids(self) -> tuple[str, ...]:
        """Version ids, newest first."""
        if not self._versions.is_dir():
            return ()
        found = [path.name for path in self._versions.iterdir() if is_id(path.name) and path.is_dir()]
        return tuple(sorted(found, key=lambda name: (len(name), name), reverse=True))

    def versions(self) -> tuple[ModelVersion, ...]:
        """Every version, newest first."""
        return tuple(self.version(version_id) for version_id in self.ids())

    def version(self, version_id: str) -> ModelVersion:
        """One version; NotFound if there is none of that id."""
        return _read(self.path(version_id) / VERSION, ModelVersion)

    def signature(self, version_id: str) -> Signature:
        """What a version takes and gives."""
        return _read(self.path(version_id) / SIGNATURE, Signature)

    def report(self, version_id: str) -> ModelReport:
        """The curves, importances and distributions of a version."""
        return _read(self.path(version_id) / REPORT, ModelReport)

    def path(self, version_id: str) -> Path:
        """Folder of a version; NotFound if there is none of that id."""
        folder = self._versions / version_id
        if not is_id(version_id) or not folder.is_dir():
            known = did_you_mean(version_id, self.ids())
            raise NotFound(f"model {self.model!r} has no version {version_id[:40]!r}; {known}")
        return folder

    def active(self) -> str | None:
        """Id of the active version; None while nothing was trained."""
        pointer = self.folder / "active.json"
        return _read(pointer, _Active).version if pointer.is_file() else None

    def active_version(self) -> ModelVersion:
        """The active version; NotFound while nothing was trained."""
        version_id = self.active()
        if version_id is None:
            raise NotFound(f"model {self.model!r} has no trained version; build it first")
        return self.version(version_id)

    def activate(self, version_id: str) -> None:
        """Make a version the active one. NotFound if there is none of that id."""
        with alone(self.folder / _LOCK):
            self.path(version_id)
            pointer = msgspec.json.encode(_Active(version_id))
            atomic.write_file(self.folder / "active.json", pointer + b"\n")

    def delete(self, version_id: str) -> None:
        """Remove a version. Conflict if it is the active one."""
        with alone(self.folder / _LOCK):
            folder = self.path(version_id)
            if self.active() == version_id:
                raise Conflict(
                    f"version {version_id!r} of model {self.model!r} is active; activate another one first",
                    code="active-version",
                )
            doomed = folder.with_name(f"{atomic.UNFINISHED}{uuid.uuid4().hex}")
            folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def notes(self, version_id: str) -> Notes:
        """What people say of a version. NotFound if there is none of that id."""
        return read_notes(self.path(version_id))

    def note(self, version_id: str, notes: Notes) -> None:
        """Replace what people say of a version. NotFound if there is none of that id."""
        with alone(self.folder / _LOCK):
            write_notes(self.path(version_id), notes)

    def with_digest(self, digest: str) -> ModelVersion | None:
        """The newest version of this digest, if there is one."""
        return next((version for version in self.versions() if version.digest == digest), None)

    @contextlib.contextmanager
    def draft(self) -> Iterator[Draft]:
        """Yield a folder for the next version, which becomes one if the block calls `keep`.

        The caller holds the project's lock: what killed writers left is swept first.
        """
        self._versions.mkdir(parents=True, exist_ok=True)
        atomic.sweep(self._versions)
        draft = Draft(next_model_version_id(self.ids()))
        with contextlib.suppress(_Dropped), atomic.new_folder(self._versions / draft.id) as folder:
            draft.folder = folder
            yield draft
            if draft.version is None:
                raise _Dropped

    def check_files(self, version_id: str) -> None:
        """Raise Invalid (code `damaged`) unless every file of a version is as it was written."""
        folder, version = self.path(version_id), self.version(version_id)
        for name, entry in version.files.items():
            check_file(folder, name, entry)

    @property
    def _versions(self) -> Path:
        return self.folder / "versions"


class Draft:
    """A version being written: put its files into `folder`, then `keep` it."""

    folder: Path

    def __init__(self, version_id: str) -> None:
        self.id = version_id
        self.version: ModelVersion | None = None

    def keep(self, version: ModelVersion) -> ModelVersion:
        """Close the version: add the digests of all files and write its metadata. Call it once, last."""
        files: dict[str, FileEntry] = list_files(self.folder)
        self.version = msgspec.structs.replace(version, id=self.id, files=files)
        encoded = msgspec.json.format(msgspec.json.encode(self.version), indent=2)
        (self.folder / VERSION).write_bytes(encoded + b"\n")
        return self.version


class _Dropped(Exception):
    """The draft was not kept."""


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path.parent.name}/{path.name} cannot be read; restore it or train again", code="damaged"
        ) from error
