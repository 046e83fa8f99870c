"""Routes of infrastructures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import WHOLE, Action, Kind, is_allowed
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.nginx_config import DEFAULT_LISTEN
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.etags import Expected, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_of
from scoreline.rest.permissions import needs, needs_listed, sight
from scoreline.wire import control
from scoreline.wire.paging import Page


def routes(infrastructures: Infrastructures) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["infrastructures"])

    @router.get(
        "/infrastructures",
        summary="Infrastructures",
        dependencies=needs_listed(Kind.INFRASTRUCTURE),
        **operation(Page[control.Infrastructure]),
    )
    def list_infrastructures(paging: Paging, request: Request) -> Response:
        """Infrastructures by id, with their nodes."""
        sees = sight(request).infrastructure
        found = [one for one in infrastructures.overview() if sees(one.id)]
        return answer(page_of(paging, found, lambda one: one.id))

    @router.post(
        "/infrastructures",
        summary="Make an infrastructure",
        dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE),
        **operation(control.Infrastructure, status=201, body=control.NewInfrastructure),
    )
    async def create_infrastructure(request: Request) -> Response:
        """Make an infrastructure. Its nodes need not be up; secrets that are given are never told again."""
        wanted = await read_json(request, control.NewInfrastructure)
        made = await run_in_threadpool(infrastructures.create, wanted)
        described = await run_in_threadpool(infrastructures.described, made.id)
        return tagged(request, described, made.revision, 201)

    @router.get(
        "/infrastructures/{infrastructure}",
        summary="One infrastructure",
        dependencies=needs(Action.VIEW, Kind.INFRASTRUCTURE),
        **operation(control.Infrastructure),
    )
    def get_infrastructure(infrastructure: str, request: Request) -> Response:
        """One infrastructure, with its nodes as they are just now."""
        found = infrastructures.described(infrastructure)
        return tagged(request, found, found.revision)

    @router.put(
        "/infrastructures/{infrastructure}",
        summary="Change an infrastructure",
        dependencies=needs(Action.ADMIN, Kind.INFRASTRUCTURE),
        **operation(control.Infrastructure, body=control.InfrastructureSettings),
    )
    async def change_infrastructure(infrastructure: str, request: Request, expected: Expected) -> Response:
        """Replace the settings of an infrastructure. New nodes get what is deployed by themselves."""
        wanted = await read_json(request, control.InfrastructureSettings)
        may_refer = is_allowed(caller(request), Action.ADMIN, WHOLE)
        saved = await run_in_threadpool(
            infrastructures.change, infrastructure, wanted, expected=expected, may_refer=may_refer
        )
        described = await run_in_threadpool(infrastructures.described, infrastructure)
        return tagged(request, described, saved.revision)

    @router.delete(
        "/infrastructures/{infrastructure}",
        summary="Delete an infrastructure",
        dependencies=needs(Action.ADMIN, Kind.INFRASTRUCTURE),
        **operation(control.Deleted),
    )
    def delete_infrastructure(infrastructure: str) -> Response:
        """Delete an infrastructure; 409 while deployments are on it. Local nodes end, static ones go on."""
        infrastructures.delete(infrastructure)
        return answer(control.Deleted(id=infrastructure))

    @router.get(
        "/infrastructures/{infrastructure}/nginx-config",
        summary="nginx before it",
        dependencies=needs(Action.VIEW, Kind.INFRASTRUCTURE),
        **operation(control.NginxConfig),
    )
    def get_nginx_config(
        infrastructure: str,
        listen: Annotated[
            str, Query(max_length=300, description="Where nginx listens: PORT or ADDRESS:PORT.")
        ] = DEFAULT_LISTEN,
    ) -> Response:
        """A ready configuration of nginx before the nodes: it loses no query when one of them dies."""
        text = infrastructures.nginx_config(infrastructure, listen)
        return answer(control.NginxConfig(infrastructure=infrastructure, configuration=text))

    return router
