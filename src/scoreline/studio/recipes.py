"""Recipes of a project: read one by one, made and changed in their files, whatever is wrong elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.dataset import ManagedDataset
from scoreline.core.dataset_sample import DatasetSample
from scoreline.core.model import SavedModel
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import EvaluationStore, Kind, Project
from scoreline.core.recipe import (
    EvaluateRecipe,
    Recipe,
    StandaloneEvaluateRecipe,
    TrainRecipe,
    outputs_of,
)
from scoreline.errors import InvalidProject, NotFound, Problem
from scoreline.storage.definitions import read_definition
from scoreline.storage.project_edits import Change, ProjectFiles
from scoreline.storage.project_files import TYPES, check_project
from scoreline.storage.project_layout import CODE_SUFFIXES, ProjectTexts, file_of, read_texts
from scoreline.storage.yaml_text import tag_of
from scoreline.studio.dataset_looks import look_by


class RecipeFile(Struct, frozen=True, kw_only=True):
    """One recipe as its files say it."""

    id: str
    recipe: Recipe | None
    """None: the file is not sound."""
    text: str
    """The definition, word for word."""
    code: str | None
    """The text beside it; None: it has none."""
    problems: tuple[Problem, ...] = ()
    """Of its files, as the project as a whole sees them."""


def recipes_of(folder: Path) -> tuple[RecipeFile, ...]:
    """All recipes of a project, by id. Raises NotFound when the folder holds no project."""
    texts = read_texts(folder)
    project, problems = check_project(folder, texts)
    prefix = f"{Kind.RECIPE.value}/"
    names = {*texts.files, *(one.file for one in problems)}
    ids = sorted(name[len(prefix) : -5] for name in names if name.startswith(prefix) and name[-5:] == ".yaml")
    return tuple(_file(texts, project, problems, id_) for id_ in ids)


def recipe_of(folder: Path, recipe: str) -> RecipeFile:
    """One recipe. Raises NotFound, naming the nearest one."""
    found = {one.id: one for one in recipes_of(folder)}
    if recipe not in found:
        hint = did_you_mean(recipe, found)
        raise NotFound(f"the project has no recipe {shortened(recipe)}; {hint}", code="no-such-recipe")
    return found[recipe]


def recipe_revision(folder: Path, recipe: str) -> str:
    """What stands in the files of a recipe, as a digest. Raises NotFound."""
    return ProjectFiles(folder).revision(Kind.RECIPE, recipe_of(folder, recipe).id) or ""


def create_recipe(folder: Path, recipe: str, definition: Recipe, code: str | None) -> tuple[str, ...]:
    """Write a new recipe, and those of its outputs that the project does not have; gives their ids.

    Raises Conflict when there is one of that id, and InvalidProject.
    """
    project, _ = check_project(folder, read_texts(folder))
    made = list(_missing_outputs(project, definition))
    own = Change(Kind.RECIPE, recipe, definition, None, code)
    ProjectFiles(folder).apply([*made, own])
    return tuple(change.id for change in made)


def save_recipe(
    folder: Path,
    recipe: str,
    *,
    text: str | None = None,
    definition: Recipe | None = None,
    code: str | None = None,
    since: str | None = None,
) -> None:
    """Replace the definition, as a text or as a value, and the code of a recipe; what is None stays.

    What it made stays until the next build. `since`: the revision that was read; None: any. Raises NotFound,
    InvalidProject with every problem, and Conflict (code `stale-revision`) when somebody changed it since.
    """
    now = recipe_revision(folder, recipe)
    if text is None and definition is None:
        text = recipe_of(folder, recipe).text
    value = definition if definition is not None else _read(recipe, text or "")
    change = Change(Kind.RECIPE, recipe, value, since or now, code, text=None if definition else text)
    ProjectFiles(folder).apply([change])


def check_recipe(folder: Path, recipe: str, text: str, code: str | None) -> tuple[Problem, ...]:
    """What would be wrong in the files of a recipe if they said this; nothing is written."""
    texts = read_texts(folder)
    files = {name: data for name, data in texts.files.items() if name not in _code_names(recipe)}
    files[file_of(Kind.RECIPE, recipe)] = text.encode()
    value = read_definition(text, TYPES[Kind.RECIPE]).value
    suffix = _suffix(value) if value is not None else None
    if code is not None and suffix is not None:
        files[f"{Kind.RECIPE.value}/{recipe}{suffix}"] = code.encode()
    _, problems = check_project(folder, ProjectTexts(files, texts.problems))
    return tuple(one for one in problems if _is_of(one, recipe))


def preview_recipe(folder: Path, recipe: str, sql: str, rows: int) -> DatasetSample:
    """The first rows that a recipe of SQL would write if its code said this; nothing is written.

    Raises NotFound (code `not-built`: an input has no rows yet), Invalid for SQL that does not work.
    """
    known = recipe_of(folder, recipe).id
    module = "scoreline.studio.recipe_preview"
    found = look_by(module, [str(folder), known], f"the outcome of {known!r}", sql.encode())
    whole = msgspec.json.decode(found, type=DatasetSample)
    return msgspec.structs.replace(whole, sample=whole.sample[:rows])


def delete_recipe(folder: Path, recipe: str, *, since: str | None = None) -> None:
    """Delete the files of a recipe; what it has made stays. Raises as `save_recipe`."""
    now = recipe_revision(folder, recipe)
    ProjectFiles(folder).delete(Kind.RECIPE, recipe, since=since or now)


def _read(recipe: str, text: str) -> Recipe:
    read = read_definition(text, TYPES[Kind.RECIPE])
    if read.value is None:
        name = file_of(Kind.RECIPE, recipe)
        raise InvalidProject([Problem(name, fault.line, fault.message) for fault in read.faults])
    definition: Recipe = read.value
    return definition


def _file(texts: ProjectTexts, project: Project, problems: Sequence[Problem], recipe: str) -> RecipeFile:
    text = texts.files.get(file_of(Kind.RECIPE, recipe), b"").decode("utf-8-sig", errors="replace")
    code = next((texts.files[name] for name in _code_names(recipe) if name in texts.files), None)
    return RecipeFile(
        id=recipe,
        recipe=project.recipes.get(recipe),
        text=text,
        code=None if code is None else code.decode("utf-8-sig", errors="replace"),
        problems=tuple(one for one in problems if _is_of(one, recipe)),
    )


def _is_of(problem: Problem, recipe: str) -> bool:
    return problem.file in (file_of(Kind.RECIPE, recipe), *_code_names(recipe))


def _code_names(recipe: str) -> list[str]:
    return [f"{Kind.RECIPE.value}/{recipe}{suffix}" for suffix in CODE_SUFFIXES.values()]


def _suffix(recipe: Recipe) -> str | None:
    return CODE_SUFFIXES.get(tag_of(recipe).get("kind", ""))


def _missing_outputs(project: Project, recipe: Recipe) -> Iterator[Change]:
    known = {*project.datasets, *project.models, *project.evaluation_stores}
    for output in outputs_of(recipe):
        if output in known:
            continue
        match recipe:
            case TrainRecipe():
                yield Change(Kind.MODEL, output, SavedModel(), None)
            case EvaluateRecipe() | StandaloneEvaluateRecipe():
                yield Change(Kind.EVALUATION_STORE, output, EvaluationStore(), None)
            case _:
                yield Change(Kind.DATASET, output, ManagedDataset(), None)
