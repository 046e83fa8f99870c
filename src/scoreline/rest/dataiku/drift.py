"""Drift of evaluations, as clients of Dataiku ask for it: at once where it is kept, else as a future."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind, project_target
from scoreline.core.drift_reference import DriftReference, VersionReference
from scoreline.core.evaluation import Evaluation
from scoreline.core.project_job import DriftWork
from scoreline.errors import Invalid
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.drift_results import drift_result
from scoreline.rest.dataiku.full_ids import reference_of
from scoreline.rest.dataiku.project_futures import ProjectFutures
from scoreline.rest.permissions import allow, needs
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.dataiku_drift import params_read, settings_read
from scoreline.wire.dataiku_settings import refused

_VIEW = needs(Action.VIEW, Kind.PROJECT)


def routes(registry: ProjectRegistry, jobs: ProjectJobs, futures: ProjectFutures) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/evaluationstores/{store}/evaluations/{evaluation}")

    def compute(request: Request, project: str, store: str, evaluation: str, given: Any, params: str) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("referenceId"), str | None):
            raise refused(f"give the full id of the reference as 'referenceId', or null, and {params!r}")
        folder = registry.folder(project)
        found = evaluation_store(folder, store).evaluations.read(evaluation)
        settings = settings_read(params_read(given.get(params)), found.settings)
        named = given.get("referenceId")
        reference = reference_of(project, folder, named) if named else None
        if _is_usual(found, reference) and settings == found.settings:
            if found.drift is None:
                raise Invalid(f"evaluation {found.id!r} has no drift: {found.drift_problem}", code="no-drift")
            return {"hasResult": True, "result": drift_result(folder, found, found.drift)}
        allow(request, Action.DEPLOY, project_target(project))  # it takes the machine's time
        work = DriftWork(store=store, evaluation=evaluation, reference=reference, settings=settings)
        return futures.state(jobs.start(project, folder, work, who(request)), peek=True)

    @router.post("/computeDrift", dependencies=_VIEW)
    async def compute_drift(request: Request, project: str, store: str, evaluation: str) -> Response:
        given = await read_json(request, Any)
        return answer(
            await run_in_threadpool(compute, request, project, store, evaluation, given, "driftParams")
        )

    @router.post("/computeDataDrift", dependencies=_VIEW)
    async def compute_data_drift(request: Request, project: str, store: str, evaluation: str) -> Response:
        given = await read_json(request, Any)
        return answer(
            await run_in_threadpool(compute, request, project, store, evaluation, given, "dataDriftParams")
        )

    return router


def _is_usual(evaluation: Evaluation, reference: DriftReference | None) -> bool:
    """Whether that is what the evaluation was compared with when it was made."""
    source = evaluation.reference
    if reference is None or source is None:
        return reference is None
    usual = VersionReference(model=evaluation.model or "", version=source.id)
    return source.kind == "test_rows" and reference == usual
