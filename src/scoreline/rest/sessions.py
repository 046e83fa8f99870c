"""Routes of sessions: a browser signs in with name and password, and comes with a cookie from then on."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.session import SESSION_COOKIE, csrf_of
from scoreline.core.session import Session as Begun
from scoreline.deployer.sessions import WHOLE, Sessions, ends_at
from scoreline.errors import NotAllowed
from scoreline.rest.bodies import answer_once, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.rest.sign_in import SignIn, address
from scoreline.wire import access


def routes(sessions: Sessions, sign_in: SignIn) -> APIRouter:
    """The routes. Signing in is for everyone."""
    router = APIRouter(tags=["access"])

    @router.post(
        "/session", summary="Sign in", **operation(access.Session, status=201, body=access.NewSession)
    )
    async def begin_session(request: Request) -> Response:
        """Begin a session of a browser, which the answer's cookie carries.

        Requests that change something need the header `X-CSRF-Token` beside it. It ends after 12 hours
        without use, after 7 days, when the same browser begins another one, and when the user's password is
        changed or he is disabled.
        """
        check_own_page(request)
        wanted = await read_json(request, access.NewSession)
        who = await sign_in.by_password(wanted.name, wanted.password, address(request))
        before = request.cookies.get(SESSION_COOKIE)
        if before:
            await run_in_threadpool(sessions.end, before)
        begun, token = await run_in_threadpool(sessions.begin, wanted.name, address(request))
        told = _described(begun, token, must_change=who.must_change)
        return with_session(answer_once(told, 201), request, token)

    @router.delete(
        "/session",
        summary="Sign out",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(access.SessionEnd),
    )
    def end_session(request: Request) -> Response:
        """End the session of the cookie; without one, nothing changes."""
        token = request.cookies.get(SESSION_COOKIE)
        if token:
            sessions.end(token)
        response = answer_once(access.SessionEnd(ended=bool(token)), 200)
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
        return response

    return router


def with_session(response: Response, request: Request, token: str) -> Response:
    """An answer that brings the browser its cookie."""
    # A proxy that ends TLS says so; who makes it up only keeps his own cookie from being sent.
    is_secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(WHOLE.total_seconds()),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )
    return response


def check_own_page(request: Request) -> None:
    """A page of somewhere else must not sign a visitor in as somebody of its choice. Raises NotAllowed."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is not None:
        site = "same-origin" if urlsplit(origin).netloc == request.headers.get("host") else "cross-site"
    if site not in (None, "same-origin", "none"):
        raise NotAllowed("sign in on a page of the control plane itself", code="cross-site")


def _described(session: Begun, token: str, *, must_change: bool) -> access.Session:
    return access.Session(
        user=session.user,
        must_change=must_change,
        created_at=session.created_at,
        ends_at=ends_at(session),
        csrf=csrf_of(token),
    )
