"""Projects and the API designer, as clients of Dataiku speak to them: API services and their packages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from scoreline.core.access import Action, Kind, service_target
from scoreline.core.service import PredictionEndpoint
from scoreline.deployer.control_plane import ControlPlane
from scoreline.deployer.services import Services
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.permissions import allow, needs, needs_listed, sight
from scoreline.storage.artifacts import Artifacts
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.workspace import Workspace
from scoreline.studio import services as designed
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.versions import StoredVersion, archive_of, delete_version, version_of, versions_of
from scoreline.wire import dataiku_service
from scoreline.wire.dataiku_control import Package, PackageSummary, Project, milliseconds

_PACKAGING_AT_ONCE = 2
_CHUNK = 1 << 20

_log = logging.getLogger(__name__)


def routes(control_plane: ControlPlane, registry: ProjectRegistry) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _service_routes(router, registry, control_plane.audit)
    _package_routes(router, registry, control_plane.audit)
    _publishing(router, registry, control_plane.services, control_plane.artifacts)
    return router


def _service_routes(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    @router.get("/projects", dependencies=needs_listed(Kind.PROJECT))
    def list_projects(request: Request) -> Response:
        sees = sight(request).project
        return answer(
            [
                Project(project_key=one.key, name=one.name or one.key, short_desc=one.description)
                for one in registry.all()
                if sees(one.key)
            ]
        )

    @router.get("/projects/{project}/apiservices", dependencies=needs(Action.VIEW, Kind.PROJECT))
    def list_services(project: str) -> Response:
        found = designed.services_of(registry.folder(project))
        return answer([dataiku_service.written(project, id_, service) for id_, service in found.items()])

    @router.post("/projects/{project}/apiservices/{service}", dependencies=_needs(Action.ADMIN))
    def create_service(project: str, service: str) -> Response:
        designed.create_service(registry.folder(project), service)
        audit.record("create service", f"project:{project}", after={"service": service})
        return answer({"id": service})

    @router.get("/projects/{project}/apiservices/{service}/settings", dependencies=_needs(Action.VIEW))
    def get_settings(project: str, service: str) -> Response:
        found = designed.service_of(registry.folder(project), service)
        return answer(dataiku_service.written(project, service, found))

    @router.put("/projects/{project}/apiservices/{service}/settings", dependencies=_needs(Action.ADMIN))
    async def save_settings(request: Request, project: str, service: str) -> Response:
        settings = await read_json(request, Any)
        changed = dataiku_service.read(project, service, settings)

        def save() -> None:
            folder = registry.folder(project)
            before = {"service": service, "definition": designed.services_of(folder).get(service)}
            designed.save_service(folder, service, changed)
            after = {"service": service, "definition": changed}
            audit.record("update service", f"project:{project}", before=before, after=after)

        await run_in_threadpool(save)
        return answer({})


def _package_routes(router: APIRouter, registry: ProjectRegistry, audit: CatalogAudit) -> None:
    packaging = asyncio.Semaphore(_PACKAGING_AT_ONCE)

    @router.get("/projects/{project}/apiservices/{service}/packages", dependencies=_needs(Action.VIEW))
    def list_packages(project: str, service: str) -> Response:
        found = versions_of(Workspace(registry.folder(project)), service)
        return answer([_package(version) for version in reversed(found)])

    @router.post(
        "/projects/{project}/apiservices/{service}/packages/{package}", dependencies=_needs(Action.DEPLOY)
    )
    async def create_package(request: Request, project: str, service: str, package: str) -> Response:
        def create() -> None:
            from scoreline.studio.packaging import create_version  # loads much

            folder = registry.folder(project)
            notes, by = request.query_params.get("releaseNotes", ""), who(request)
            made = create_version(folder, service, package, release_notes=notes, by=by, progress=_log.info)
            told = {"service": service, "version": package, "digest": made.digest}
            audit.record("create version", f"project:{project}", after=told)

        async with packaging:
            await run_in_threadpool(create)
        return answer({"id": package})

    @router.get(
        "/projects/{project}/apiservices/{service}/packages/{package}/summary",
        dependencies=_needs(Action.VIEW),
    )
    def get_summary(project: str, service: str, package: str) -> Response:
        return answer(_summary(project, version_of(Workspace(registry.folder(project)), service, package)))

    @router.get(
        "/projects/{project}/apiservices/{service}/packages/{package}/archive",
        dependencies=_needs(Action.DEPLOY),
    )
    def get_archive(project: str, service: str, package: str) -> Response:
        path = archive_of(Workspace(registry.folder(project)), service, package)
        return FileResponse(path, media_type="application/zip", filename=f"{service}-{package}.zip")

    @router.delete(
        "/projects/{project}/apiservices/{service}/packages/{package}", dependencies=_needs(Action.DEPLOY)
    )
    def delete_package(project: str, service: str, package: str) -> Response:
        delete_version(Workspace(registry.folder(project)), service, package)
        told = {"service": service, "version": package}
        audit.record("delete version", f"project:{project}", before=told)
        return answer({})


def _publishing(
    router: APIRouter, registry: ProjectRegistry, services: Services, artifacts: Artifacts
) -> None:
    @router.post(
        "/projects/{project}/apiservices/{service}/packages/{package}/publish",
        dependencies=_needs(Action.DEPLOY),
    )
    def publish_package(request: Request, project: str, service: str, package: str) -> Response:
        path = archive_of(Workspace(registry.folder(project)), service, package)
        published_as = request.query_params.get("publishedServiceId") or service
        known = request.state.targets.one(Kind.SERVICE, published_as)
        allow(request, Action.DEPLOY, known or service_target(published_as, project))
        with artifacts.draft() as draft, path.open("rb") as archive:
            while chunk := archive.read(_CHUNK):
                draft.write(chunk)
            services.publish(draft, who(request), published_as)
        return answer({})


def _needs(action: Action) -> Sequence[Any]:
    """For routes of a service inside a project: a key for that service opens them, too."""
    return needs(action, Kind.PROJECT, service="service")


def _package(version: StoredVersion) -> Package:
    return Package(
        id=version.manifest.version,
        created_on=milliseconds(version.manifest.created_at),
        created_by=version.manifest.created_by,
        release_notes=version.manifest.release_notes,
    )


def _summary(project: str, version: StoredVersion) -> PackageSummary:
    manifest = version.manifest
    return PackageSummary(
        id=manifest.version,
        service_id=manifest.service,
        project_key=project,
        created_on=milliseconds(manifest.created_at),
        created_by=manifest.created_by,
        release_notes=manifest.release_notes,
        digest=manifest.digest,
        size=version.size,
        endpoints=tuple(
            {
                "id": endpoint.id,
                "type": dataiku_service.PREDICTION
                if isinstance(endpoint, PredictionEndpoint)
                else dataiku_service.LOOKUP,
            }
            for endpoint in version.service.endpoints
        ),
        models={model: packaged.version for model, packaged in manifest.models.items()},
        lookups={lookup.dataset: lookup.rows for lookup in manifest.lookups.values()},
    )
