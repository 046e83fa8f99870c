"""The evaluations of one evaluation store on disk."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.evaluation import Evaluation, is_recipe_id, next_evaluation_id, next_given_id
from scoreline.core.names import did_you_mean, is_id
from scoreline.core.notes import Notes
from scoreline.errors import Invalid, NotFound
from scoreline.storage.atomic import UNFINISHED, new_folder, sweep
from scoreline.storage.locks import alone
from scoreline.storage.note_files import read_notes, write_notes

EVALUATION = "evaluation.json"
_LOCK = ".lock"


class _Made(Struct, frozen=True):
    created_at: str


@dataclass(frozen=True)
class Evaluations:
    """The folder of one evaluation store: a folder for each evaluation.

    Writers take turns, by a lock of its own; who keeps evaluations of a recipe holds the project's, too. A
    killed writer leaves nothing that is read.
    """

    folder: Path

    def ids(self) -> tuple[str, ...]:
        """Ids of the evaluations, newest first."""
        found = sorted(self._names(), key=lambda name: (len(name), name), reverse=True)
        if not all(map(is_recipe_id, found)):
            # Those that were given have ids of any kind: only their times tell.
            found.sort(key=self._made_at, reverse=True)
        return tuple(found)

    def all(self) -> tuple[Evaluation, ...]:
        """Every evaluation, newest first."""
        return tuple(self.read(evaluation_id) for evaluation_id in self.ids())

    def read(self, evaluation_id: str | None = None) -> Evaluation:
        """One evaluation; None: the newest. NotFound if there is none of that id, or none at all."""
        if evaluation_id is None:
            if not self.ids():
                raise NotFound(
                    f"evaluation store {self.folder.name!r} is empty: scoreline build {self.folder.name}",
                    code="not-built",
                )
            evaluation_id = self.ids()[0]
        try:
            encoded = (self.path(evaluation_id) / EVALUATION).read_bytes()
            return msgspec.json.decode(encoded, type=Evaluation)
        except (OSError, msgspec.DecodeError) as error:
            raise Invalid(
                f"evaluation {evaluation_id!r} cannot be read; evaluate again", code="damaged"
            ) from error

    def path(self, evaluation_id: str) -> Path:
        """Folder of an evaluation; NotFound if there is none of that id."""
        path = self.folder / evaluation_id
        if not is_id(evaluation_id) or not path.is_dir():
            hint = did_you_mean(evaluation_id[:40], self.ids())
            raise NotFound(
                f"evaluation store {self.folder.name!r} has no evaluation {evaluation_id[:40]!r}; {hint}"
            )
        return path

    def next_id(self) -> str:
        """The id of the evaluation that is kept next."""
        return next_evaluation_id(self._names())

    def add(self, evaluation: Evaluation) -> Evaluation:
        """Add an evaluation that has no other files; without an id it gets the next of g1, g2, …

        Raises Conflict when there is one of that id.
        """
        with alone(self.folder / _LOCK):
            named = msgspec.structs.replace(evaluation, id=evaluation.id or next_given_id(self._names()))
            with new_folder(self.folder / named.id) as draft:
                _write(named, draft)
        return named

    def delete(self, evaluation_id: str) -> None:
        """Remove an evaluation. NotFound if there is none of that id."""
        doomed = self.folder / f"{UNFINISHED}{uuid.uuid4().hex}"
        with alone(self.folder / _LOCK):
            self.path(evaluation_id).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def notes(self, evaluation_id: str) -> Notes:
        """What people say of an evaluation. NotFound if there is none of that id."""
        return read_notes(self.path(evaluation_id))

    def note(self, evaluation_id: str, notes: Notes) -> None:
        """Replace what people say of an evaluation. NotFound if there is none of that id."""
        with alone(self.folder / _LOCK):
            write_notes(self.path(evaluation_id), notes)

    @contextlib.contextmanager
    def keeping(self, evaluation: Evaluation) -> Iterator[Path]:
        """Yield a folder for the evaluation's other files; all of it is there once the block ends well."""
        with alone(self.folder / _LOCK):
            sweep(self.folder)
            with new_folder(self.folder / evaluation.id) as draft:
                yield draft
                _write(evaluation, draft)

    def _names(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return [path.name for path in self.folder.iterdir() if is_id(path.name)]

    def _made_at(self, evaluation_id: str) -> str:
        try:
            encoded = (self.folder / evaluation_id / EVALUATION).read_bytes()
            return msgspec.json.decode(encoded, type=_Made).created_at
        except (OSError, msgspec.DecodeError):
            return ""  # whoever reads it is told that it is damaged


def _write(evaluation: Evaluation, folder: Path) -> None:
    encoded = msgspec.json.format(msgspec.json.encode(evaluation), indent=2)
    (folder / EVALUATION).write_bytes(encoded + b"\n")
