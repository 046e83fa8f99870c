"""What can be found in the projects of the control plane: by the files that are there, sound or not."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scoreline.core.project import Kind
from scoreline.core.search import Entry, FoundKind, Index
from scoreline.core.service import Service
from scoreline.errors import ScorelineError
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import SETTINGS, read_texts
from scoreline.studio.project_registry import ProjectRegistry

_KINDS = {
    Kind.DATASET: FoundKind.DATASET,
    Kind.RECIPE: FoundKind.RECIPE,
    Kind.MODEL: FoundKind.MODEL,
    Kind.EVALUATION_STORE: FoundKind.EVALUATION_STORE,
    Kind.SERVICE: FoundKind.SERVICE,
    Kind.SCENARIO: FoundKind.SCENARIO,
}
_Stamp = tuple[tuple[str, int, int], ...]


class ProjectSearch:
    """The definitions of all projects. A project is read again when one of its files has changed."""

    def __init__(self, registry: ProjectRegistry) -> None:
        self._registry = registry
        self._guard = threading.Lock()
        self._known: dict[str, tuple[_Stamp, Index]] = {}

    def indexes(self) -> list[Index]:
        """One for each project that can be used."""
        with self._guard:
            found: dict[str, tuple[_Stamp, Index]] = {}
            for project in self._registry.keys():  # noqa: SIM118 - it is no mapping
                try:
                    folder = self._registry.folder(project)
                    stamp = _stamp(folder)
                    known = self._known.get(project)
                    if known is None or known[0] != stamp:
                        known = stamp, Index(_entries(project, folder))
                except (ScorelineError, OSError):
                    known = (), Index([Entry(kind=FoundKind.PROJECT, id=project, project=project)])
                found[project] = known
            self._known = found
            return [index for _, index in found.values()]


def _stamp(folder: Path) -> _Stamp:
    return tuple(sorted(_stamps(folder)))


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    settings = (folder / SETTINGS).stat()
    yield str(folder), settings.st_mtime_ns, settings.st_size
    for kind in _KINDS:
        if not (folder / kind.value).is_dir():
            continue
        with os.scandir(folder / kind.value) as files:
            for file in files:
                about = file.stat(follow_symlinks=False)
                yield f"{kind.value}/{file.name}", about.st_mtime_ns, about.st_size


def _entries(project: str, folder: Path) -> Iterator[Entry]:
    texts = read_texts(folder)
    read, _ = check_project(folder, texts)
    yield Entry(
        kind=FoundKind.PROJECT,
        id=project,
        name=read.settings.name,
        description=read.settings.description,
        project=project,
    )
    for file in texts.files:
        place, _, name = file.partition("/")
        kind = next((one for one in _KINDS if one.value == place), None)
        if kind is not None and name.endswith(".yaml"):
            id_ = name.removesuffix(".yaml")
            yield from _defined(project, kind, id_, read.of(kind).get(id_))


def _defined(project: str, kind: Kind, id_: str, definition: Any) -> Iterator[Entry]:
    """The entry of a definition, and those of its endpoints. `definition` None: it is not sound."""
    yield Entry(
        kind=_KINDS[kind],
        id=id_,
        name=getattr(definition, "name", ""),
        description=getattr(definition, "description", ""),
        project=project,
        service=id_ if kind is Kind.SERVICE else "",
    )
    for endpoint in definition.endpoints if isinstance(definition, Service) else ():
        yield Entry(
            kind=FoundKind.ENDPOINT,
            id=endpoint.id,
            description=endpoint.description,
            project=project,
            service=id_,
        )
