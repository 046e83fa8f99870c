"""Evaluations of a store, as clients of Dataiku speak to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.core.access import Action, Kind
from scoreline.core.evaluation import Evaluation, numbers
from scoreline.core.project import Project
from scoreline.core.recipe import StandaloneEvaluateRecipe
from scoreline.errors import ScorelineError
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.full_ids import version_of
from scoreline.rest.noting import note_evaluation
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.models import ModelStore
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.given_evaluations import EvaluatedVersion, add_evaluation
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.samples import sample_columns, sample_text
from scoreline.wire import dataiku_evaluations as wire
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_metrics import computed
from scoreline.wire.dataiku_notes import notes_read
from scoreline.wire.dataiku_settings import converted, known_keys, refused

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)


def routes(registry: ProjectRegistry, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/evaluationstores/{store}")
    _looking(router, registry)
    _changing(router, registry, audit)
    _samples(router, registry)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("/latestEvaluationId", dependencies=_VIEW)
    def get_latest(project: str, store: str) -> Response:
        ids = evaluation_store(registry.folder(project), store).evaluations.ids()
        return PlainTextResponse(ids[0] if ids else "")

    @router.get("/evaluations", dependencies=_VIEW)
    def list_evaluations(project: str, store: str) -> Response:
        described = _Described(project, store, registry.folder(project))
        found = described.evaluations
        return answer([described.info(found.read(one)) for one in reversed(found.ids())])

    @router.get("/evaluations/{evaluation}", dependencies=_VIEW)
    def get_evaluation(project: str, store: str, evaluation: str) -> Response:
        described = _Described(project, store, registry.folder(project))
        found = described.evaluations.read(evaluation)
        return answer(wire.info_written(described.info(found), found))

    @router.get("/evaluations/{evaluation}/metrics", dependencies=_VIEW)
    def get_metrics(project: str, store: str, evaluation: str) -> Response:
        found = evaluation_store(registry.folder(project), store).evaluations.read(evaluation)
        return answer(computed(numbers(found), milliseconds(found.created_at)))


def _changing(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post("/evaluations", dependencies=_DEPLOY)
    async def add(request: Request, project: str, store: str) -> Response:
        given = await read_json(request, Any)
        wanted = converted(known_keys(given, wire.NewEvaluation, "the evaluation"), wire.NewEvaluation)
        by = who(request)

        def added() -> wire.FullInfo:
            folder = registry.folder(project)
            of = None
            if wanted.full_model_id is not None:
                named = version_of(project, folder, wanted.full_model_id)
                of = EvaluatedVersion(model=named.model, version=named.version)
            made = add_evaluation(
                folder,
                store,
                wire.metrics_read(wanted.metrics),
                id=wanted.evaluation_id or "",
                of=of,
                notes=wire.notes_of(wanted),
                by=by,
            )
            told = {"store": store, "evaluation": made.id, "metrics": made.custom}
            audit.record("add evaluation", f"project:{project}", after=told)
            return wire.info_written(_Described(project, store, folder).info(made), made)

        return answer(await run_in_threadpool(added))

    @router.delete("/evaluations", dependencies=_DEPLOY)
    async def delete(request: Request, project: str, store: str) -> Response:
        given = await read_json(request, Any)
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise refused("give the ids of the evaluations to delete as a list")

        def deleted() -> None:
            evaluations = evaluation_store(registry.folder(project), store).evaluations
            for evaluation in given:
                evaluations.path(evaluation)  # all of them are there, or none is deleted
            for evaluation in dict.fromkeys(given):
                evaluations.delete(evaluation)
                told = {"store": store, "evaluation": evaluation}
                audit.record("delete evaluation", f"project:{project}", before=told)

        await run_in_threadpool(deleted)
        return answer({})

    @router.put("/evaluations/{evaluation}/user-meta", dependencies=_DEPLOY)
    async def save_user_meta(request: Request, project: str, store: str, evaluation: str) -> Response:
        given = await read_json(request, Any)

        def save() -> None:
            evaluations = evaluation_store(registry.folder(project), store).evaluations
            note_evaluation(evaluations, evaluation, notes_read(given, evaluation), project, audit)

        await run_in_threadpool(save)
        return answer({})


def _samples(router: APIRouter, registry: ProjectRegistry) -> None:
    """The rows themselves: who may only look at the project does not get them."""

    def folder_of(project: str, store: str, evaluation: str) -> Path:
        return evaluation_store(registry.folder(project), store).evaluations.path(evaluation)

    @router.get("/evaluations/{evaluation}/sample", dependencies=_DEPLOY)
    def get_sample(project: str, store: str, evaluation: str) -> Response:
        text = sample_text(folder_of(project, store, evaluation))
        return Response(text, media_type="application/gzip")

    @router.get("/evaluations/{evaluation}/schema", dependencies=_DEPLOY)
    def get_schema(project: str, store: str, evaluation: str) -> Response:
        return answer({"columns": sample_columns(folder_of(project, store, evaluation))})


class _Described:
    """Evaluations of one store, described with what the project knows of them."""

    def __init__(self, project: str, store: str, folder: Path) -> None:
        self._project = project
        self._store = store
        self._folder = folder
        self._read: Project | None = None
        self._targets: dict[tuple[str, str], str | None] = {}
        self.evaluations = evaluation_store(folder, store).evaluations

    def info(self, evaluation: Evaluation) -> wire.EvaluationInfo:
        """One evaluation."""
        target, predicted = self._columns(evaluation)
        notes = self.evaluations.notes(evaluation.id)
        return wire.evaluation_written(
            self._project, self._store, evaluation, notes, target=target, predicted=predicted
        )

    def _columns(self, evaluation: Evaluation) -> tuple[str | None, str | None]:
        """The columns of the truth and of the predictions, as far as it can still be told."""
        if evaluation.model is not None and evaluation.model_version is not None:
            return self._target(evaluation.model, evaluation.model_version), "prediction"
        if self._read is None:
            self._read = read_project(self._folder)
        recipe = self._read.recipes.get(evaluation.recipe)
        if isinstance(recipe, StandaloneEvaluateRecipe):
            return recipe.target, recipe.prediction
        return None, None

    def _target(self, model: str, version: str) -> str | None:
        """What a version predicts; None when it was deleted since."""
        if (model, version) not in self._targets:
            try:
                target = ModelStore(Workspace(self._folder).model(model)).version(version).target
            except ScorelineError:
                target = None
            self._targets[model, version] = target
        return self._targets[model, version]
