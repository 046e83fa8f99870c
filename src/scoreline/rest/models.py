"""Routes of the saved models of a project."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.notes import Notes
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.noting import note_version
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_in_order, page_of
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.saved_models import ModelOfProject, delete_model_version, saved_model, saved_models
from scoreline.wire import control
from scoreline.wire.control_models import Model, TrainedVersion, TrainedVersionDetails, trained_version
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)


def routes(registry: ProjectRegistry, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}/models", tags=["models"])
    _looking(router, registry)
    _changing(router, registry, audit)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("", summary="Models", dependencies=_VIEW, **operation(Page[Model]))
    def list_models(project: str, paging: Paging) -> Response:
        """Saved models of a project by id, each with the ids of its versions."""
        found = [_message(one) for one in saved_models(registry.folder(project)).values()]
        return answer(page_of(paging, found, lambda one: one.id))

    @router.get("/{model}", summary="One model", dependencies=_VIEW, **operation(Model))
    def get_model(project: str, model: str) -> Response:
        """One saved model."""
        return answer(_message(saved_model(registry.folder(project), model)))

    @router.get(
        "/{model}/versions",
        summary="Versions of a model",
        dependencies=_VIEW,
        **operation(Page[TrainedVersion]),
    )
    def list_model_versions(project: str, model: str, paging: Paging) -> Response:
        """Versions of a model, newest first."""
        store = saved_model(registry.folder(project), model).store
        page, active = page_in_order(paging, store.ids()), store.active()
        return answer(each(page, lambda version: trained_version(store.version(version), active)))

    @router.get(
        "/{model}/versions/{version}",
        summary="One version of a model",
        dependencies=_VIEW,
        **operation(TrainedVersionDetails),
    )
    def get_model_version(project: str, model: str, version: str) -> Response:
        """How a version was trained, what it takes and gives, and how good it is."""
        store = saved_model(registry.folder(project), model).store
        details = TrainedVersionDetails(
            model=model,
            active=store.active() == version,
            version=store.version(version),
            signature=store.signature(version),
            report=store.report(version),
            notes=store.notes(version),
        )
        return answer(details)


def _changing(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post(
        "/{model}/versions/{version}/activate",
        summary="Activate a version of a model",
        dependencies=_DEPLOY,
        **operation(Model),
    )
    def activate(project: str, model: str, version: str) -> Response:
        """Let recipes and new packages use this version from now on; what is deployed stays as it is."""
        found = saved_model(registry.folder(project), model)
        before = found.store.active()
        found.store.activate(version)
        told = {"model": model, "version": version}
        audit.record(
            "activate model version", f"project:{project}", before={**told, "version": before}, after=told
        )
        return answer(_message(found))

    @router.put(
        "/{model}/versions/{version}/notes",
        summary="Note a version of a model",
        dependencies=_DEPLOY,
        **operation(Notes, body=Notes),
    )
    async def note_model_version(request: Request, project: str, model: str, version: str) -> Response:
        """Replace the name, the description and the labels of a version."""
        notes = await read_json(request, Notes)

        def note() -> None:
            store = saved_model(registry.folder(project), model).store
            note_version(store, version, notes, project, audit)

        await run_in_threadpool(note)
        return answer(notes)

    @router.delete(
        "/{model}/versions/{version}",
        summary="Delete a version of a model",
        dependencies=_DEPLOY,
        **operation(control.Deleted),
    )
    def delete(project: str, model: str, version: str) -> Response:
        """Delete a version; 409 while it is active, or the project is being built. Packages keep theirs."""
        delete_model_version(registry.folder(project), model, version)
        told = {"model": model, "version": version}
        audit.record("delete model version", f"project:{project}", before=told)
        return answer(control.Deleted(id=version))


def _message(found: ModelOfProject) -> Model:
    return Model(
        id=found.id,
        name=found.definition.name,
        description=found.definition.description,
        active=found.store.active(),
        versions=found.store.ids(),
        trained_by=found.recipe_id or None,
    )
