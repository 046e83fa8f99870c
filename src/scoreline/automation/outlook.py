"""What stands in a project, and what earlier steps of a scenario will have made by the time of a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from scoreline.core.dataset import FilesDataset, ManagedDataset
from scoreline.core.flow import build_order, makers
from scoreline.core.project import Project
from scoreline.core.recipe import inputs_of, outputs_of
from scoreline.core.schema import ColumnType
from scoreline.core.service import PredictionEndpoint, lookups_of
from scoreline.errors import NotFound, ScorelineError
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.storage.queries import select_rows
from scoreline.storage.source_files import files_of
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.freezing import packaged_model, resolved
from scoreline.studio.wanted_recipes import recipes_for

_TYPES = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.timestamp("us"),
}


@dataclass
class Outlook:
    """Looks at one project. Methods give what will be in the way of a step, each in a sentence."""

    project: Project
    folder: Path
    tables: Tables
    scratch: Path
    made: set[str] = field(default_factory=set)
    """Items of the flow that earlier steps make."""

    def build(self, names: Sequence[str]) -> Iterator[str]:
        """Build items and what they need: sources that are not there. From then on it is made."""
        recipes = self.project.recipes
        order = build_order(recipes, recipes_for(self.project, names))
        made = makers(recipes)
        told: set[str] = set()
        for recipe in order:
            for item in inputs_of(recipes[recipe]):
                if item not in made and item not in told:
                    told.add(item)
                    yield from self._source(item)
            self.made.update(outputs_of(recipes[recipe]))

    def rows(self, dataset: str) -> Iterator[str]:
        """Read a dataset."""
        if dataset in self.made:
            return
        if isinstance(self.project.datasets.get(dataset), ManagedDataset):
            if self.tables.written(dataset) is None:
                yield f"dataset {dataset!r} has no rows yet, and no step before builds it"
        else:
            yield from self._source(dataset)

    def query(self, sql: str, inputs: Sequence[str]) -> Iterator[str]:
        """Select from datasets: tried on tables of their columns that hold no rows."""
        for name in inputs:
            yield from self.rows(name)
        schemas = {name: self._columns(name) for name in inputs}
        if any(schema is None for schema in schemas.values()) or "${" in sql:
            return
        empty = {name: schema.empty_table() for name, schema in schemas.items() if schema is not None}
        try:
            select_rows(sql, empty, self.scratch)
        except ScorelineError as error:
            yield error.message

    def evaluation(self, store: str, evaluation: str | None) -> Iterator[str]:
        """Hold an evaluation of a store against its checks."""
        found = Evaluations(self._workspace.evaluations(store))
        if evaluation is None:
            if store not in self.made and not found.ids():
                yield f"evaluation store {store!r} is empty, and no step before evaluates into it"
            return
        try:
            found.path(evaluation)
        except NotFound as error:
            yield error.message

    def version(self, model: str, version: str) -> Iterator[str]:
        """Activate a version of a model."""
        store = ModelStore(self._workspace.model(model))
        if version == "previous":
            ids, active = store.ids(), store.active()
            older = ids[ids.index(active) + 1 :] if active in ids else ()
            if not older and model not in self.made:
                before = f"before {active}" if active else "yet"
                yield f"model {model!r} has no version {before}, and no step before trains it"
            return
        try:
            store.path(version)
        except NotFound as error:
            yield error.message

    def package(self, service: str) -> Iterator[str]:
        """Freeze a service."""
        definition = self.project.services[service]
        models = {one.model for one in definition.endpoints if isinstance(one, PredictionEndpoint)}
        for model in sorted(models - self.made):
            yield from self._packable(model)
        lookups = {lookup.dataset for one in definition.endpoints for lookup in lookups_of(one)}
        missing = [message for dataset in sorted(lookups) for message in self.rows(dataset)]
        yield from missing
        if missing or lookups & self.made:
            return  # what columns there will be is not known
        try:
            resolved(definition, service, self.tables)
        except ScorelineError as error:
            yield error.message

    def _packable(self, model: str) -> Iterator[str]:
        store = ModelStore(self._workspace.model(model))
        if store.active() is None:
            yield f"model {model!r} has no trained version, and no step before trains it"
            return
        try:
            packaged_model(model, store.active_version())
        except ScorelineError as error:
            yield error.message

    def _source(self, item: str) -> Iterator[str]:
        """Something that no recipe makes."""
        if item in self.project.models:
            if ModelStore(self._workspace.model(item)).active() is None:
                yield f"model {item!r} has no trained version, and nothing trains it"
            return
        match self.project.datasets.get(item):
            case FilesDataset() as dataset:
                try:
                    files_of(dataset, item, self.folder)
                except ScorelineError as error:
                    yield error.message
            case ManagedDataset():
                if self.tables.written(item) is None:
                    yield f"dataset {item!r} has no rows, and nothing builds it"

    def _columns(self, dataset: str) -> pa.Schema | None:
        """The columns of a dataset where they are known without reading rows."""
        definition = self.project.datasets[dataset]
        if dataset in self.made and definition.columns is None:
            return None
        known = definition.columns
        if known is None and isinstance(definition, ManagedDataset):
            written = self.tables.written(dataset)
            known = written.columns if written is not None else None
        if known is None:
            return None
        return pa.schema([(column.name, _TYPES[column.type]) for column in known])

    @property
    def _workspace(self) -> Workspace:
        return Workspace(self.folder)
