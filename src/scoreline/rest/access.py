"""The door of the control API: no request from nobody, but the one that asks whether it lives."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scoreline.core.access import Caller
from scoreline.errors import NotAllowed, ScorelineError
from scoreline.rest.problems import problem_answer
from scoreline.rest.sign_in import SignIn, address
from scoreline.rest.targets import Targets
from scoreline.storage.catalog_audit import Actor, acting

OPEN_PATHS = frozenset({"/isAlive/"})
PASSWORD_PATH = "/api/v1/me/password"  # noqa: S105
SESSION_PATH = "/api/v1/session"
_WITH_ONE_TIME_PASSWORD = frozenset((PASSWORD_PATH, SESSION_PATH))
"""What is left to somebody with a one-time password."""

NOBODY = Caller(name="nobody")
"""Who signs in: he says in the body who he is."""


class Access:
    """ASGI middleware: answers 401 itself, else notes who asks (`caller`, `who`) for the request.

    What the request changes is audited as his deed.
    """

    def __init__(self, app: ASGIApp, *, sign_in: SignIn, targets: Targets) -> None:
        self._app = app
        self._sign_in = sign_in
        self._targets = targets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or not."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            signs_in = scope["path"] == SESSION_PATH and scope["method"] == "POST"
            found = NOBODY if signs_in else await self._sign_in.caller(request)
            if found.must_change and scope["path"] not in _WITH_ONE_TIME_PASSWORD:
                raise NotAllowed(
                    f"{found.name} came with a one-time password; change it first: PUT {PASSWORD_PATH}",
                    code="password-change-needed",
                )
        except ScorelineError as error:
            await problem_answer(error)(scope, receive, send)
            return
        request.state.caller = found
        request.state.targets = self._targets
        with acting(Actor(name=found.name, key=found.key, address=address(request))):
            await self._app(scope, receive, send)


def caller(request: Request) -> Caller:
    """Who asks."""
    found: Caller = request.state.caller
    return found


def who(request: Request) -> str:
    """Who asks, as histories show him."""
    return caller(request).name
