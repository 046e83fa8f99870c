"""The control API as a page calls it: in the same process, in the name of who looks at the page."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import httpx
import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from scoreline.client.connection import path_to, query_of
from scoreline.core.session import CSRF_HEADER, SESSION_COOKIE, csrf_of
from scoreline.errors import Unavailable
from scoreline.wire.paging import MOST_ITEMS, Page
from scoreline.wire.problems import Problem, raise_problem

__all__ = ["Api", "ApiCalls", "path_to"]

T = TypeVar("T")
_PREFIX = "/api/v1"
_PATIENCE = 600.0  # seconds; what takes longer is a job
_FORWARDED = frozenset(
    name.encode()
    for name in (
        "host",
        "origin",
        "x-forwarded-proto",
        "authorization",
        "cookie",
        "user-agent",
        "last-event-id",
    )
)


class ApiCalls:
    """Calls of the application that answers the control API."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def of(self, request: Request) -> Api:
        """Calls in the name of who sent a request."""
        place = request.client or ("127.0.0.1", 0)
        transport = httpx.ASGITransport(
            app=self._application, client=(place[0], place[1]), raise_app_exceptions=False
        )
        # As they came: a browser may send what is not ASCII.
        headers = [(name, value) for name, value in request.headers.raw if name in _FORWARDED]
        token = request.cookies.get(SESSION_COOKIE)
        if token:
            # A page that changes something has proved before that one of ours asks: see `csrf.py`.
            headers.append((CSRF_HEADER.encode(), csrf_of(token).encode()))
        base = f"{request.url.scheme}://{request.headers.get('host') or 'localhost'}"
        return Api(
            httpx.AsyncClient(
                transport=transport, base_url=base, headers=headers, timeout=_PATIENCE, trust_env=False
            )
        )


class Api:
    """Calls in somebody's name. What the control API refuses is raised as the error that it was made of."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, kind: type[T], **parameters: object) -> T:
        """What is at a path below `/api/v1`. Parameters that are None are left out."""
        return _decoded(await self._send("GET", path + query_of(**parameters)), kind)

    async def tagged(self, path: str, kind: type[T], **parameters: object) -> tuple[T, str]:
        """The same with its ETag, for `revision` of a later change."""
        answer = await self._send("GET", path + query_of(**parameters))
        return _decoded(answer, kind), answer.headers.get("etag", "").strip('"')

    async def page(self, path: str, kind: type[T], **parameters: object) -> Page[T]:
        """One page of a list; `limit` and `after` say which."""
        return await self.get(path, Page[kind], **parameters)  # type: ignore[valid-type]

    async def each(self, path: str, kind: type[T], **parameters: object) -> AsyncIterator[T]:
        """The items of a list, of which a page is asked for when the one before is used up."""
        after: str | None = None
        while True:
            found = await self.page(path, kind, limit=MOST_ITEMS, after=after, **parameters)
            for item in found.items:
                yield item
            after = found.next
            if after is None:
                return

    async def all(self, path: str, kind: type[T], **parameters: object) -> list[T]:
        """A whole list."""
        return [item async for item in self.each(path, kind, **parameters)]

    async def text(self, path: str, **parameters: object) -> str:
        """An answer that is plain text."""
        return (await self._send("GET", path + query_of(**parameters))).text

    async def download(self, path: str, **parameters: object) -> httpx.Response:
        """An answer as it is, with its headers."""
        return await self._send("GET", path + query_of(**parameters))

    async def post(self, path: str, body: Any, kind: type[T], **parameters: object) -> T:
        """Do something; `body` None: without one. What is sent twice with the same `once` is done once."""
        headers = {"Idempotency-Key": str(parameters.pop("once", None) or secrets.token_hex(16))}
        answer = await self._send("POST", path + query_of(**parameters), body, headers)
        return _decoded(answer, kind)

    async def put(self, path: str, body: Any, kind: type[T], *, revision: int | str | None = None) -> T:
        """Replace something. `revision`: what must stand for it to be done; else Conflict is raised."""
        return _decoded(await self._send("PUT", path, body, _if_match(revision)), kind)

    async def patch(self, path: str, body: Any, kind: type[T], *, revision: int | str | None = None) -> T:
        """Change parts of something; `revision` as in `put`."""
        return _decoded(await self._send("PATCH", path, body, _if_match(revision)), kind)

    async def delete(
        self, path: str, kind: type[T], *, revision: int | str | None = None, **parameters: object
    ) -> T:
        """Delete something; `revision` as in `put`."""
        path += query_of(**parameters)
        return _decoded(await self._send("DELETE", path, None, _if_match(revision)), kind)

    async def upload(self, path: str, content: AsyncIterator[bytes], length: int, kind: type[T]) -> T:
        """Send an archive as it comes."""
        headers = {"Content-Type": "application/zip", "Content-Length": str(length)}
        answer = await self._http.post(_PREFIX + path, content=content, headers=headers)
        return _decoded(_checked(answer), kind)

    async def answered(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """An answer with its headers, which a page passes on. Raises as the others do."""
        return await self._send(method, path, body)

    async def _send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        given = dict(headers or {})
        if content is not None:
            given["Content-Type"] = "application/json"
        return _checked(await self._http.request(method, _PREFIX + path, content=content, headers=given))


def _if_match(revision: int | str | None) -> dict[str, str]:
    return {} if revision is None or revision == "" else {"If-Match": f'"{revision}"'}


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.status_code < 400:
        return answer
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.DecodeError:
        raise Unavailable(f"the control API answered {answer.status_code}") from None
    raise_problem(problem)
    return answer


def _decoded(answer: httpx.Response, kind: type[T]) -> T:
    found: T = msgspec.json.decode(answer.content or b"null", type=kind)
    return found
