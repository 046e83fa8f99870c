"""Routes of stages."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.stage import Stage
from scoreline.deployer.stages import Stages
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.wire import control


def routes(stages: Stages) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["stages"])
    changing = needs(Action.ADMIN, Kind.CONTROL_PLANE)

    @router.get(
        "/stages",
        summary="Stages",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(tuple[Stage, ...]),
    )
    def list_stages() -> Response:
        """All stages, in the order of promotion."""
        return answer(stages.all())

    @router.post(
        "/stages",
        summary="Add a stage",
        dependencies=changing,
        **operation(Stage, status=201, body=control.NewStage),
    )
    async def add_stage(request: Request) -> Response:
        """Add a stage after the last one."""
        wanted = await read_json(request, control.NewStage)
        stage = Stage(id=wanted.id, description=wanted.description)
        return answer(await run_in_threadpool(stages.add, stage), 201)

    @router.put(
        "/stages",
        summary="Order stages",
        dependencies=changing,
        **operation(tuple[Stage, ...], body=control.StageOrder),
    )
    async def order_stages(request: Request) -> Response:
        """Put all stages into another order of promotion."""
        wanted = await read_json(request, control.StageOrder)
        return answer(await run_in_threadpool(stages.order, wanted.order))

    @router.put(
        "/stages/{stage}",
        summary="Describe a stage",
        dependencies=changing,
        **operation(Stage, body=control.StageDescription),
    )
    async def describe_stage(stage: str, request: Request) -> Response:
        """Give a stage another description."""
        wanted = await read_json(request, control.StageDescription)
        described = Stage(id=stage, description=wanted.description)
        return answer(await run_in_threadpool(stages.describe, described))

    @router.delete(
        "/stages/{stage}", summary="Remove a stage", dependencies=changing, **operation(tuple[Stage, ...])
    )
    def remove_stage(stage: str) -> Response:
        """Remove a stage, and answer those that are left; 409 while infrastructures stand in it."""
        stages.remove(stage)
        return answer(stages.all())

    return router
