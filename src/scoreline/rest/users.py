"""Routes of users."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.user import User
from scoreline.deployer.users import Users
from scoreline.rest.bodies import answer, answer_once, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_of
from scoreline.rest.permissions import needs
from scoreline.wire import access
from scoreline.wire.paging import Page


def routes(users: Users) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["access"], dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE))

    @router.get("/users", summary="Users", **operation(Page[access.User]))
    def list_users(paging: Paging) -> Response:
        """Users by name."""
        return answer(each(page_of(paging, users.all(), lambda one: one.name), described))

    @router.post(
        "/users", summary="Make a user", **operation(access.MadeUser, status=201, body=access.NewUser)
    )
    async def create_user(request: Request) -> Response:
        """Make a user. His one-time password is shown this once."""
        wanted = await read_json(request, access.NewUser)
        made, password = await run_in_threadpool(users.create, wanted.name, with_password=wanted.password)
        return answer_once(access.MadeUser(user=described(made), one_time_password=password), 201)

    @router.get("/users/{user}", summary="One user", **operation(access.User))
    def get_user(user: str) -> Response:
        """One user."""
        return answer(described(users.one(user)))

    @router.patch(
        "/users/{user}", summary="Enable or disable a user", **operation(access.User, body=access.UserChange)
    )
    async def change_user(user: str, request: Request) -> Response:
        """Let a user in, or no more: his keys and his password stop at once. 409 for the last admin."""
        wanted = await read_json(request, access.UserChange)
        return answer(described(await run_in_threadpool(users.set_enabled, user, wanted.enabled)))

    @router.post(
        "/users/{user}/password", summary="Reset a password", **operation(access.OneTimePassword, status=201)
    )
    def reset_password(user: str) -> Response:
        """Give a user a new one-time password, which is shown this once."""
        return answer_once(access.OneTimePassword(one_time_password=users.reset_password(user)), 201)

    return router


def described(user: User) -> access.User:
    """A user as he is told."""
    return access.User(
        name=user.name,
        enabled=user.enabled,
        must_change=user.must_change,
        has_password=user.has_password,
        created_at=user.created_at,
        groups=user.groups,
    )
