"""Evaluation stores, as clients of Dataiku speak to them: the stores, their settings, their checks."""

from __future__ import annotations

import re
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.evaluation import numbers
from scoreline.core.names import check_id
from scoreline.core.project import EvaluationStore
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.saved_models import usage_written
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.project_files import read_project
from scoreline.studio.evaluation_stores import (
    create_store,
    delete_store,
    evaluation_store,
    evaluation_stores,
    save_store,
)
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.usages import usages
from scoreline.wire import dataiku_evaluations as wire
from scoreline.wire.dataiku_checks import chosen_checks, report_written
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_metrics import (
    ComputedMetrics,
    HistoryValue,
    MetricHistory,
    MetricId,
    computed,
    looked_up,
    our_name,
    their_name,
)
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_ADMIN = needs(Action.ADMIN, Kind.PROJECT)


def routes(registry: ProjectRegistry, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/evaluationstores")
    _store_routes(router, registry, audit)
    _metric_routes(router, registry)
    _check_routes(router, registry)
    return router


def _store_routes(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.get("", dependencies=_VIEW)
    def list_stores(request: Request, project: str) -> Response:
        if request.query_params.get("flavor", wire.TABULAR) != wire.TABULAR:
            return answer([])  # there are no others
        found = evaluation_stores(registry.folder(project))
        return answer(
            [
                wire.StoreItem(id=one.id, name=one.name or one.id, project_key=project)
                for one in found.values()
            ]
        )

    @router.post("", dependencies=_ADMIN)
    async def create(request: Request, project: str) -> Response:
        flavor = request.query_params.get("flavor", wire.TABULAR)
        if flavor != wire.TABULAR:
            raise refused(f"stores of flavor {shown(flavor)} cannot be made here; {wire.TABULAR!r} ones can")
        given = await read_json(request, Any)
        wanted = converted(known_keys(given, wire.NewStore, "the evaluation store"), wire.NewStore)
        if wanted.project_key not in (None, project):
            raise refused("the store is to be of another project; create it there")
        id_ = _id_of(wanted.name)
        definition = EvaluationStore(name="" if wanted.name == id_ else wanted.name)

        def made() -> None:
            create_store(registry.folder(project), id_, definition)
            told = {"store": id_, "definition": definition}
            audit.record("create evaluation store", f"project:{project}", after=told)

        await run_in_threadpool(made)
        return answer({"id": id_})

    @router.get("/{store}", dependencies=_VIEW)
    def get_settings(project: str, store: str) -> Response:
        found = evaluation_store(registry.folder(project), store)
        return answer(wire.store_written(project, store, found.definition))

    @router.put("/{store}", dependencies=_ADMIN)
    async def save_settings(request: Request, project: str, store: str) -> Response:
        given = await read_json(request, Any)

        def save() -> None:
            folder = registry.folder(project)
            before = evaluation_store(folder, store).definition
            changed = wire.store_read(project, store, given)
            save_store(folder, store, changed)
            audit.record(
                "update evaluation store",
                f"project:{project}",
                before={"store": store, "definition": before},
                after={"store": store, "definition": changed},
            )

        await run_in_threadpool(save)
        return answer({})

    @router.delete("/{store}", dependencies=_ADMIN)
    def delete(project: str, store: str) -> Response:
        delete_store(registry.folder(project), store)
        audit.record("delete evaluation store", f"project:{project}", before={"store": store})
        return answer({})

    @router.get("/{store}/usages", dependencies=_VIEW)
    def get_usages(project: str, store: str) -> Response:
        folder = registry.folder(project)
        evaluation_store(folder, store)
        return answer([usage_written(project, one) for one in usages(read_project(folder), store)])


def _metric_routes(router: APIRouter, registry: ProjectRegistry) -> None:
    def newest(project: str, store: str) -> ComputedMetrics:
        found = evaluation_store(registry.folder(project), store).evaluations.read()
        return computed(numbers(found), milliseconds(found.created_at))

    @router.get("/{store}/metrics/last", dependencies=_VIEW)
    def get_last_metrics(project: str, store: str) -> Response:
        return answer(newest(project, store))

    @router.get("/{store}/metrics/history", dependencies=_VIEW)
    def get_history(request: Request, project: str, store: str) -> Response:
        metric = looked_up(request.query_params.get("metricLookup", ""))
        found = evaluation_store(registry.folder(project), store).evaluations.all()
        values = [
            HistoryValue(evaluation_id=one.id, time=milliseconds(one.created_at), value=told[metric])
            for one in reversed(found)
            if metric in (told := numbers(one))
        ]
        return answer(MetricHistory(metric=MetricId(id=their_name(metric)), values=tuple(values)))

    @router.post("/{store}/actions/computeMetrics", dependencies=_VIEW)
    async def compute_metrics(request: Request, project: str, store: str) -> Response:
        if await read_json(request, Any):
            raise refused("metrics are measured by the recipe; there are no probes")
        return answer(await run_in_threadpool(newest, project, store))

    @router.post("/{store}/actions/computeMetricsFromIds", dependencies=_VIEW)
    async def compute_metrics_from_ids(request: Request, project: str, store: str) -> Response:
        given = await read_json(request, Any)
        ids = given.get("metricIds") if isinstance(given, dict) else None
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise refused("give the ids of metrics as 'metricIds'")
        wanted = {their_name(our_name(one)) for one in ids}
        found = await run_in_threadpool(newest, project, store)
        kept = tuple(one for one in found.metrics if one.metric.id in wanted)
        return answer(ComputedMetrics(metrics=kept))


def _check_routes(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.post("/{store}/actions/runChecks", dependencies=_VIEW)
    async def run_checks(request: Request, project: str, store: str) -> Response:
        given = await read_json(request, Any)
        evaluation = request.query_params.get("evaluationId") or None

        def run() -> Any:
            start = _now()
            found = evaluation_store(registry.folder(project), store)
            checks = chosen_checks(given, found.checks)
            done = found.run_checks(found.evaluations.read(evaluation), checks)
            return report_written(done, checks, start=start, end=_now())

        return answer(await run_in_threadpool(run))


def _id_of(name: str) -> str:
    """The id of a store that is called so: what an id cannot hold becomes `_`. Raises Invalid."""
    return check_id(re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("-_"), "an evaluation store")


def _now() -> int:
    return int(time.time() * 1000)
