"""Deployments of the API deployer, as clients of Dataiku speak to it."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind, deployment_target
from scoreline.core.deployment import Deployment, Health
from scoreline.deployer.control_plane import ControlPlane
from scoreline.errors import NotFound
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.basics import basic_info, infra_info, seen_deployments
from scoreline.rest.dataiku.updates import future, update_details, update_item
from scoreline.rest.permissions import allow, find, needs, needs_given, needs_listed, sight
from scoreline.wire import control
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_deployer import (
    ApiNode,
    DeploymentSettings,
    DeploymentStatus,
    HeavyStatus,
    InfoMessages,
    InfraBasicInfo,
    NewDeployment,
    info_messages,
    mapping_written,
    settings_read,
)
from scoreline.wire.dataiku_settings import converted, known_keys

_SEVERITIES: dict[Health, Literal["WARNING", "ERROR"]] = {Health.ERROR: "ERROR", Health.WARNING: "WARNING"}
_MOST_UPDATES = 1_000


def routes(control_plane: ControlPlane) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api-deployer")
    _listing(router, control_plane)
    _settings_routes(router, control_plane)
    _update_routes(router, control_plane)
    return router


def _listing(router: APIRouter, control_plane: ControlPlane) -> None:
    deployments, infrastructures = control_plane.deployments, control_plane.infrastructures

    @router.get("/deployments", dependencies=needs_listed(Kind.DEPLOYMENT))
    def list_deployments(request: Request) -> Response:
        found = seen_deployments(sight(request), deployments.saved())
        infras = {one.id: infra_info(one) for one in infrastructures.all()}
        return answer(
            [_light(one, infras[one.infrastructure]) for one in found if one.infrastructure in infras]
        )

    @router.post("/deployments", dependencies=needs_given(Action.DEPLOY, Kind.DEPLOYMENT))
    async def create_deployment(request: Request) -> Response:
        given = await read_json(request, Any)
        wanted = converted(known_keys(given, NewDeployment, "the deployment"), NewDeployment)
        new = control.NewDeployment(
            id=wanted.deployment_id,
            service=wanted.published_service_id,
            infrastructure=wanted.infra_id,
            version=wanted.version,
        )

        def add() -> Deployment:
            service = find(request, Kind.SERVICE, new.service)
            find(request, Kind.INFRASTRUCTURE, new.infrastructure)
            place = deployment_target("", service=service, infrastructure=new.infrastructure)
            allow(request, Action.DEPLOY, place)
            return deployments.add(new)

        return answer(basic_info(await run_in_threadpool(add)))

    @router.get("/deployments/{deployment}", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def get_light_status(deployment: str) -> Response:
        found = deployments.settings(deployment)
        return answer(_light(found, infra_info(infrastructures.one(found.infrastructure))))

    @router.get("/deployments/{deployment}/status", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def get_heavy_status(deployment: str) -> Response:
        found = deployments.one(deployment)
        messages = info_messages(_SEVERITIES.get(found.health, "INFO"), found.messages)
        public = infrastructures.one(found.infrastructure).public_url
        if public:
            heavy = HeavyStatus(health=found.health.value, health_messages=messages, public_url=public)
        else:
            nodes = tuple(
                ApiNode(url=one.url) for one in infrastructures.nodes(found.infrastructure) if one.url
            )
            heavy = HeavyStatus(health=found.health.value, health_messages=messages, api_nodes=nodes)
        return answer(heavy)

    @router.get(
        "/deployments/{deployment}/governance-status", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT)
    )
    def get_governance_status(deployment: str) -> Response:
        deployments.settings(deployment)
        return answer(InfoMessages())

    @router.get("/deployments/{deployment}/get-open-api", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def get_open_api(deployment: str) -> Response:
        return answer(control_plane.descriptions.openapi(deployments.settings(deployment)))

    @router.delete("/deployments/{deployment}", dependencies=needs(Action.ADMIN, Kind.DEPLOYMENT))
    def delete_deployment(request: Request, deployment: str) -> Response:
        ignore = request.query_params.get("ignorePreDeleteErrors", "").lower() == "true"
        deployments.delete(deployment, ignore_errors=ignore)
        return answer({})


def _settings_routes(router: APIRouter, control_plane: ControlPlane) -> None:
    deployments = control_plane.deployments

    @router.get("/deployments/{deployment}/settings", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def get_settings(deployment: str) -> Response:
        return answer(_settings(deployments.settings(deployment)))

    @router.put("/deployments/{deployment}/settings", dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT))
    async def save_settings(request: Request, deployment: str) -> Response:
        given = await read_json(request, Any)
        found = await run_in_threadpool(deployments.settings, deployment)
        enabled, tags, mapping = settings_read(given, _settings(found))
        wanted = control.DeploymentSettings(enabled=enabled, tags=tags, mapping=mapping)
        await run_in_threadpool(deployments.save, deployment, wanted)
        return answer({})


def _update_routes(router: APIRouter, control_plane: ControlPlane) -> None:
    deployments = control_plane.deployments

    @router.post(
        "/deployments/{deployment}/actions/update", dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT)
    )
    def start_update(request: Request, deployment: str) -> Response:
        started = deployments.update(deployment, control.NewUpdate(), who(request))
        return answer(future(control_plane.jobs.of_update(started.id)))

    @router.get("/deployments/{deployment}/update", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def list_updates(deployment: str) -> Response:
        return answer([update_item(one) for one in deployments.updates(deployment, limit=_MOST_UPDATES)])

    @router.get("/deployments/{deployment}/last-update", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT))
    def get_last_update(deployment: str) -> Response:
        newest = deployments.updates(deployment, limit=1)
        if not newest:
            raise NotFound(f"deployment {deployment!r} was never updated", code="no-such-update")
        return answer(update_details(deployments.one_update(deployment, newest[0].id)))

    @router.get(
        "/deployments/{deployment}/update/{timestamp}", dependencies=needs(Action.VIEW, Kind.DEPLOYMENT)
    )
    def get_update(deployment: str, timestamp: int) -> Response:
        for update in deployments.updates(deployment, limit=_MOST_UPDATES):
            if milliseconds(update.started_at) == timestamp:
                return answer(update_details(deployments.one_update(deployment, update.id)))
        raise NotFound(f"deployment {deployment!r} has no update of {timestamp}", code="no-such-update")


def _light(found: Deployment, infra: InfraBasicInfo) -> DeploymentStatus:
    return DeploymentStatus(deployment_basic_info=basic_info(found), infra_basic_info=infra)


def _settings(found: Deployment) -> DeploymentSettings:
    return DeploymentSettings(
        id=found.id,
        published_service_id=found.service,
        deployed_service_id=found.deployed_service,
        infra_id=found.infrastructure,
        enabled=found.enabled,
        tags=found.tags,
        generations_mapping=mapping_written(found.mapping),
    )
