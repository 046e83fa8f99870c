"""The flows of the projects that a control plane knows, with the builds that go on: looked at often."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from scoreline.core.job import JobOutcome
from scoreline.core.project import Project
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.core.service import PredictionEndpoint, Service, lookups_of
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import Tables, open_tables
from scoreline.studio.flow_state import FlowState, ItemState, RecipeState, state_of
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.control_flow import Flow, FlowItem, FlowRecipe, FlowService, FlowZone
from scoreline.wire.control_jobs import BuildRecipe

_REMEMBERED = 30.0
"""Seconds for which a SQL table is taken to be what it was: its digest needs all of its rows."""
_LOOKED_BACK = 20
"""Jobs in which it is looked for what failed last."""


class Flows:
    """Tells the flow of one project after the other. Threads may share it."""

    def __init__(
        self, registry: ProjectRegistry, jobs: ProjectJobs, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._registry = registry
        self._jobs = jobs
        self._environment = environment
        self._tables: dict[str, tuple[float, Project, Tables]] = {}
        self._guard = threading.Lock()

    def one(self, key: str) -> Flow:
        """The flow of the project known as `key`. Raises NotFound, InvalidProject and Unavailable."""
        folder = self._registry.folder(key)
        project = read_project(folder)
        state = state_of(project, folder, self._tables_of(key, folder, project))
        builds = [
            job for job in self._jobs.newest(key, limit=_LOOKED_BACK) if isinstance(job.work, BuildWork)
        ]
        running = [job for job in reversed(builds) if job.outcome is JobOutcome.RUNNING]
        recipes = self._with_builds(state, running, builds)
        return Flow(
            project=key,
            items=tuple(_item(one, project, recipes) for one in state.items),
            recipes=tuple(recipes.values()),
            services=tuple(_services(project.services)),
            zones=tuple(_zones(project, {one.id for one in state.items})),
            job=running[0].id if running else None,
        )

    def _tables_of(self, key: str, folder: Path, project: Project) -> Tables:
        with self._guard:
            made_at, before, tables = self._tables.get(key, (0.0, None, None))
            is_same = before is not None and (before.datasets, before.connections) == (
                project.datasets,
                project.connections,
            )
            if tables is None or not is_same or time.monotonic() - made_at > _REMEMBERED:
                tables = open_tables(project, folder, self._environment)
                self._tables[key] = (time.monotonic(), project, tables)
            return tables

    def _with_builds(
        self, state: FlowState, running: Iterable[ProjectJob], builds: Iterable[ProjectJob]
    ) -> dict[str, FlowRecipe]:
        """The recipes with what builds say of them: at work, waited for, failed last time."""
        recipes = {one.id: _recipe(one) for one in state.recipes}
        told: set[str] = set()
        for job in running:
            for step in self._jobs.recipes(job):
                if (
                    step.recipe in recipes
                    and step.recipe not in told
                    and step.state in ("waiting", "running")
                ):
                    told.add(step.recipe)
                    recipes[step.recipe] = _building(recipes[step.recipe], job, step)
        for job in builds:
            for step in self._jobs.recipes(job):
                if step.recipe not in recipes or step.recipe in told:
                    continue
                if step.state in ("built", "up_to_date", "failed"):
                    told.add(step.recipe)
                    recipes[step.recipe] = _failed(recipes[step.recipe], job, step)
            if len(told) == len(recipes):
                break
        return recipes


def _recipe(one: RecipeState) -> FlowRecipe:
    return FlowRecipe(
        id=one.id,
        kind=one.kind,
        inputs=one.inputs,
        outputs=one.outputs,
        state="fresh" if one.up_to_date else "stale",
        reason=one.reason,
        seconds=one.seconds,
        finished_at=one.finished_at,
    )


def _building(recipe: FlowRecipe, job: ProjectJob, step: BuildRecipe) -> FlowRecipe:
    if step.state == "running":
        return replace(recipe, state="building", reason=step.reason, job=job.id)
    # What is fresh and waits is looked at, and most likely left as it is.
    return recipe if recipe.state == "fresh" else replace(recipe, state="waiting", job=job.id)


def _failed(recipe: FlowRecipe, job: ProjectJob, step: BuildRecipe) -> FlowRecipe:
    if step.state != "failed" or recipe.state == "fresh":
        return recipe
    return replace(recipe, state="failed", reason=step.error, job=job.id)


def _item(one: ItemState, project: Project, recipes: Mapping[str, FlowRecipe]) -> FlowItem:
    by = recipes.get(one.made_by or "")
    model = project.models.get(one.id)
    store = project.evaluation_stores.get(one.id)
    return FlowItem(
        id=one.id,
        kind=one.kind,
        name=model.name if model else store.name if store else "",
        made_by=one.made_by,
        state=by.state if by else "source",
        built=by.finished_at is not None if by else True,
        rows=one.rows,
        detail=one.detail,
    )


def _services(services: Mapping[str, Service]) -> Iterable[FlowService]:
    for service_id, service in services.items():
        uses: dict[str, None] = {}
        for endpoint in service.endpoints:
            if isinstance(endpoint, PredictionEndpoint):
                uses[endpoint.model] = None
            uses.update(dict.fromkeys(lookup.dataset for lookup in lookups_of(endpoint)))
        yield FlowService(id=service_id, uses=tuple(uses))


def _zones(project: Project, there: set[str]) -> Iterable[FlowZone]:
    left = set(there)
    for name, items in project.settings.zones.items():
        inside = tuple(dict.fromkeys(one for one in items if one in left))
        left.difference_update(inside)
        if inside:
            yield FlowZone(name=name, items=inside)
