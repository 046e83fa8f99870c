"""The saved models of a project: their definitions, their versions, and who uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoreline.core.flow import makers
from scoreline.core.model import SavedModel
from scoreline.core.names import did_you_mean
from scoreline.core.project import Kind, Project
from scoreline.core.recipe import TrainRecipe
from scoreline.errors import NotFound
from scoreline.storage.models import ModelStore
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.lock import project_lock
from scoreline.studio.usages import check_unused, remove_item


@dataclass(frozen=True)
class ModelOfProject:
    """One saved model."""

    id: str
    definition: SavedModel
    recipe: TrainRecipe | None
    """What trains it; None: nothing does."""
    recipe_id: str
    store: ModelStore


def saved_models(folder: Path) -> Mapping[str, ModelOfProject]:
    """The saved models of the project in a folder, by id. Raises InvalidProject."""
    project, workspace = read_project(folder), Workspace(folder)
    made = makers(project.recipes)
    return {model: _model(project, workspace, model, made.get(model, "")) for model in project.models}


def saved_model(folder: Path, model_id: str) -> ModelOfProject:
    """One saved model; NotFound if the project has none of that id."""
    models = saved_models(folder)
    if model_id not in models:
        hint = did_you_mean(model_id[:40], models)
        raise NotFound(f"the project has no model {model_id[:40]!r}; {hint}", code="no-such-model")
    return models[model_id]


def save_model(folder: Path, model_id: str, definition: SavedModel) -> None:
    """Replace what is written of a model. Raises NotFound and InvalidProject."""
    files = ProjectFiles(folder)
    since = files.revision(Kind.MODEL, saved_model(folder, model_id).id)
    files.save(Kind.MODEL, model_id, definition, since=since)


def delete_model(folder: Path, model_id: str) -> None:
    """Delete a model with all its versions; packages keep what they hold of it.

    Raises NotFound, Conflict while something uses it or the project is being built.
    """
    saved_model(folder, model_id)
    check_unused(read_project(folder), Kind.MODEL, model_id)
    workspace = Workspace(folder)
    with project_lock(workspace, f"delete model {model_id}", wait=False):
        remove_item(folder, Kind.MODEL, model_id, workspace.model(model_id))


def delete_model_version(folder: Path, model_id: str, version_id: str) -> None:
    """Delete a version. Raises NotFound, Conflict while it is active or the project is being built."""
    store = saved_model(folder, model_id).store
    store.path(version_id)
    # A build that began while it was active may still read it.
    with project_lock(Workspace(folder), f"delete version {version_id} of {model_id}", wait=False):
        store.delete(version_id)


def _model(project: Project, workspace: Workspace, model_id: str, recipe_id: str) -> ModelOfProject:
    recipe = project.recipes.get(recipe_id)
    return ModelOfProject(
        id=model_id,
        definition=project.models[model_id],
        recipe=recipe if isinstance(recipe, TrainRecipe) else None,
        recipe_id=recipe_id,
        store=ModelStore(workspace.model(model_id)),
    )
