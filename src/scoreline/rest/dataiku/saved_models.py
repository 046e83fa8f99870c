"""Saved models, as clients of Dataiku speak to them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import Invalid, NotFound
from scoreline.rest.bodies import answer, read_chunks, read_json
from scoreline.rest.noting import note_version
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.project_files import read_project
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.saved_models import (
    ModelOfProject,
    delete_model,
    delete_model_version,
    save_model,
    saved_model,
    saved_models,
)
from scoreline.studio.usages import Usage, usages
from scoreline.wire import dataiku_models as wire
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_metrics import computed
from scoreline.wire.dataiku_notes import notes_read
from scoreline.wire.dataiku_settings import refused

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)
_ADMIN = needs(Action.ADMIN, Kind.PROJECT)
_LONGEST_REFUSED = 1 << 30  # bytes that are read of an upload so that its refusal arrives

_OF_MLFLOW = "models of MLflow cannot be imported yet: train the model by a train recipe of the project"
_KINDS = {
    "MLFLOW_PYFUNC": _OF_MLFLOW,
    "PROXY_MODEL": "models that others serve cannot be added yet; a train recipe makes one of the project",
    "LLM_GENERIC": "language models cannot be kept here; a train recipe makes a model of the project",
}
_EXPORT = "a version is exported in the package of a service: create_package, then download_package_stream"
_EXPLANATIONS = (
    "the importance of features is in `scoreline model show`; other explanations are not there yet"
)
_NOT_YET = {
    "external-ml/metadata": _OF_MLFLOW,
    "external-ml/actions/evaluate": _OF_MLFLOW,
    "scoring-jar": _EXPORT,
    "scoring-pmml": _EXPORT,
    "scoring-python": _EXPORT,
    "export-to-snowflake-function": _EXPORT,
    "export-to-databricks-registry": _EXPORT,
    "generate-documentation-from-default-template": "`scoreline model show` tells all of a version",
    "generate-documentation-from-template-in-folder": "`scoreline model show` tells all of a version",
    "generate-documentation-from-custom-template": "`scoreline model show` tells all of a version",
    "shapley-feature-importance": _EXPLANATIONS,
    "global-explanations": _EXPLANATIONS,
    "subpopulation-analyses": _EXPLANATIONS,
    "partial-dependencies": _EXPLANATIONS,
}
"""What those clients ask of a version that cannot be had here, and what to do instead."""


def routes(registry: ProjectRegistry, audit: CatalogAudit, *, idle: float) -> APIRouter:
    """The routes. An upload may pause for `idle` seconds."""
    router = APIRouter(prefix="/projects/{project}/savedmodels")
    _model_routes(router, registry, audit)
    _version_routes(router, registry)
    _changing_versions(router, registry, audit)
    _refusals(router, idle=idle)
    return router


def _model_routes(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.get("", dependencies=_VIEW)
    def list_models(project: str) -> Response:
        return answer(
            [
                wire.SavedModelItem(
                    id=one.id,
                    name=one.definition.name or one.id,
                    project_key=project,
                    active_version=one.store.active(),
                )
                for one in saved_models(registry.folder(project)).values()
            ]
        )

    @router.get("/{model}", dependencies=_VIEW)
    def get_settings(project: str, model: str) -> Response:
        return answer(_settings(project, saved_model(registry.folder(project), model)))

    @router.put("/{model}", dependencies=_ADMIN)
    async def save_settings(request: Request, project: str, model: str) -> Response:
        given = await read_json(request, Any)

        def save() -> None:
            folder = registry.folder(project)
            found = saved_model(folder, model)
            changed = wire.settings_read(given, _settings(project, found), found.recipe_id)
            save_model(folder, model, changed)
            before = {"model": model, "definition": found.definition}
            audit.record(
                "update model", f"project:{project}", before=before, after={**before, "definition": changed}
            )

        await run_in_threadpool(save)
        return answer({})

    @router.get("/{model}/usages", dependencies=_VIEW)
    def get_usages(project: str, model: str) -> Response:
        folder = registry.folder(project)
        saved_model(folder, model)
        return answer([usage_written(project, one) for one in usages(read_project(folder), model)])

    @router.delete("/{model}", dependencies=_ADMIN)
    def delete(project: str, model: str) -> Response:
        delete_model(registry.folder(project), model)
        audit.record("delete model", f"project:{project}", before={"model": model})
        return answer({})


def _version_routes(router: APIRouter, registry: ProjectRegistry) -> None:
    @router.get("/{model}/versions", dependencies=_VIEW)
    def list_versions(project: str, model: str) -> Response:
        store = saved_model(registry.folder(project), model).store
        active = store.active()
        return answer(
            [
                wire.VersionItem(
                    id=one.id,
                    active=one.id == active,
                    full_model_id=wire.full_model_id(project, model, one.id),
                    created_on=milliseconds(one.created_at),
                    algorithm=wire.algorithm(one),
                )
                for one in store.versions()
            ]
        )

    @router.get("/{model}/versions/{version}/details", dependencies=_VIEW)
    def get_details(project: str, model: str, version: str) -> Response:
        store = saved_model(registry.folder(project), model).store
        return answer(
            wire.details(
                wire.full_model_id(project, model, version),
                store.version(version),
                store.signature(version),
                store.report(version),
                store.notes(version),
            )
        )

    @router.get("/{model}/versions/{version}/snippet", dependencies=_VIEW)
    def get_snippet(project: str, model: str, version: str) -> Response:
        store = saved_model(registry.folder(project), model).store
        full_id = wire.full_model_id(project, model, version)
        return answer(wire.snippet(full_id, store.version(version), store.notes(version)))

    @router.get("/{model}/metrics/{version}", dependencies=_VIEW)
    def get_metrics(project: str, model: str, version: str) -> Response:
        found = saved_model(registry.folder(project), model).store.version(version)
        return answer(computed(found.metrics, milliseconds(found.created_at)))


def _changing_versions(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.post("/{model}/versions/{version}/actions/setActive", dependencies=_DEPLOY)
    def set_active(project: str, model: str, version: str) -> Response:
        store = saved_model(registry.folder(project), model).store
        before = {"model": model, "version": store.active()}
        store.activate(version)
        after = {**before, "version": version}
        audit.record("activate model version", f"project:{project}", before=before, after=after)
        return answer({})

    @router.post("/{model}/actions/delete-versions", dependencies=_DEPLOY)
    async def delete_versions(request: Request, project: str, model: str) -> Response:
        given = await read_json(request, Any)
        versions = given.get("versions") if isinstance(given, dict) else None
        if not isinstance(versions, list) or not all(isinstance(one, str) for one in versions):
            raise refused("give the ids of the versions to delete as 'versions'")

        def delete() -> None:
            folder = registry.folder(project)
            store = saved_model(folder, model).store
            for version in versions:
                store.path(version)  # all of them are there, or none is deleted
            for version in dict.fromkeys(versions):
                delete_model_version(folder, model, version)
                told = {"model": model, "version": version}
                audit.record("delete model version", f"project:{project}", before=told)

        await run_in_threadpool(delete)
        return answer({})

    @router.put("/{model}/versions/{version}/user-meta", dependencies=_DEPLOY)
    async def save_user_meta(request: Request, project: str, model: str, version: str) -> Response:
        given = await read_json(request, Any)

        def save() -> None:
            store = saved_model(registry.folder(project), model).store
            note_version(store, version, notes_read(given, version), project, audit)

        await run_in_threadpool(save)
        return answer({})


def _refusals(router: APIRouter, *, idle: float) -> None:
    """What those clients can ask for that cannot be had here; each is told what to do instead."""

    @router.post("", dependencies=_ADMIN)
    async def create(request: Request, project: str) -> Response:  # noqa: ARG001
        given = await read_json(request, Any)
        kind = str(given.get("savedModelType")) if isinstance(given, dict) else ""
        raise _not_supported(_KINDS.get(kind) or "a train recipe makes a model of the project")

    @router.post("/{model}/versions/{version}", dependencies=_DEPLOY)
    async def import_version(request: Request, project: str, model: str, version: str) -> Response:  # noqa: ARG001
        left = _LONGEST_REFUSED
        async for chunk in read_chunks(request, idle=idle):  # else the sender does not hear the answer
            left -= len(chunk)
            if left < 0:
                break
        raise _not_supported(_OF_MLFLOW)

    @router.api_route(
        "/{model}/versions/{version}/{what:path}", methods=["GET", "POST", "PUT"], dependencies=_VIEW
    )
    def other(project: str, model: str, version: str, what: str) -> Response:  # noqa: ARG001
        if what in _NOT_YET:
            raise _not_supported(_NOT_YET[what])
        raise NotFound(
            f"nothing at {shortened(what)} of a version of a saved model; {did_you_mean(what, _NOT_YET)}",
            code="no-such-route",
        )


def usage_written(project: str, usage: Usage) -> wire.Usage:
    """Who uses an object."""
    kind = "RECIPE" if usage.kind == "recipe" else "API_SERVICE"
    return wire.Usage(object_type=kind, object_id=usage.id, project_key=project)


def _settings(project: str, found: ModelOfProject) -> wire.SavedModelSettings:
    active = found.store.active()
    version = found.store.version(active) if active is not None else None
    return wire.settings_written(project, found.id, found.definition, found.recipe, version)


def _not_supported(what: str) -> Invalid:
    return Invalid(f"not supported: {what}", code="not-supported")
