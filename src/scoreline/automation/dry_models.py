"""The models and evaluations of a dry run: what is trained when, and what is compared with what."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from msgspec import Struct

from scoreline.automation.dry_tables import BY, DryTables
from scoreline.core.evaluation import Evaluation
from scoreline.core.flow import build_order, makers
from scoreline.core.model_version import next_model_version_id
from scoreline.core.project import Project
from scoreline.core.recipe import EvaluateRecipe, StandaloneEvaluateRecipe, TrainRecipe
from scoreline.errors import Invalid, NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.evaluation import evaluate
from scoreline.studio.evaluation_files import About
from scoreline.studio.evaluation_standalone import evaluate_standalone
from scoreline.studio.model_files import load_model
from scoreline.studio.reference_rows import GivenReference
from scoreline.studio.training import train


class Training(Struct, frozen=True, kw_only=True):
    """A training of a dry run."""

    model: str
    version: str
    metrics: dict[str, float]
    """Of a training that was not done, those of the version before it."""
    real: bool
    """Whether it was done; else only the rows that evaluations compare with have changed."""
    message: str


class DryModels:
    """Which version of each model stands on the day, and which rows an evaluation is compared with.

    Unless they are trained really, a model stays the version that the project has; after a day on which it
    would have been trained, its evaluations compare with the evaluated rows up to that day.
    """

    def __init__(
        self, tables: DryTables, scratch: Workspace, *, window: int, really: bool, reference_days: int | None
    ) -> None:
        self._tables = tables
        self._scratch = scratch
        self._really = really
        self._window = window
        self._reference_days = reference_days
        self._load = functools.lru_cache(maxsize=2)(load_model)
        self._learned: dict[str, str] = {}
        """Train recipe -> key of the rows that its model has learned from."""
        self._references: dict[str, GivenReference] = {}
        """Evaluate recipe -> the rows to compare with, instead of the version's test rows."""
        self._versions: dict[str, str] = {}
        """Model -> the version that it would have now."""
        self._evaluated: dict[str, tuple[str, ...]] = {}
        """Evaluate recipe -> keys of all that its last evaluation is made of."""

    def begin(self, stores: Iterable[str]) -> list[str]:
        """Bring models to what was known on the day; what is to be said of it. Raises NotFound, Invalid.

        `stores` are those that the scenario evaluates into.
        """
        told = []
        project = self._tables.project
        for recipe_id in build_order(project.recipes, [makers(project.recipes)[store] for store in stores]):
            recipe = project.recipes[recipe_id]
            if isinstance(recipe, TrainRecipe):
                told += self._begin_model(recipe_id, recipe)
        return told

    def stale(self, recipe_id: str) -> bool:
        """Whether a build on the day would train by a recipe, or evaluate by it."""
        if isinstance(self._tables.project.recipes[recipe_id], TrainRecipe):
            return self._learned.get(recipe_id) != self._learns_from(recipe_id)
        return self._evaluated.get(recipe_id) != self._evaluation_keys(recipe_id)

    def train(self, recipe_id: str, project: Project) -> Training:
        """Train by a recipe, really or as if. `project`: as it was when the run began."""
        recipe = self._recipe(recipe_id, TrainRecipe)
        store = self._store(recipe.model)
        self._learned[recipe_id] = self._learns_from(recipe_id)
        if self._really:
            rows = self._tables.made(recipe.input, None).table
            version = train(recipe, rows, store, by=BY, log=_silent)
            self._tables.change(self._tables.project)
            shown = f"{version.metric} {version.metrics[version.metric]:.4g}"
            return Training(
                model=recipe.model,
                version=version.id,
                metrics=version.metrics,
                real=True,
                message=f"trained on {len(rows)} rows; version {version.id} is active: {shown}",
            )
        before = self._versions.get(recipe.model)
        taken = (*store.ids(), *([before] if before else ()))
        self._versions[recipe.model] = version_id = next_model_version_id(taken)
        told = self._compare_from_now_on(recipe.model, project)
        return Training(
            model=recipe.model,
            version=version_id,
            metrics=store.active_version().metrics,
            real=False,
            message=f"would train version {version_id}" + (f"; {told}" if told else ""),
        )

    def activate(self, model: str, version: str) -> None:
        """Let an earlier version of a model stand again."""
        store = self._store(model)
        store.activate(version)
        self._versions.pop(model, None)
        for recipe_id in self._evaluating(model):
            self._references.pop(recipe_id, None)
        self._tables.change(self._tables.project)

    def versions(self, model: str) -> tuple[str, tuple[str, ...]]:
        """The version that a model would have now, and the older ones that are really there, newest first."""
        store = self._store(model)
        active = store.active()
        ids = store.ids()
        if model in self._versions:
            return self._versions[model], ids
        older = ids[ids.index(active) + 1 :] if active in ids else ()
        return active or "", older

    def evaluate(self, recipe_id: str) -> Evaluation:
        """Evaluate the rows of the window, really. Raises what evaluating raises."""
        recipe = self._tables.project.recipes[recipe_id]
        keys = self._evaluation_keys(recipe_id)
        rows = self._tables.made(self._input(recipe_id), self._window)
        match recipe:
            case EvaluateRecipe():
                reference = self._reference(recipe_id, recipe.reference)
                about = self._about(recipe_id, recipe.store, rows.key)
                store = self._store(recipe.model)
                made = evaluate(recipe, store, rows.table, about, reference, load=self._load)
            case StandaloneEvaluateRecipe():
                about = self._about(recipe_id, recipe.store, rows.key)
                made = evaluate_standalone(recipe, rows.table, self._given(recipe.reference), about)
            case _:
                raise Invalid(f"recipe {recipe_id!r} does not evaluate")
        self._evaluated[recipe_id] = keys
        return made

    def _begin_model(self, recipe_id: str, recipe: TrainRecipe) -> list[str]:
        store = self._store(recipe.model)
        known, day = store.active(), self._tables.day
        if known is None and not self._really:
            raise NotFound(
                f"model {recipe.model!r} has no version yet: scoreline build {recipe.model}, or let the dry "
                "run train it (--train)",
                code="not-built",
            )
        same = known is not None and self._has_learned_from(recipe)
        self._learned[recipe_id] = self._learns_from(recipe_id)
        if same:
            return []
        if self._really:
            trained = self.train(recipe_id, self._tables.project)
            return [f"model {recipe.model} as of {day}: {trained.message}"]
        told = self._compare_from_now_on(recipe.model, self._tables.project)
        return [
            f"model {recipe.model} is version {known}, which was trained on other rows than were known on "
            f"{day}, perhaps on later ones; --train trains it on those" + (f"; {told}" if told else "")
        ]

    def _has_learned_from(self, recipe: TrainRecipe) -> bool:
        """Whether what the project has to learn from are the rows that were known on the day."""
        if not self._tables.moves(recipe.input):
            return True
        now = self._tables.made(recipe.input, None).table
        built = self._tables.as_built(recipe.input)
        return built is not None and built.equals(now)

    def _compare_from_now_on(self, model: str, project: Project) -> str:
        """Let evaluations of a model compare with the evaluated rows up to the day; says with how many."""
        told = []
        for recipe_id in self._evaluating(model):
            recipe = self._recipe(recipe_id, EvaluateRecipe)
            if recipe.reference is not None:
                continue
            rows = self._up_to_now(recipe.input, project)
            if rows.num_rows:
                name = f"{recipe.input} up to {self._tables.day}"
                self._references[recipe_id] = GivenReference(name, rows, name)
                told.append(f"from now on its evaluations compare with the {len(rows)} rows of {name}")
        return "; ".join(told)

    def _up_to_now(self, dataset: str, project: Project) -> pa.Table:
        """Rows of a dataset up to the day, as it was before the run changed variables."""
        now = self._tables.project
        self._tables.change(project)
        try:
            return self._tables.made(dataset, self._reference_days).table
        finally:
            self._tables.change(now)

    def _evaluating(self, model: str) -> list[str]:
        return [
            recipe_id
            for recipe_id, recipe in self._tables.project.recipes.items()
            if isinstance(recipe, EvaluateRecipe) and recipe.model == model
        ]

    def _learns_from(self, recipe_id: str) -> str:
        recipe = self._recipe(recipe_id, TrainRecipe)
        return self._tables.made(recipe.input, None).key

    def _evaluation_keys(self, recipe_id: str) -> tuple[str, ...]:
        recipe = self._tables.project.recipes[recipe_id]
        keys = [self._tables.made(self._input(recipe_id), self._window).key]
        if isinstance(recipe, EvaluateRecipe):
            keys.append(self._store(recipe.model).active() or "")
        reference = self._references.get(recipe_id)
        if reference is not None:
            keys.append(reference.digest)
        elif isinstance(recipe, EvaluateRecipe | StandaloneEvaluateRecipe) and recipe.reference is not None:
            keys.append(self._tables.made(recipe.reference, None).key)
        return tuple(keys)

    def _reference(self, recipe_id: str, dataset: str | None) -> GivenReference | None:
        return self._references.get(recipe_id) if dataset is None else self._given(dataset)

    def _given(self, dataset: str) -> GivenReference:
        made = self._tables.made(dataset, None)
        return GivenReference(dataset, made.table, made.key)

    def _about(self, recipe_id: str, store: str, key: str) -> About:
        return About(
            recipe=recipe_id,
            evaluations=Evaluations(self._scratch.evaluations(store)),
            dataset_digest=key,
            by=BY,
            scratch=self._scratch.root / "tmp",
            log=_silent,
        )

    def _input(self, recipe_id: str) -> str:
        return str(getattr(self._tables.project.recipes[recipe_id], "input", ""))

    def _recipe(self, recipe_id: str, kind: type[Any]) -> Any:
        recipe = self._tables.project.recipes[recipe_id]
        assert isinstance(recipe, kind)
        return recipe

    def _store(self, model: str) -> ModelStore:
        return ModelStore(self._scratch.model(model))


def _silent(_line: str) -> None:
    pass
