"""Who comes with a request: by a key, by name and password, by a session, or, in the open mode, anyone."""

from __future__ import annotations

import base64
import binascii
import functools
import ipaddress
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from scoreline.core.access import CONTROL_PLANE, Caller, Role
from scoreline.core.session import CSRF_HEADER, SESSION_COOKIE, is_csrf
from scoreline.deployer.keys import Keys
from scoreline.deployer.sessions import Sessions
from scoreline.deployer.users import Users
from scoreline.errors import NotAllowed, Unavailable

ANYONE = Caller(name="anyone", roles={CONTROL_PLANE: Role.ADMIN})
"""Who comes without a key in the open mode."""

_SAFE = frozenset(("GET", "HEAD"))
_PASSWORDS_AT_ONCE = 2
_MOST_WAITING = 20


class SignIn:
    """Finds the caller of a request.

    `hosts` are the names under which the open mode answers; None: it is closed.
    """

    def __init__(
        self, keys: Keys, users: Users, sessions: Sessions, *, hosts: frozenset[str] | None = None
    ) -> None:
        self._keys = keys
        self._users = users
        self._sessions = sessions
        self._hosts = hosts
        self._turns = anyio.CapacityLimiter(_PASSWORDS_AT_ONCE)
        self._waiting = 0

    async def caller(self, request: Request) -> Caller:
        """Who asks. Raises NotAllowed when he does not say, or not truly."""
        header = request.headers.get("authorization")
        session = request.cookies.get(SESSION_COOKIE) if header is None else None
        if session:
            found = await self._by_session(request, session)
            if found is not None:
                return found
        if header is None and self._hosts is not None:
            _check_near(request, self._hosts)
            return ANYONE
        name, secret = credentials(header or "")
        if name and secret:
            return await self.by_password(name, secret, address(request))
        if name or secret:
            return await run_in_threadpool(self._keys.caller, name or secret)
        raise NotAllowed(
            "the control API needs a key, as a bearer token or as the user name of basic authorization; "
            "or a user name and a password, or a session",
            code="unauthenticated",
        )

    async def by_password(self, name: str, password: str, place: str) -> Caller:
        """Who comes with a name and a password. Raises NotAllowed, and Unavailable when many do at once."""
        # Checking one takes a core for a while: a few at once, in threads of their own.
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("too many people sign in at once; try again", code="busy")
        self._waiting += 1
        try:
            check = functools.partial(self._users.sign_in, name, password, place)
            return await anyio.to_thread.run_sync(check, limiter=self._turns)
        finally:
            self._waiting -= 1

    async def _by_session(self, request: Request, token: str) -> Caller | None:
        """Who comes with a session; None when it is over and the open mode lets in anyone."""
        # A stream asks again and again who reads it: that does not keep a session alive.
        uses = not hasattr(request.state, "caller")
        check = functools.partial(self._sessions.caller, token, uses=uses)
        try:
            found = await run_in_threadpool(check)
        except NotAllowed:
            if self._hosts is not None:
                return None
            raise
        if request.method not in _SAFE and not is_csrf(token, request.headers.get(CSRF_HEADER, "")):
            raise NotAllowed(
                f"a request that changes something needs its session's token, as the header {CSRF_HEADER}",
                code="csrf",
            )
        return found


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


def credentials(authorization: str) -> tuple[str, str]:
    """Name and secret of an Authorization header; of a bearer token, the secret only. Empty: not there."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return "", value.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, _, secret = decoded.partition(":")
    return name, secret


def _check_near(request: Request, hosts: frozenset[str]) -> None:
    """In the open mode, a page of somewhere else must not make a visitor's browser ask for him."""
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    origin = request.headers.get("origin")
    if (name in hosts or _is_address(name)) and (origin is None or urlsplit(origin).netloc == host):
        return
    raise NotAllowed(
        "without a key, the control plane answers under its own address only, and not to pages of others",
        code="cross-site",
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
