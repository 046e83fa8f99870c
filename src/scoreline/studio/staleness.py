"""Which recipes are stale: by content of definition, code, inputs and outputs, never by times."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from scoreline.core.dataset import ManagedDataset
from scoreline.core.evaluation import is_recipe_id
from scoreline.core.project import Project
from scoreline.core.recipe import PythonRecipe, SplitRecipe, SqlRecipe, inputs_of, outputs_of
from scoreline.core.sql_variables import literal, variables_in
from scoreline.errors import NotFound, ScorelineError
from scoreline.storage.atomic import write_file
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace


class Built(Struct, frozen=True, kw_only=True):
    """What a recipe was built from and what it made: `.scoreline/recipes/<recipe id>.json`."""

    definition: str
    """Digest of the recipe and of what is declared of its outputs."""
    code: str
    variables: dict[str, str] = {}
    """Variable of the project that the recipe names -> its value as SQL writes it."""
    inputs: dict[str, str]
    """Item id -> content digest."""
    outputs: dict[str, str]
    """Item id -> what `output_mark` said."""
    rows: dict[str, int]
    """Dataset id -> rows written."""
    seconds: float
    finished_at: str
    """ISO 8601, UTC."""


class Staleness:
    """Looks at one project, its items and what is recorded of its last builds. Threads may share it."""

    def __init__(self, project: Project, tables: Tables, workspace: Workspace) -> None:
        self._project = project
        self._tables = tables
        self._workspace = workspace

    def reason(self, recipe_id: str) -> str | None:
        """Why the recipe must run, in a few words; None when its outputs are up to date.

        What is upstream is taken as it is now. Raises what reading a source raises (no file, no database).
        """
        built = self.built(recipe_id)
        if built is None:
            return "never built"
        if built.definition != self.definition(recipe_id):
            return "its definition changed"
        if built.code != self.code(recipe_id):
            return "its code changed"
        if (variable := self._changed_variable(recipe_id, built)) is not None:
            return f"variable {variable} changed"
        for item, digest in built.inputs.items():
            try:
                if self.digest(item) != digest:
                    return f"{item} changed"
            except NotFound:
                return f"{item} is missing"
        for item, mark in built.outputs.items():
            if not self._stands(item, mark):
                return f"{item} was changed or removed"
        return None

    def is_fresh(self, recipe_id: str) -> bool:
        """Whether it is known that the recipe need not run; false also where a source cannot be read."""
        try:
            return self.reason(recipe_id) is None
        except ScorelineError:
            return False

    def built(self, recipe_id: str) -> Built | None:
        """What is recorded of the recipe's last success; None before the first."""
        try:
            return msgspec.json.decode(self._file(recipe_id).read_bytes(), type=Built)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def record(self, recipe_id: str, built: Built) -> None:
        """Remember a success, once all outputs stand."""
        write_file(self._file(recipe_id), msgspec.json.encode(built))

    def definition(self, recipe_id: str) -> str:
        """Digest of what is defined: the recipe and its outputs' columns, without descriptions."""
        recipe: dict[str, Any] = msgspec.to_builtins(self._project.recipes[recipe_id])
        recipe.pop("description", None)
        columns = {
            item: dataset.columns
            for item in outputs_of(self._project.recipes[recipe_id])
            if isinstance(dataset := self._project.datasets.get(item), ManagedDataset)
        }
        return hashlib.sha256(msgspec.json.encode([recipe, columns], order="sorted")).hexdigest()

    def code(self, recipe_id: str) -> str:
        """Digest of the recipe's `.sql` or `.py` text; "" where it has none."""
        if not isinstance(self._project.recipes[recipe_id], SqlRecipe | PythonRecipe):
            return ""
        return hashlib.sha256(self._project.code.get(recipe_id, "").encode()).hexdigest()

    def variables(self, recipe_id: str) -> dict[str, str]:
        """The variables of the project that the recipe names, each as SQL writes its value now."""
        match self._project.recipes[recipe_id]:
            case SqlRecipe():
                texts = [self._project.code.get(recipe_id, "")]
            case SplitRecipe() as recipe:
                texts = [part.where for part in recipe.parts if part.where is not None]
            case _:
                return {}
        named = variables_in(texts, self._project.settings.variables)
        return {name: literal(value) for name, value in named.items()}

    def inputs(self, recipe_id: str) -> dict[str, str]:
        """Content digest of each item that the recipe reads."""
        return {item: self.digest(item) for item in inputs_of(self._project.recipes[recipe_id])}

    def digest(self, item: str) -> str:
        """Content digest of a dataset, or of a model's active version."""
        if item in self._project.models:
            return self._models(item).active_version().digest
        return self._tables.digest(item)

    def output_mark(self, item: str) -> str:
        """Which output this is: a dataset's digest, the id of a model version, of the newest evaluation."""
        if item in self._project.models:
            return self._models(item).active_version().id
        if item in self._project.evaluation_stores:
            made = Evaluations(self._workspace.evaluations(item)).ids()
            return next(evaluation for evaluation in made if is_recipe_id(evaluation))
        return self._tables.digest(item)

    def _changed_variable(self, recipe_id: str, built: Built) -> str | None:
        now = self.variables(recipe_id)
        return next((name for name, value in now.items() if built.variables.get(name) != value), None)

    def _stands(self, item: str, mark: str) -> bool:
        if item in self._project.models:
            # Another version may be active meanwhile: that is a choice, not a change.
            return mark in self._models(item).ids()
        if item in self._project.evaluation_stores:
            return (self._workspace.evaluations(item) / mark).is_dir()
        found = self._tables.written(item) if item in self._project.datasets else None
        return found is not None and found.digest == mark

    def _file(self, recipe_id: str) -> Path:
        return self._workspace.root / "recipes" / f"{recipe_id}.json"

    def _models(self, model_id: str) -> ModelStore:
        return ModelStore(self._workspace.model(model_id))
