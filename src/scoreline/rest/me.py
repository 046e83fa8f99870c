"""Routes about the caller himself."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.session import SESSION_COOKIE
from scoreline.deployer.sessions import Sessions
from scoreline.deployer.users import Users
from scoreline.errors import Invalid
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.rest.sessions import with_session
from scoreline.rest.sign_in import address
from scoreline.rest.users import described
from scoreline.wire import access


def routes(users: Users, sessions: Sessions) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["access"], dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE))

    @router.get("/me", summary="Who am I", **operation(access.Me))
    def get_me(request: Request) -> Response:
        """Who asks, with his groups, his roles, and the scope of his key."""
        me = caller(request)
        return answer(
            access.Me(
                name=me.name,
                user=me.user,
                key=me.key,
                groups=tuple(sorted(me.groups)),
                roles=dict(sorted((str(place), role.value) for place, role in me.roles.items())),
                most=me.scope.most.value,
                services=me.scope.services,
            )
        )

    @router.put(
        "/me/password", summary="Change my password", **operation(access.User, body=access.NewPassword)
    )
    async def change_password(request: Request) -> Response:
        """Replace the caller's own password. A one-time password opens this route only.

        All his sessions end; one that the request came with goes on under a new cookie.
        """
        name = caller(request).user
        if name is None:
            raise Invalid("only a user has a password; come as one", code="no-user")
        wanted = await read_json(request, access.NewPassword)
        await run_in_threadpool(users.change_password, name, wanted.old, wanted.new, address(request))
        changed = answer(described(await run_in_threadpool(users.one, name)))
        if "authorization" in request.headers or SESSION_COOKIE not in request.cookies:
            return changed
        _, token = await run_in_threadpool(sessions.begin, name, address(request))
        return with_session(changed, request, token)

    return router
