"""Routes of deployments and their updates."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.deployment import Update
from scoreline.deployer.deployments import Deployments
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.wire import control


def routes(deployments: Deployments) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["deployments"])

    @router.get("/deployments", summary="Deployments", **operation(tuple[control.Deployment, ...]))
    def list_deployments() -> Response:
        """All deployments, with what their nodes serve right now."""
        return answer(deployments.overview()[1])

    @router.post(
        "/deployments", summary="Deploy", **operation(Update, status=202, body=control.NewDeployment)
    )
    async def create_deployment(request: Request) -> Response:
        """Make a deployment and start its first update."""
        wanted = await read_json(request, control.NewDeployment)
        return answer(await run_in_threadpool(deployments.create, wanted, who(request)), 202)

    @router.get("/deployments/{deployment}", summary="One deployment", **operation(control.Deployment))
    def get_deployment(deployment: str) -> Response:
        """One deployment, with what its nodes serve right now."""
        return answer(deployments.one(deployment))

    @router.get("/deployments/{deployment}/updates", summary="Updates", **operation(tuple[Update, ...]))
    def list_updates(deployment: str) -> Response:
        """The last 100 updates, newest first."""
        return answer(deployments.updates(deployment))

    @router.post(
        "/deployments/{deployment}/updates",
        summary="Update",
        **operation(Update, status=202, body=control.NewUpdate),
    )
    async def start_update(deployment: str, request: Request) -> Response:
        """Start an update to another version; 409 while one is running."""
        wanted = await read_json(request, control.NewUpdate)
        started = await run_in_threadpool(deployments.update, deployment, wanted.version, who(request))
        return answer(started, 202)

    @router.get("/deployments/{deployment}/updates/{number}", summary="One update", **operation(Update))
    def get_update(deployment: str, number: int) -> Response:
        """One update with its log."""
        return answer(deployments.one_update(deployment, number))

    @router.post(
        "/deployments/{deployment}/test-queries", summary="Run test queries", **operation(control.TestRun)
    )
    def run_test_queries(deployment: str) -> Response:
        """Ask every node the test queries of the version that is wanted."""
        return answer(deployments.run_test_queries(deployment))

    return router
