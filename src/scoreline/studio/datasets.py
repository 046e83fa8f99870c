"""The datasets of a project: what is known of them without reading their rows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scoreline.core.dataset import Dataset, FilesDataset, ManagedDataset, SqlDataset
from scoreline.core.flow import makers
from scoreline.core.names import check_id
from scoreline.core.project import Kind, Project
from scoreline.core.schema import Schema
from scoreline.errors import Conflict, Invalid
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.storage.written_rows import Current, current
from scoreline.studio.dataset_looks import check_dataset, dataset_sample
from scoreline.studio.usages import Usage, check_unused, remove_item, usages

_FORMATS: Mapping[str, Literal["csv", "parquet", "jsonl"]] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
}
"""How the names of files end that hold tables, and as what they are read."""


@dataclass(frozen=True)
class DatasetOfProject:
    """One dataset."""

    id: str
    definition: Dataset
    made_by: str | None
    """The recipe that writes it; None: nothing does."""
    usages: tuple[Usage, ...]
    written: Current | None
    """Of a managed one that was built."""

    @property
    def columns(self) -> Schema | None:
        """Names and types as written or declared; None: only its rows tell."""
        return self.written.columns if self.written is not None else self.definition.columns

    @property
    def place(self) -> str:
        """Where its rows are, in words; empty for a managed one."""
        match self.definition:
            case FilesDataset(path=path):
                return path
            case SqlDataset(connection=connection, table=table):
                return f"{connection}: {table}"
            case _:
                return ""


def datasets(folder: Path) -> list[DatasetOfProject]:
    """The datasets of the project in a folder, by id. Raises InvalidProject."""
    project, workspace = read_project(folder), Workspace(folder)
    made = makers(project.recipes)
    return [_dataset(project, workspace, id_, made.get(id_)) for id_ in project.datasets]


def dataset(folder: Path, dataset_id: str) -> DatasetOfProject:
    """One dataset. Raises NotFound, naming the nearest, and InvalidProject."""
    project = read_project(folder)
    check_dataset(project, dataset_id)
    return _dataset(project, Workspace(folder), dataset_id, makers(project.recipes).get(dataset_id))


def create_dataset(folder: Path, dataset_id: str, definition: Dataset) -> None:
    """Write a new dataset. Raises Conflict when there is one of that id, and InvalidProject."""
    ProjectFiles(folder).save(Kind.DATASET, dataset_id, definition, since=None)


def add_file(folder: Path, dataset_id: str, upload: Path, ending: str) -> None:
    """Make a dataset of a file, which moves into the project's data/ folder.

    Raises Invalid for another ending than those of tables, or for a file that cannot be read as its ending
    says; Conflict when there is such a dataset, or such a file. Then nothing of it stays.
    """
    if ending not in _FORMATS:
        raise Invalid(
            f"a table is in a file {', '.join(_FORMATS)}; this one is {ending[:20]!r}", code="bad-format"
        )
    name = f"data/{check_id(dataset_id, 'a dataset')}{ending}"
    target = folder / name
    if target.exists():
        raise Conflict(f"{name} exists already; choose another name", code="exists")
    create_dataset(folder, dataset_id, FilesDataset(path=name, format=_FORMATS[ending]))
    try:
        target.parent.mkdir(exist_ok=True)
        shutil.move(upload, target)
        dataset_sample(folder, dataset_id, 1)
    except BaseException:
        target.unlink(missing_ok=True)
        delete_dataset(folder, dataset_id)
        raise


def delete_dataset(folder: Path, dataset_id: str) -> None:
    """Delete a dataset, with its rows if it is a managed one; files and tables stay.

    Raises NotFound, Conflict while a recipe uses it, and InvalidProject while something else does.
    """
    project = read_project(folder)
    check_dataset(project, dataset_id)
    check_unused(project, Kind.DATASET, dataset_id)
    remove_item(folder, Kind.DATASET, dataset_id, Workspace(folder).dataset(dataset_id))


def _dataset(
    project: Project, workspace: Workspace, dataset_id: str, made_by: str | None
) -> DatasetOfProject:
    definition = project.datasets[dataset_id]
    is_managed = isinstance(definition, ManagedDataset)
    return DatasetOfProject(
        id=dataset_id,
        definition=definition,
        made_by=made_by,
        usages=usages(project, dataset_id),
        written=current(workspace.dataset(dataset_id)) if is_managed else None,
    )
