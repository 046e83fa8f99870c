"""Routes of updates: everything that changes what a deployment answers with."""

from __future__ import annotations

import functools

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.deployer.deployments import Deployments
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.numbers import Number
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_from
from scoreline.rest.permissions import allow_deploying, needs
from scoreline.wire import control
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.DEPLOYMENT)
_DEPLOY = needs(Action.DEPLOY, Kind.DEPLOYMENT)


def routes(deployments: Deployments) -> APIRouter:
    """The routes. What starts an update answers 202 with it at once; it runs on as a job."""
    router = APIRouter(tags=["updates"])
    _history(router, deployments)
    _starting(router, deployments)
    _stages(router, deployments)
    return router


def _history(router: APIRouter, deployments: Deployments) -> None:
    @router.get(
        "/deployments/{deployment}/updates",
        summary="Updates",
        dependencies=_VIEW,
        **operation(Page[control.Update]),
    )
    def list_updates(deployment: str, paging: Paging) -> Response:
        """Updates of a deployment, newest first."""
        found = deployments.updates(deployment, limit=paging.limit + 1, before=paging.after_number)
        return answer(page_from(paging, found, lambda one: one.id))

    @router.get(
        "/deployments/{deployment}/updates/{number}",
        summary="One update",
        dependencies=_VIEW,
        **operation(control.Update),
    )
    def get_update(deployment: str, number: Number) -> Response:
        """One update with its steps and its log."""
        return answer(deployments.one_update(deployment, number))

    @router.post(
        "/deployments/{deployment}/updates/{number}/cancel",
        summary="Cancel an update",
        dependencies=_DEPLOY,
        **operation(control.Update, status=202),
    )
    def cancel_update(deployment: str, number: Number) -> Response:
        """Ask an update to end; it ends CANCELLED, and what was live before stays. 409 when it has ended."""
        return answer(deployments.cancel(deployment, number), 202)


def _starting(router: APIRouter, deployments: Deployments) -> None:
    @router.post(
        "/deployments/{deployment}/updates",
        summary="Update",
        dependencies=_DEPLOY,
        **operation(control.Update, status=202, body=control.NewUpdate),
    )
    async def start_update(deployment: str, request: Request) -> Response:
        """Bring what is saved live, or save a version or a mapping first; 409 while another update runs."""
        wanted = await read_json(request, control.NewUpdate)
        return answer(await run_in_threadpool(deployments.update, deployment, wanted, who(request)), 202)

    @router.post(
        "/deployments/{deployment}/rollback",
        summary="Roll back",
        dependencies=_DEPLOY,
        **operation(control.Update, status=202, body=control.NewRollback),
    )
    async def roll_back(deployment: str, request: Request) -> Response:
        """Go back to a version, or to what was live before what is live now."""
        wanted = await read_json(request, control.NewRollback)
        return answer(await run_in_threadpool(deployments.roll_back, deployment, wanted, who(request)), 202)

    @router.post(
        "/deployments/{deployment}/enable",
        summary="Enable",
        dependencies=_DEPLOY,
        **operation(control.Update, status=202),
    )
    def enable(deployment: str, request: Request) -> Response:
        """Let a deployment answer again, by an update."""
        return answer(deployments.enable(deployment, who(request), enabled=True), 202)

    @router.post(
        "/deployments/{deployment}/disable",
        summary="Disable",
        dependencies=_DEPLOY,
        **operation(control.Update, status=202),
    )
    def disable(deployment: str, request: Request) -> Response:
        """Let a deployment refuse every query, by an update."""
        return answer(deployments.enable(deployment, who(request), enabled=False), 202)


def _stages(router: APIRouter, deployments: Deployments) -> None:
    @router.post(
        "/deployments/{deployment}/copy",
        summary="Copy",
        dependencies=_VIEW,
        **operation(control.Update, status=202, body=control.NewCopy),
    )
    async def copy(deployment: str, request: Request) -> Response:
        """Deploy what is live, or else saved, on another infrastructure, too; answers its first update."""
        wanted = await read_json(request, control.NewCopy)

        def start() -> control.Update:
            service = deployments.settings(deployment).service
            allow_deploying(request, service, wanted.infrastructure)
            return deployments.copy(deployment, wanted, who(request))

        return answer(await run_in_threadpool(start), 202)

    @router.post(
        "/deployments/{deployment}/promote",
        summary="Promote",
        dependencies=_VIEW,
        **operation(control.Update, status=202, body=control.NewPromotion),
    )
    async def promote(deployment: str, request: Request) -> Response:
        """Bring what is live to an infrastructure of the next stage; answers the update there."""
        wanted = await read_json(request, control.NewPromotion)

        def start() -> control.Update:
            permit = functools.partial(allow_deploying, request)
            return deployments.promote(deployment, wanted, who(request), permit=permit)

        return answer(await run_in_threadpool(start), 202)
