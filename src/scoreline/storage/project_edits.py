"""Project edits: definitions changed in their files, checked as a whole, never over another change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct

from scoreline.core.names import check_id, did_you_mean
from scoreline.core.project import Kind, ProjectSettings
from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound
from scoreline.storage.atomic import write_file
from scoreline.storage.locks import alone
from scoreline.storage.project_files import TYPES, check_project
from scoreline.storage.project_layout import (
    CODE_SUFFIXES,
    LARGEST,
    SETTINGS,
    ProjectTexts,
    file_of,
    read_texts,
)
from scoreline.storage.workspace import Workspace
from scoreline.storage.yaml_edits import edited
from scoreline.storage.yaml_text import tag_of

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Change:
    """One definition to write or, without a value, to delete."""

    kind: Kind | None
    """None: the project's own settings."""
    id: str
    value: Struct | None
    since: str | None
    """The revision this change was made from; None: there is no such definition yet."""
    code: str | None = None
    """The text beside a SQL or Python recipe; None leaves it as it is."""
    like: str | None = None
    """The id of another definition, whose text a new one begins with, comments and all."""
    text: str | None = None
    """The file as it will be, which says `value`; None: its text is changed as little as can be."""


class ProjectFiles:
    """The definitions of one project's folder, for those who change them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def revision(self, kind: Kind | None, id_: str = "") -> str | None:
        """What stands in the files of a definition now, as a digest; None when there is none."""
        return _revision(read_texts(self.folder).files, kind, id_)

    def save(
        self, kind: Kind | None, id_: str, value: Struct, *, since: str | None, code: str | None = None
    ) -> str:
        """Write one definition and give its new revision. See `apply`."""
        self.apply([Change(kind, id_, value, since, code)])
        revision = self.revision(kind, id_)
        assert revision is not None
        return revision

    def delete(self, kind: Kind, id_: str, *, since: str | None) -> None:
        """Delete one definition, with the code beside it. See `apply`."""
        self.apply([Change(kind, id_, None, since)])

    def apply(self, changes: Sequence[Change]) -> None:
        """Write changes that belong together; only the parts that differ are touched.

        Nothing is written unless everything can be: raises Conflict when a definition is no longer at the
        revision its change was made from, InvalidProject when the project would get a problem it did not
        have, NotFound when there is nothing to delete.
        """
        # One editor at a time. Other programs do not take part; the revisions guard against those.
        with alone(Workspace(self.folder).root / "edits.lock"):
            texts = read_texts(self.folder)
            files = dict(texts.files)
            for change in changes:
                _check_since(texts.files, change)
                files.update(_written(texts.files, change))
                for name in _removed(files, change):
                    del files[name]
            _check_no_worse(self.folder, texts, files)
            self._store(texts.files, files)

    def _store(self, before: dict[str, bytes], after: dict[str, bytes]) -> None:
        for name in sorted(before.keys() | after.keys()):
            path = self.folder / name
            if name not in after:
                path.unlink(missing_ok=True)
            elif after[name] != before.get(name):
                write_file(path, after[name])


def _name_of(kind: Kind | None, id_: str) -> str:
    return SETTINGS if kind is None else file_of(kind, check_id(id_, f"a {kind.noun}"))


def _code_names(kind: Kind | None, id_: str) -> list[str]:
    if kind is not Kind.RECIPE:
        return []
    return [f"{kind.value}/{id_}{suffix}" for suffix in CODE_SUFFIXES.values()]


def _revision(files: dict[str, bytes], kind: Kind | None, id_: str) -> str | None:
    name = _name_of(kind, id_)
    if name not in files:
        return None
    digest = hashlib.sha256()
    for part in (name, *_code_names(kind, id_)):
        digest.update(hashlib.sha256(files.get(part, b"")).digest())
    return digest.hexdigest()


def _check_since(files: dict[str, bytes], change: Change) -> None:
    current = _revision(files, change.kind, change.id)
    if current == change.since:
        if current is None and change.value is None:
            raise _nothing_there(files, change)
        return
    name = _name_of(change.kind, change.id)
    if change.since is None:
        raise Conflict(f"{name} exists already; choose another id or change that one", code="exists")
    happened = "was deleted" if current is None else "has changed"
    raise Conflict(
        f"{name} {happened} since it was read; read it again and repeat the change", code="stale-revision"
    )


def _nothing_there(files: dict[str, bytes], change: Change) -> NotFound:
    assert change.kind is not None
    prefix = f"{change.kind.value}/"
    known = [name[len(prefix) : -5] for name in files if name.startswith(prefix) and name.endswith(".yaml")]
    return NotFound(f"there is no {change.kind.noun} {change.id!r}; {did_you_mean(change.id, known)}")


def _written(files: dict[str, bytes], change: Change) -> dict[str, bytes]:
    """The files that a change writes, as they will be."""
    if change.value is None:
        return {}
    name = _name_of(change.kind, change.id)
    type_ = ProjectSettings if change.kind is None else TYPES[change.kind]
    like = name if change.like is None else _name_of(change.kind, change.like)
    if change.text is not None:
        result = {name: change.text.encode()}
    else:
        result = {name: _text(files.get(like), change.value, type_)}
    if change.code is not None:
        suffix = CODE_SUFFIXES.get(tag_of(change.value).get("kind", ""))
        if change.kind is not Kind.RECIPE or suffix is None:
            raise Invalid("only SQL and Python recipes have code beside them")
        result[f"{Kind.RECIPE.value}/{change.id}{suffix}"] = change.code.encode()
    for file, data in result.items():
        if len(data) > LARGEST:
            raise Invalid(f"{file} would be larger than {LARGEST:,} bytes")
    return result


def _text(before: bytes | None, value: Struct, type_: Any) -> bytes:
    text = "" if before is None else before.decode("utf-8-sig", errors="replace")
    mark = _BOM if before is not None and before.startswith(_BOM) else b""
    return mark + edited(text, value, type_).encode()


def _removed(files: dict[str, bytes], change: Change) -> list[str]:
    """The files that a change leaves no use for."""
    code = [name for name in _code_names(change.kind, change.id) if name in files]
    if change.value is None:
        return [_name_of(change.kind, change.id), *code]
    wanted = CODE_SUFFIXES.get(tag_of(change.value).get("kind", ""), ".yaml")
    return [name for name in code if not name.endswith(wanted)]


def _check_no_worse(folder: Path, texts: ProjectTexts, after: dict[str, bytes]) -> None:
    """Refuse new problems; those that were there before do not stand in the way of mending others."""
    _, problems = check_project(folder, ProjectTexts(after, texts.problems))
    if not problems:
        return
    _, before = check_project(folder, texts)
    known = {(problem.file, problem.message) for problem in before}
    new = [problem for problem in problems if (problem.file, problem.message) not in known]
    if new:
        raise InvalidProject(new)
