"""Routes of the evaluation stores of a project, and of the evaluations in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.evaluation_check import CheckRun
from scoreline.core.notes import Notes
from scoreline.core.project import EvaluationStore as Definition
from scoreline.core.project_job import DriftWork, ProjectJob
from scoreline.errors import Invalid
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.etags import ExpectedDigest, tagged
from scoreline.rest.noting import note_evaluation
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_in_order, page_of
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio.evaluation_stores import (
    StoreOfEvaluations,
    check_store,
    evaluation_store,
    evaluation_stores,
    save_store,
    store_revision,
)
from scoreline.studio.given_evaluations import EvaluatedVersion, add_evaluation
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire import control
from scoreline.wire.control_evaluations import (
    ChangedStore,
    EvaluationDetails,
    EvaluationStore,
    EvaluationSummary,
    NewComparison,
    NewEvaluation,
    evaluation_summary,
)
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)
_Evaluation = Annotated[
    str | None, Query(max_length=200, description="An evaluation's id; left out: the newest.")
]


def routes(registry: ProjectRegistry, jobs: ProjectJobs, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/evaluation-stores", tags=["evaluations"])
    _looking(router, registry)
    _changing_stores(router, registry, audit)
    _changing(router, registry, audit)
    _comparing(router, registry, jobs)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("", summary="Evaluation stores", dependencies=_VIEW, **operation(Page[EvaluationStore]))
    def list_stores(project: str, paging: Paging) -> Response:
        """Evaluation stores of a project by id, each with the ids of its evaluations."""
        found = sorted(evaluation_stores(registry.folder(project)).values(), key=lambda one: one.id)
        return answer(each(page_of(paging, found, lambda one: one.id), _message))

    @router.get("/{store}", summary="One evaluation store", dependencies=_VIEW, **operation(EvaluationStore))
    def get_store(project: str, store: str, request: Request) -> Response:
        """One evaluation store, with its checks."""
        folder = registry.folder(project)
        found = _message(evaluation_store(folder, store))
        return tagged(request, found, store_revision(folder, store))

    @router.get(
        "/{store}/evaluations",
        summary="Evaluations",
        dependencies=_VIEW,
        **operation(Page[EvaluationSummary]),
    )
    def list_evaluations(project: str, store: str, paging: Paging) -> Response:
        """Evaluations of a store, newest first, each with its numbers and how its checks come out."""
        found = evaluation_store(registry.folder(project), store)

        def summary(evaluation_id: str) -> EvaluationSummary:
            evaluation = found.evaluations.read(evaluation_id)
            return evaluation_summary(evaluation, found.run_checks(evaluation).outcome)

        return answer(each(page_in_order(paging, found.evaluations.ids()), summary))

    @router.get(
        "/{store}/evaluations/{evaluation}",
        summary="One evaluation",
        dependencies=_VIEW,
        **operation(EvaluationDetails),
    )
    def get_evaluation(project: str, store: str, evaluation: str) -> Response:
        """One evaluation whole: metrics, pictures, the drift of every column, and its checks."""
        found = evaluation_store(registry.folder(project), store)
        read = found.evaluations.read(evaluation)
        details = EvaluationDetails(
            evaluation=read, checks=found.run_checks(read), notes=found.evaluations.notes(evaluation)
        )
        return answer(details)

    @router.post(
        "/{store}/run-checks",
        summary="Run the checks",
        dependencies=_VIEW,
        **operation(CheckRun),
    )
    def run_checks(project: str, store: str, evaluation: _Evaluation = None) -> Response:
        """Hold an evaluation against the checks of its store, as they are defined now; nothing changes."""
        return answer(check_store(registry.folder(project), store, evaluation))


def _changing_stores(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.put(
        "/{store}",
        summary="Change an evaluation store",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(EvaluationStore, body=ChangedStore),
    )
    async def save(project: str, store: str, request: Request, expected: ExpectedDigest) -> Response:
        """Replace the name, the description and the checks of a store; its evaluations stay."""
        wanted = await read_json(request, ChangedStore)

        def saved() -> Response:
            folder = registry.folder(project)
            before = evaluation_store(folder, store).definition
            after = Definition(name=wanted.name, description=wanted.description, checks=wanted.checks)
            save_store(folder, store, after, since=expected)
            if after != before:
                told = [{"store": store, "definition": one} for one in (before, after)]
                audit.record("change evaluation store", f"project:{project}", before=told[0], after=told[1])
            found = _message(evaluation_store(folder, store))
            return tagged(request, found, store_revision(folder, store))

        return await run_in_threadpool(saved)


def _changing(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post(
        "/{store}/evaluations",
        summary="Add an evaluation",
        dependencies=_DEPLOY,
        **operation(EvaluationSummary, status=201, body=NewEvaluation),
    )
    async def add(request: Request, project: str, store: str) -> Response:
        """Add an evaluation whose numbers were measured elsewhere; 409 when its id is taken."""
        wanted = await read_json(request, NewEvaluation)
        if (wanted.model is None) is not (wanted.model_version is None):
            raise Invalid("give model and model_version, or neither", code="bad-json")
        by = who(request)

        def added() -> EvaluationSummary:
            folder = registry.folder(project)
            made = add_evaluation(
                folder,
                store,
                wanted.metrics,
                id=wanted.id or "",
                of=EvaluatedVersion(model=wanted.model, version=wanted.model_version)
                if wanted.model is not None and wanted.model_version is not None
                else None,
                notes=wanted.notes,
                by=by,
            )
            told = {"store": store, "evaluation": made.id, "metrics": made.custom}
            audit.record("add evaluation", f"project:{project}", after=told)
            return evaluation_summary(made, evaluation_store(folder, store).run_checks(made).outcome)

        return answer(await run_in_threadpool(added), 201)

    @router.put(
        "/{store}/evaluations/{evaluation}/notes",
        summary="Note an evaluation",
        dependencies=_DEPLOY,
        **operation(Notes, body=Notes),
    )
    async def note(request: Request, project: str, store: str, evaluation: str) -> Response:
        """Replace the name, the description and the labels of an evaluation."""
        notes = await read_json(request, Notes)

        def noted() -> None:
            evaluations = evaluation_store(registry.folder(project), store).evaluations
            note_evaluation(evaluations, evaluation, notes, project, audit)

        await run_in_threadpool(noted)
        return answer(notes)

    @router.delete(
        "/{store}/evaluations/{evaluation}",
        summary="Delete an evaluation",
        dependencies=_DEPLOY,
        **operation(control.Deleted),
    )
    def delete(project: str, store: str, evaluation: str) -> Response:
        """Delete an evaluation. The newest of its recipe is made again by the next build."""
        evaluation_store(registry.folder(project), store).evaluations.delete(evaluation)
        told = {"store": store, "evaluation": evaluation}
        audit.record("delete evaluation", f"project:{project}", before=told)
        return answer(control.Deleted(id=evaluation))


def _comparing(router: APIRouter, registry: ProjectRegistry, jobs: ProjectJobs) -> None:
    @router.post(
        "/{store}/evaluations/{evaluation}/drift",
        summary="Compute drift anew",
        dependencies=_DEPLOY,
        **operation(ProjectJob, status=202, body=NewComparison),
    )
    async def compute_drift(request: Request, project: str, store: str, evaluation: str) -> Response:
        """Compare the kept rows of an evaluation with those of a version or of another one, by a job."""
        wanted = await read_json(request, NewComparison)
        by = who(request)

        def start() -> ProjectJob:
            folder = registry.folder(project)
            evaluation_store(folder, store).evaluations.path(evaluation)
            work = DriftWork(
                store=store, evaluation=evaluation, reference=wanted.reference, settings=wanted.settings
            )
            return jobs.start(project, folder, work, by)

        return answer(await run_in_threadpool(start), 202)


def _message(store: StoreOfEvaluations) -> EvaluationStore:
    ids = store.evaluations.ids()
    return EvaluationStore(
        id=store.id,
        name=store.name,
        description=store.definition.description,
        checks=store.checks,
        evaluations=ids,
        outcome=store.run_checks(store.evaluations.read(ids[0])).outcome if ids else None,
    )
