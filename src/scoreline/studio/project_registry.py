"""The projects that a control plane knows: folders on its machine, each under a key of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scoreline.core.names import check_id, did_you_mean
from scoreline.core.project import ProjectSettings
from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound, Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import SETTINGS, ProjectTexts
from scoreline.wire import control


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    key: str
    folder: str
    making: bool = False
    """Whether a job was begun that makes the folder."""


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    projects: tuple[_Entry, ...] = ()


class ProjectRegistry:
    """A list of folders, kept in one file. Only one process changes it; its threads may do so at once.

    The key of a project is the id in its `project.yaml` unless another one is given, and stays when that id
    changes. A folder that is there no more keeps its key, so that it can come back.
    """

    def __init__(self, file: Path, own_folder: Path | None = None) -> None:
        """`own_folder` holds the projects that are made here; left out: beside the file."""
        self._file = file
        self.own_folder = (own_folder or file.parent / "project-folders").resolve()
        self._guard = threading.Lock()

    def all(self) -> list[control.Project]:
        """Every project, sorted by key; `problem` says why one cannot be used."""
        return [self._described(entry) for entry in sorted(self._entries(), key=lambda entry: entry.key)]

    def keys(self) -> list[str]:
        """The keys of all projects, sorted."""
        return sorted(entry.key for entry in self._entries())

    def one(self, key: str) -> control.Project:
        """One project, as in `all`. Raises NotFound, naming the nearest one."""
        return self._described(self._entry(key))

    def folder(self, key: str) -> Path:
        """Where a project is. Raises NotFound, and Unavailable when its folder is there no more."""
        entry = self._entry(key)
        problem = _problem(entry)
        if problem:
            code = "project-being-made" if entry.making else "project-gone"
            raise Unavailable(f"project {key!r} cannot be used: {problem}", code=code)
        if entry.making:
            self._made(entry)
        return Path(entry.folder)

    def project_id(self, key: str) -> str:
        """The id in a project's `project.yaml`, which its packages carry. Raises as `folder`."""
        return _settings(self.folder(key)).id

    def add(self, folder: Path, key: str | None = None) -> control.Project:
        """Know a project from now on; one that is known under that key changes nothing.

        Raises NotFound when the folder holds no project, Invalid for a path that is not absolute, Conflict
        when the key is another project's, or the folder is known under another key.
        """
        if not folder.is_absolute():
            raise Invalid(f"{str(folder)!r} is not the whole path of a folder; begin with /")
        folder = folder.resolve()
        settings = _settings(folder)
        entry = _Entry(key=check_id(key or settings.id, "a project"), folder=str(folder))
        with self._guard:
            entries = self._entries()
            if entry not in entries:
                _check_free(entry, entries)
                self._write([*entries, entry])
        return self._described(entry)

    def reserve(self, folder: Path, key: str) -> None:
        """Know a project whose folder a job is to make. Raises Conflict as `add`."""
        entry = _Entry(key=check_id(key, "a project"), folder=str(folder), making=True)
        with self._guard:
            entries = self._entries()
            _check_free(entry, entries)
            self._write([*entries, entry])

    def check_free(self, key: str) -> None:
        """Raise Conflict when the key is another project's."""
        _check_key(key, self._entries())

    def remove(self, key: str) -> None:
        """Know a project no more; its folder stays as it is. Raises NotFound."""
        with self._guard:
            entry = self._entry(key)
            self._write(one for one in self._entries() if one != entry)

    def _made(self, entry: _Entry) -> None:
        """Take note that the folder is there, so that it can be told when it has gone."""
        with self._guard:
            made = replace(entry, making=False)
            self._write(made if one == entry else one for one in self._entries())

    def _described(self, entry: _Entry) -> control.Project:
        problem = _problem(entry)
        settings = None
        if not problem:
            try:
                settings = _settings(Path(entry.folder))
            except (InvalidProject, NotFound) as error:
                problem = error.message
        return control.Project(
            key=entry.key,
            folder=entry.folder,
            name=settings.name if settings else "",
            description=settings.description if settings else "",
            problem=problem,
            own=Path(entry.folder).parent == self.own_folder,
            making=entry.making and not (Path(entry.folder) / SETTINGS).is_file(),
        )

    def _entry(self, key: str) -> _Entry:
        entries = {entry.key: entry for entry in self._entries()}
        if key not in entries:
            raise NotFound(f"no project {key[:40]!r}; {did_you_mean(key, entries)}", code="no-such-project")
        return entries[key]

    def _entries(self) -> tuple[_Entry, ...]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_File).projects
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unavailable(f"the list of projects in {self._file} cannot be read; mend it") from error

    def _write(self, entries: Iterable[_Entry]) -> None:
        listed = msgspec.json.encode(_File(projects=tuple(entries)))
        try:
            write_file(self._file, msgspec.json.format(listed) + b"\n")
        except OSError as error:
            raise Unavailable(f"the list of projects cannot be written: {error.strerror}") from error


def _check_key(key: str, entries: Iterable[_Entry]) -> None:
    for other in entries:
        if other.key.casefold() == key.casefold():
            raise Conflict(
                f"the key {other.key!r} belongs to the project in {other.folder}; give this one another key",
                code="project-key-taken",
            )


def _check_free(entry: _Entry, entries: Sequence[_Entry]) -> None:
    _check_key(entry.key, entries)
    for other in entries:
        if other.folder == entry.folder:
            raise Conflict(
                f"the project in {other.folder} is known as {other.key!r}; remove that key first",
                code="project-known",
            )


def _problem(entry: _Entry) -> str:
    if (Path(entry.folder) / SETTINGS).is_file():
        return ""
    if entry.making:
        return "it is being made, or that has failed: its jobs tell"
    return f"there is no {SETTINGS} in {entry.folder} any more; put it back, or remove the project here"


def _settings(folder: Path) -> ProjectSettings:
    """What `project.yaml` says, whatever the other files do. Raises NotFound, and InvalidProject."""
    try:
        text = (folder / SETTINGS).read_bytes()
    except OSError as error:
        raise NotFound(
            f"{str(folder)!r} is not a project: it holds no {SETTINGS}", code="no-project"
        ) from error
    project, problems = check_project(folder, ProjectTexts({SETTINGS: text}, ()))
    if problems:
        raise InvalidProject(problems)
    return project.settings
