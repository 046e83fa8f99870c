"""Published services of the API deployer, as clients of Dataiku speak to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from scoreline.core.access import Action, Kind, Place
from scoreline.core.deployment import Deployment
from scoreline.core.package import VersionSummary
from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest.access import caller, who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.basics import grouped, seen_deployments
from scoreline.rest.permissions import allow_new_service, may_publish, needs, needs_given, needs_listed, sight
from scoreline.rest.uploads import read_file
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_deployer import (
    DeploymentBasicInfo,
    NewService,
    PublishedPackage,
    ServiceBasicInfo,
    ServiceSettings,
    ServiceStatus,
)
from scoreline.wire.dataiku_settings import converted, known_keys, refused


def routes(control_plane: ControlPlane, *, idle: float) -> APIRouter:
    """The routes. An upload may pause for `idle` seconds."""
    router = APIRouter(prefix="/api-deployer")
    services, deployments = control_plane.services, control_plane.deployments

    @router.get("/services", dependencies=needs_listed(Kind.SERVICE))
    def list_services(request: Request) -> Response:
        seen = sight(request)
        deployed = grouped(seen_deployments(seen, deployments.saved()), _service_of)
        found = [one for one in services.all().items() if seen.service(one[0])]
        return answer([_status(service, versions, deployed[service]) for service, versions in found])

    @router.post("/services", dependencies=needs_given(Action.DEPLOY, Kind.PROJECT))
    async def create_service(request: Request) -> Response:
        given = await read_json(request, Any)
        wanted = converted(known_keys(given, NewService, "the service"), NewService)

        def create() -> None:
            allow_new_service(request, wanted.published_service_id)
            services.create(wanted.published_service_id)
            control_plane.roles.own(caller(request), Place(Kind.SERVICE, wanted.published_service_id))

        await run_in_threadpool(create)
        return answer(ServiceBasicInfo(id=wanted.published_service_id))

    @router.get("/services/{service}", dependencies=needs(Action.VIEW, Kind.SERVICE))
    def get_service(request: Request, service: str) -> Response:
        deployed = grouped(seen_deployments(sight(request), deployments.saved()), _service_of)
        return answer(_status(service, services.versions(service), deployed[service]))

    @router.delete("/services/{service}", dependencies=needs(Action.ADMIN, Kind.SERVICE))
    def delete_service(service: str) -> Response:
        services.delete(service)
        return answer({})

    @router.get("/services/{service}/settings", dependencies=needs(Action.VIEW, Kind.SERVICE))
    def get_settings(service: str) -> Response:
        services.versions(service)
        return answer(ServiceSettings(id=service))

    @router.put("/services/{service}/settings", dependencies=needs(Action.ADMIN, Kind.SERVICE))
    async def save_settings(request: Request, service: str) -> Response:
        given = await read_json(request, Any)
        await run_in_threadpool(services.versions, service)
        read = converted(known_keys(given, ServiceSettings, "the service"), ServiceSettings)
        if read.id != service:
            raise refused("these are the settings of another service; its id cannot be changed")
        return answer({})

    @router.post("/services/{service}/versions", dependencies=needs(Action.DEPLOY, Kind.SERVICE))
    async def import_version(request: Request, service: str) -> Response:
        await run_in_threadpool(services.versions, service)
        draft = await run_in_threadpool(control_plane.artifacts.draft)
        with draft:
            async for chunk in read_file(request, "file", idle=idle):
                await run_in_threadpool(draft.write, chunk)
            version, _ = await run_in_threadpool(
                services.publish, draft, who(request), service, permit=may_publish(request)
            )
        return answer({"id": version.manifest.version})

    @router.get("/services/{service}/versions/{version}", dependencies=needs(Action.DEPLOY, Kind.SERVICE))
    def get_archive(service: str, version: str) -> Response:
        path = services.archive(services.version(service, version))
        return FileResponse(path, media_type="application/zip", filename=f"{service}-{version}.zip")

    @router.delete("/services/{service}/versions/{version}", dependencies=needs(Action.ADMIN, Kind.SERVICE))
    def delete_version(service: str, version: str) -> Response:
        services.delete_version(service, version)
        return answer({})

    return router


def _service_of(deployment: Deployment) -> str:
    return deployment.service


def _status(
    service: str, versions: Sequence[VersionSummary], deployed: tuple[DeploymentBasicInfo, ...]
) -> ServiceStatus:
    return ServiceStatus(
        service_basic_info=ServiceBasicInfo(id=service),
        packages=tuple(_package(version) for version in reversed(versions)),
        deployments=deployed,
    )


def _package(version: VersionSummary) -> PublishedPackage:
    return PublishedPackage(
        id=version.version,
        created_on=milliseconds(version.created_at),
        created_by=version.created_by,
        published_on=milliseconds(version.at),
        published_by=version.by,
        release_notes=version.release_notes,
        digest=version.digest,
    )
