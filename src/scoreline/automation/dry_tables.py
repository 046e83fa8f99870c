"""The datasets of a project as they were on a virtual day. Nothing of it is written to the project."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import pyarrow as pa

from scoreline.automation.dated_rows import DatedRows
from scoreline.core.dataset import ManagedDataset
from scoreline.core.flow import build_order, makers
from scoreline.core.project import Project
from scoreline.core.recipe import inputs_of, outputs_of
from scoreline.errors import NotFound
from scoreline.storage.columns import canonical, schema_of, select
from scoreline.storage.models import ModelStore
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace
from scoreline.storage.written_rows import Current
from scoreline.studio.recipe_kinds import run_recipe
from scoreline.studio.recipe_run import RecipeRun
from scoreline.studio.staleness import Staleness

BY = "dry run"
_KEPT = 4
"""Tables of one dataset, and outcomes of one recipe, that are remembered."""


@dataclass(frozen=True)
class Made:
    """A table, under a key that is the same for as long as its rows are."""

    key: str
    table: pa.Table


class DryTables:
    """The datasets of one dry run. A recipe runs when what it reads is not what it was before.

    `days` says which rows of the dated datasets are there: those of so many days up to the day, or, None, all
    up to it. Later ones are never there.
    """

    def __init__(
        self,
        project: Project,
        real: Tables,
        scratch: Workspace,
        dated: Mapping[str, DatedRows],
    ) -> None:
        self.day = date.min
        self.dated = dated
        self._at_first = project
        self._project = project
        self._real = real
        self._scratch = scratch
        self._makers = makers(project.recipes)
        self._order = build_order(project.recipes, project.recipes)
        self._models_at_first = {model: self._version(model) for model in project.models}
        self._moving = self._all_moving()
        self._made: dict[str, dict[str, Made]] = {}
        self._kept: dict[str, list[Made]] = {}
        self._sources: dict[str, Made] = {}
        self._counted = 0

    @property
    def project(self) -> Project:
        """The project as it is on the day: steps may have set its variables."""
        return self._project

    def change(self, project: Project) -> None:
        """Go on with variables that a step has set, or with a model that was trained."""
        self._project = project
        self._moving = self._all_moving()

    def moves(self, dataset: str) -> bool:
        """Whether a dataset is not simply the project's: it is made of dated rows, or of what was changed."""
        return dataset in self._moving

    def as_built(self, dataset: str) -> pa.Table | None:
        """The rows that the project has; None where it has none."""
        try:
            return self._source(dataset).table
        except NotFound:
            return None

    def made(self, dataset: str, days: int | None) -> Made:
        """The rows of a dataset. Raises as its recipe does, and as reading its sources does."""
        if dataset in self.dated:
            return self._of_day(dataset, days)
        recipe = self._makers.get(dataset)
        if recipe is None or dataset not in self._moving:
            try:
                return self._source(dataset)
            except NotFound:
                if recipe is None:
                    raise
        return self._outputs(recipe, days)[dataset]

    def dated_behind(self, dataset: str) -> frozenset[str]:
        """The dated datasets that a dataset is made of."""
        found: set[str] = set()
        waiting, looked_at = [dataset], set[str]()
        while waiting:
            item = waiting.pop()
            if item in self.dated:
                found.add(item)
            elif item in self._makers and item not in looked_at:
                waiting.extend(inputs_of(self._project.recipes[self._makers[item]]))
            looked_at.add(item)
        return frozenset(found)

    def _all_moving(self) -> frozenset[str]:
        moving = set(self.dated)
        now, first = self._staleness(self._project), self._staleness(self._at_first)
        for recipe in self._order:
            given = inputs_of(self._project.recipes[recipe])
            models = [item for item in given if item in self._project.models]
            if (
                moving.intersection(given)
                or now.variables(recipe) != first.variables(recipe)
                or any(self._version(model) != self._models_at_first[model] for model in models)
            ):
                moving.update(outputs_of(self._project.recipes[recipe]))
        return frozenset(moving)

    def _of_day(self, dataset: str, days: int | None) -> Made:
        rows = self.dated[dataset]
        first = None if days is None else self.day - timedelta(days=days - 1)
        before = 0 if first is None else rows.count(None, first - timedelta(days=1))
        key = f"{dataset}:{before}:{rows.count(None, self.day)}"
        known = next((one for one in self._kept.get(dataset, ()) if one.key == key), None)
        return known or self._keep(dataset, Made(key, rows.between(first, self.day)))

    def _source(self, dataset: str) -> Made:
        if dataset not in self._sources:
            self._sources[dataset] = Made(dataset, self._real.read(dataset))
        return self._sources[dataset]

    def _outputs(self, recipe: str, days: int | None) -> Mapping[str, Made]:
        """What a recipe makes of the rows that are there."""
        key = self._recipe_key(recipe, days)
        if key not in self._made:
            written = self._run(recipe, days)
            self._made[key] = {name: self._named(name, table) for name, table in written.items()}
            while len(self._made) > _KEPT * len(self._order):
                del self._made[next(iter(self._made))]
        return self._made[key]

    def _named(self, dataset: str, table: pa.Table) -> Made:
        """A table under a key: that of an earlier one with the same rows, or a new one."""
        for known in self._kept.get(dataset, ()):
            if known.table.equals(table):
                return known
        self._counted += 1
        return self._keep(dataset, Made(f"{dataset}#{self._counted}", table))

    def _keep(self, dataset: str, made: Made) -> Made:
        self._kept[dataset] = [*self._kept.get(dataset, ()), made][-_KEPT:]
        return made

    def _run(self, recipe: str, days: int | None) -> dict[str, pa.Table]:
        tables = _TablesInMemory(self, days)
        scratch = self._scratch.root / "tmp" / recipe
        scratch.mkdir(parents=True)
        run = RecipeRun(
            recipe_id=recipe,
            project=self._project,
            tables=tables,
            workspace=self._scratch,
            scratch=scratch,
            log_file=self._scratch.root / "dry-run.log",
            by=BY,
        )
        try:
            run_recipe(run)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return tables.outputs

    def _recipe_key(self, recipe: str, days: int | None) -> str:
        """A digest of all that a recipe makes its outputs of."""
        given = [
            self._version(item) if item in self._project.models else self.made(item, days).key
            for item in inputs_of(self._project.recipes[recipe])
        ]
        told = self._staleness(self._project)
        parts = [recipe, told.definition(recipe), told.code(recipe), told.variables(recipe), given]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def _version(self, model: str) -> str | None:
        return ModelStore(self._scratch.model(model)).active()

    def _staleness(self, project: Project) -> Staleness:
        return Staleness(project, self._real, self._scratch)


class _TablesInMemory(Tables):
    """What a recipe reads and writes."""

    def __init__(self, tables: DryTables, days: int | None) -> None:
        self.outputs: dict[str, pa.Table] = {}
        self._tables = tables
        self._days = days

    def read(self, dataset_id: str) -> pa.Table:
        return self._tables.made(dataset_id, self._days).table

    def digest(self, dataset_id: str) -> str:
        return self._tables.made(dataset_id, self._days).key

    def write(self, dataset_id: str, table: pa.Table) -> Current:
        what = f"output {dataset_id!r}"
        table = canonical(table, what)
        dataset = self._tables.project.datasets[dataset_id]
        if isinstance(dataset, ManagedDataset) and dataset.columns is not None:
            table = select(table, dataset.columns, what)
        self.outputs[dataset_id] = table
        return Current(folder="", rows=len(table), digest="", columns=schema_of(table))
