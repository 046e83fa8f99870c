"""The flow as it stands: every item and recipe, what is stale and why, and how many rows there are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from scoreline.core.dataset import FilesDataset, SqlDataset
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.flow import build_order, makers, upstreams
from scoreline.core.project import Project
from scoreline.core.recipe import inputs_of, outputs_of
from scoreline.errors import ScorelineError
from scoreline.storage.models import ModelStore
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import Tables, open_tables, plain_values
from scoreline.storage.workspace import Workspace
from scoreline.studio.staleness import Staleness


class RecipeState(Struct, frozen=True, kw_only=True):
    """One recipe."""

    id: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    up_to_date: bool
    reason: str
    """Why it is not up to date."""
    seconds: float | None
    """How long it took last time."""
    finished_at: str | None


class ItemState(Struct, frozen=True, kw_only=True):
    """One dataset, model or evaluation store."""

    id: str
    kind: Literal["files", "sql", "managed", "model", "evaluation_store"]
    made_by: str | None
    """Recipe id."""
    rows: int | None
    """Rows of a managed dataset; None: none yet, or not known without reading."""
    detail: str
    """Path, table, or active version."""


class FlowState(Struct, frozen=True, kw_only=True):
    """A project's flow; recipes in an order in which they can run."""

    project: str
    items: tuple[ItemState, ...]
    recipes: tuple[RecipeState, ...]


def flow_state(folder: Path, environment: Mapping[str, str] = os.environ) -> FlowState:
    """Look at the flow of the project in a folder, reading SQL tables where a recipe was built from them."""
    project = read_project(folder)
    return state_of(project, folder, open_tables(project, folder, environment))


def state_of(project: Project, folder: Path, tables: Tables) -> FlowState:
    """Look at the flow of a project that has been read already."""
    workspace = Workspace(folder)
    return FlowState(
        project=project.settings.id,
        items=tuple(_items(project, tables, workspace)),
        recipes=tuple(_recipes(project, Staleness(project, tables, workspace))),
    )


def dataset_sample(
    folder: Path, dataset_id: str, rows: int, environment: Mapping[str, str] = os.environ
) -> DatasetSample:
    """The first rows of a dataset. Raises what reading it raises."""
    from scoreline.storage.columns import schema_of  # it loads PyArrow

    tables = open_tables(read_project(folder), folder, environment)
    table = tables.read(dataset_id)
    columns = [plain_values(column) for column in table.slice(0, rows).combine_chunks().columns]
    names = table.column_names
    return DatasetSample(
        id=dataset_id,
        columns=schema_of(table),
        rows=len(table),
        sample=tuple(dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)),
    )


def _recipes(project: Project, staleness: Staleness) -> list[RecipeState]:
    states: dict[str, RecipeState] = {}
    needed = upstreams(project.recipes)
    for recipe_id in build_order(project.recipes, project.recipes):
        recipe = project.recipes[recipe_id]
        stale = [above for above in needed[recipe_id] if not states[above].up_to_date]
        reason = f"{stale[0]} is to run first" if stale else _reason(staleness, recipe_id)
        built = staleness.built(recipe_id)
        states[recipe_id] = RecipeState(
            id=recipe_id,
            kind=str(recipe.__struct_config__.tag),
            inputs=inputs_of(recipe),
            outputs=outputs_of(recipe),
            up_to_date=not reason,
            reason=reason,
            seconds=built.seconds if built else None,
            finished_at=built.finished_at if built else None,
        )
    return list(states.values())


def _reason(staleness: Staleness, recipe_id: str) -> str:
    try:
        return staleness.reason(recipe_id) or ""
    except ScorelineError as error:
        return error.message


def _items(project: Project, tables: Tables, workspace: Workspace) -> list[ItemState]:
    made = makers(project.recipes)
    items = []
    for item, dataset in project.datasets.items():
        kind: Literal["files", "sql", "managed"] = "managed"
        rows, detail = None, ""
        match dataset:
            case FilesDataset():
                kind, detail = "files", dataset.path
            case SqlDataset():
                kind, detail = "sql", f"{dataset.connection}: {dataset.table}"
            case _:
                written = tables.written(item)
                rows = written.rows if written else None
        items.append(ItemState(id=item, kind=kind, made_by=made.get(item), rows=rows, detail=detail))
    for item in project.models:
        active = ModelStore(workspace.model(item)).active() or ""
        items.append(ItemState(id=item, kind="model", made_by=made.get(item), rows=None, detail=active))
    for item in project.evaluation_stores:
        items.append(
            ItemState(id=item, kind="evaluation_store", made_by=made.get(item), rows=None, detail="")
        )
    return items
