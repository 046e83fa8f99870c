"""Stages and infrastructures of the API deployer, as clients of Dataiku speak to it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import WHOLE, Action, Kind, is_allowed
from scoreline.core.deployment import Deployment
from scoreline.core.infrastructure import STATIC, Infrastructure
from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.basics import grouped, infra_info, seen_deployments
from scoreline.rest.permissions import needs, needs_listed, sight
from scoreline.wire import control
from scoreline.wire.dataiku_deployer import (
    ApiNode,
    DeploymentBasicInfo,
    InfraSettings,
    InfraStatus,
    NewInfra,
    Stage,
)
from scoreline.wire.dataiku_settings import converted, known_keys, refused


def routes(control_plane: ControlPlane) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api-deployer")
    infrastructures, deployments = control_plane.infrastructures, control_plane.deployments

    @router.get("/stages", dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE))
    def list_stages() -> Response:
        return answer([Stage(id=one.id, desc=one.description) for one in control_plane.stages.all()])

    @router.get("/infras", dependencies=needs_listed(Kind.INFRASTRUCTURE))
    def list_infras(request: Request) -> Response:
        seen = sight(request)
        deployed = grouped(seen_deployments(seen, deployments.saved()), _infrastructure_of)
        found = [one for one in infrastructures.all() if seen.infrastructure(one.id)]
        return answer([_status(one, deployed[one.id]) for one in found])

    @router.post("/infras", dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE))
    async def create_infra(request: Request) -> Response:
        given = await read_json(request, Any)
        wanted = converted(known_keys(given, NewInfra, "the infrastructure"), NewInfra)
        new = control.NewInfrastructure(id=wanted.id, stage=wanted.stage, kind=wanted.type.lower())
        made = await run_in_threadpool(infrastructures.create, new)
        return answer(infra_info(made))

    @router.get("/infras/{infra}", dependencies=needs(Action.VIEW, Kind.INFRASTRUCTURE, "infra"))
    def get_status(request: Request, infra: str) -> Response:
        deployed = grouped(seen_deployments(sight(request), deployments.saved()), _infrastructure_of)
        return answer(_status(infrastructures.one(infra), deployed[infra]))

    @router.get("/infras/{infra}/settings", dependencies=needs(Action.VIEW, Kind.INFRASTRUCTURE, "infra"))
    def get_settings(infra: str) -> Response:
        return answer(_settings(infrastructures.described(infra)))

    @router.put("/infras/{infra}/settings", dependencies=needs(Action.ADMIN, Kind.INFRASTRUCTURE, "infra"))
    async def save_settings(request: Request, infra: str) -> Response:
        given = await read_json(request, Any)
        now = await run_in_threadpool(infrastructures.described, infra)
        wanted = _wanted(_read(given), now)
        may_refer = is_allowed(caller(request), Action.ADMIN, WHOLE)
        await run_in_threadpool(infrastructures.change, infra, wanted, may_refer=may_refer)
        return answer({})

    @router.delete("/infras/{infra}", dependencies=needs(Action.ADMIN, Kind.INFRASTRUCTURE, "infra"))
    def delete_infra(infra: str) -> Response:
        infrastructures.delete(infra)
        return answer({})

    return router


def _infrastructure_of(deployment: Deployment) -> str:
    return deployment.infrastructure


def _status(infrastructure: Infrastructure, deployed: tuple[DeploymentBasicInfo, ...]) -> InfraStatus:
    return InfraStatus(infra_basic_info=infra_info(infrastructure), deployments=deployed)


def _settings(found: control.Infrastructure) -> InfraSettings:
    return InfraSettings(
        id=found.id,
        stage=found.stage,
        type=found.kind.upper(),
        api_nodes=tuple(ApiNode(url=node.url, admin_key=node.admin_key) for node in found.nodes),
        public_url=found.public_url,
    )


def _read(given: Any) -> InfraSettings:
    kept = known_keys(given, InfraSettings, "the infrastructure")
    if isinstance(kept.get("apiNodes"), list):
        kept["apiNodes"] = [known_keys(node, ApiNode, "a node") for node in kept["apiNodes"]]
    return converted(kept, InfraSettings)


def _wanted(read: InfraSettings, now: control.Infrastructure) -> control.InfrastructureSettings:
    """The settings with everything that theirs do not speak of as it is now. Raises Invalid."""
    before = _settings(now)
    if (read.id, read.type) != (before.id, before.type):
        raise refused("the id and the type of an infrastructure cannot be changed; make another one")
    kept = control.InfrastructureSettings(
        stage=read.stage, public_url=read.public_url, connections=now.connections
    )
    if now.kind != STATIC:
        if read.api_nodes != before.api_nodes:
            raise refused("the nodes of a local infrastructure are started by the control plane itself")
        return replace(kept, local_nodes=len(now.nodes))
    if any(node.admin_key is None for node in read.api_nodes):
        raise refused("each node of a static infrastructure needs its adminAPIKey")
    nodes = tuple(control.NewNode(url=one.url, admin_key=one.admin_key or "") for one in read.api_nodes)
    return replace(kept, nodes=nodes)
