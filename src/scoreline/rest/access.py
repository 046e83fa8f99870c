"""The door of the control API: no request without a key, but the one that asks whether it lives."""

from __future__ import annotations

import base64
import binascii

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scoreline.deployer.keys import Keys
from scoreline.errors import ScorelineError
from scoreline.rest.problems import problem_answer

OPEN_PATHS = frozenset({"/isAlive/"})


class Access:
    """ASGI middleware: answers 401 or 403 itself, else notes who asks (`who`)."""

    def __init__(self, app: ASGIApp, *, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or not."""
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            request = Request(scope)
            try:
                given = given_key(request.headers.get("authorization", ""))
                request.state.who = await run_in_threadpool(self._keys.who, given)
            except ScorelineError as error:
                await problem_answer(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def who(request: Request) -> str:
    """Whose key the request came with."""
    return str(request.state.who)


def given_key(authorization: str) -> str | None:
    """The key of an Authorization header: a bearer token, or the user name of basic authorization."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[0] or None
