"""Routes of roles."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core import access as rights
from scoreline.core.access import Action, Kind, parse_place
from scoreline.core.user import Grant, SubjectKind, parse_subject
from scoreline.deployer.roles import Roles
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_of
from scoreline.rest.permissions import is_admin_of, needs, needs_named
from scoreline.wire import access
from scoreline.wire.paging import Page


def routes(roles: Roles) -> APIRouter:
    """The routes. Whoever is admin of an object grants the roles on it."""
    router = APIRouter(tags=["access"])

    @router.get(
        "/roles",
        summary="Roles",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(Page[access.Role]),
    )
    def list_roles(paging: Paging, request: Request) -> Response:
        """The roles of the caller and of his groups, and all on objects that he is admin of."""
        me = caller(request)
        is_admin = is_admin_of(request)

        def is_shown(grant: Grant) -> bool:
            names = {me.user} if grant.to.kind is SubjectKind.USER else me.groups
            return grant.to.name in names or is_admin(grant.on)

        return answer(each(page_of(paging, roles.all(is_shown), _place_in_list), _described))

    @router.put(
        "/roles/{on}/{to}",
        summary="Grant a role",
        dependencies=needs_named(Action.ADMIN, "on"),
        **operation(access.Role, body=access.NewRole),
    )
    async def grant_role(on: str, to: str, request: Request) -> Response:
        """Grant a role on an object (`service:ID`, …) to somebody (`user:NAME`, …), for the one before."""
        wanted = await read_json(request, access.NewRole)
        role = rights.Role(wanted.role)
        granted = await run_in_threadpool(roles.grant, parse_place(on), parse_subject(to), role)
        return answer(_described(granted))

    @router.delete(
        "/roles/{on}/{to}",
        summary="Revoke a role",
        dependencies=needs_named(Action.ADMIN, "on"),
        **operation(access.Role),
    )
    def revoke_role(on: str, to: str) -> Response:
        """Take a role back, and answer what it was."""
        return answer(_described(roles.revoke(parse_place(on), parse_subject(to))))

    return router


def _place_in_list(grant: Grant) -> str:
    return f"{grant.on.kind.value} {grant.on.id} {grant.to.kind.value} {grant.to.name}"


def _described(grant: Grant) -> access.Role:
    return access.Role(on=str(grant.on), to=str(grant.to), role=grant.role.value)
