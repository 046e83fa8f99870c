"""Routes of groups."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.user import Group
from scoreline.deployer.users import Users
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_of
from scoreline.rest.permissions import needs
from scoreline.wire import access
from scoreline.wire.paging import Page


def routes(users: Users) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["access"], dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE))

    @router.get("/groups", summary="Groups", **operation(Page[access.Group]))
    def list_groups(paging: Paging) -> Response:
        """Groups by name, with their users."""
        return answer(each(page_of(paging, users.groups(), lambda one: one.name), _described))

    @router.post(
        "/groups", summary="Make a group", **operation(access.Group, status=201, body=access.NewGroup)
    )
    async def create_group(request: Request) -> Response:
        """Make a group without users."""
        wanted = await read_json(request, access.NewGroup)
        return answer(_described(await run_in_threadpool(users.create_group, wanted.name)), 201)

    @router.get("/groups/{group}", summary="One group", **operation(access.Group))
    def get_group(group: str) -> Response:
        """One group with its users."""
        return answer(_described(users.group(group)))

    @router.delete("/groups/{group}", summary="Remove a group", **operation(access.Group))
    def remove_group(group: str) -> Response:
        """Remove a group and the roles it was granted, and answer what it was."""
        return answer(_described(users.remove_group(group)))

    @router.put("/groups/{group}/users/{user}", summary="Add to a group", **operation(access.Group))
    def add_member(group: str, user: str) -> Response:
        """Let a user be in a group; one who is in it already changes nothing."""
        return answer(_described(users.add_member(group, user)))

    @router.delete("/groups/{group}/users/{user}", summary="Remove from a group", **operation(access.Group))
    def remove_member(group: str, user: str) -> Response:
        """Let a user be in a group no more."""
        return answer(_described(users.remove_member(group, user)))

    return router


def _described(group: Group) -> access.Group:
    return access.Group(name=group.name, users=group.users)
