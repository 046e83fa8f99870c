"""Idempotency keys: a POST that is sent again under its key is done once, and answered as the first time."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.rest.access import who
from scoreline.rest.problems import problem_answer
from scoreline.storage.catalog_requests import CatalogRequests, KeptAnswer
from scoreline.storage.transactions import working_for
from scoreline.wire.control import LONGEST_JSON

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEPT_HOURS = 24
_LONGEST_KEY = 255
_LONGEST_ANSWER = 64 << 10  # bytes
_TWIN_WITHIN = 20.0  # seconds
_BODY_WITHIN = 10.0  # seconds between two parts of a body
_KEPT_HEADERS = ("content-type", "etag", "location")


class Idempotency:
    """ASGI middleware, behind the one that knows who asks. POSTs without a key pass through it untouched."""

    def __init__(self, app: ASGIApp, *, requests: CatalogRequests) -> None:
        self._app = app
        self._requests = requests
        self._running: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the request, or answer as it was answered before."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(HEADER)
        if given is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._once(_Body(request, receive), _digest(who(request), _checked(given)), send)
        except ScorelineError as error:
            await problem_answer(error)(scope, receive, send)

    async def _once(self, body: _Body, key: str, send: Send) -> None:
        await self._await_twin(key)
        over = self._running[key] = asyncio.Event()
        try:
            now = datetime.now(UTC)
            since = now - timedelta(hours=_KEPT_HOURS)
            known = await run_in_threadpool(self._requests.begin, key, _iso(now), since=_iso(since))
            if known is not None and known.answer is not None:
                replayed = await _replayed(known.answer, body)
                await replayed(body.request.scope, body.receive, send)
                return
            if known is not None and known.has_effect:
                raise Conflict(
                    "this request had changed something when it was cut off; look at what is there, and send "
                    "what is still to be done under a new key",
                    code="outcome-unknown",
                )
            await self._first_time(body, key, send)
        finally:
            del self._running[key]
            over.set()

    async def _await_twin(self, key: str) -> None:
        try:
            async with asyncio.timeout(_TWIN_WITHIN):
                while key in self._running:
                    await self._running[key].wait()
        except TimeoutError:
            raise Conflict(
                f"a request with the same {HEADER} is being done; send it again later", code="request-running"
            ) from None

    async def _first_time(self, body: _Body, key: str, send: Send) -> None:
        given = _Answer(send)
        kept = False
        try:
            with working_for(key):
                await self._app(body.request.scope, body.receive, given.send)
            if given.status < 500 and await body.read_to_its_end():
                await run_in_threadpool(self._requests.keep, key, given.to_keep(body.fingerprint))
                kept = True
        finally:
            if not kept:
                await run_in_threadpool(self._requests.forget, key)
        await given.pass_on()


@dataclass
class _Body:
    """The body of a request, which is digested as it is read."""

    request: Request
    source: Receive
    whole: bool = False

    def __post_init__(self) -> None:
        url = self.request.url
        self._digest = hashlib.sha256(f"{url.path}?{url.query}\n".encode())

    @property
    def fingerprint(self) -> str:
        return self._digest.hexdigest()

    async def receive(self) -> Message:
        message = await self.source()
        if message["type"] == "http.request":
            self._digest.update(message.get("body", b""))
            self.whole = not message.get("more_body", False)
        return message

    async def read_to_its_end(self, most: int = LONGEST_JSON) -> bool:
        """Read what nobody has read; gives whether the body is whole and at most `most` bytes longer."""
        while not self.whole:
            try:
                message = await asyncio.wait_for(self.receive(), _BODY_WITHIN)
            except TimeoutError:
                return False
            most -= len(message.get("body", b""))
            if message["type"] != "http.request" or most < 0:
                return False
        return True


@dataclass
class _Answer:
    """An answer that is held back until it is kept, unless it is too long for that."""

    target: Send
    status: int = 500
    held: list[Message] = field(default_factory=list)
    size: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.size += len(message.get("body", b""))
        self.held.append(message)
        if self.size > _LONGEST_ANSWER:
            await self.pass_on()

    async def pass_on(self) -> None:
        while self.held:
            await self.target(self.held.pop(0))

    def to_keep(self, fingerprint: str) -> KeptAnswer:
        if self.size > _LONGEST_ANSWER:
            return KeptAnswer(fingerprint=fingerprint, status=self.status, headers=(), body=None)
        named = {name.decode().lower(): value.decode() for name, value in self.held[0]["headers"]}
        # An answer that nobody may store holds a secret, such as a key that is shown once.
        secret = "no-store" in named.get("cache-control", "")
        return KeptAnswer(
            fingerprint=fingerprint,
            status=self.status,
            headers=tuple((name, value) for name, value in named.items() if name in _KEPT_HEADERS),
            body=None if secret else b"".join(message.get("body", b"") for message in self.held),
        )


async def _replayed(answer: KeptAnswer, body: _Body) -> Response:
    # A package is the longest body there is; the digest needs no memory, and the server bounds the time.
    if not await body.read_to_its_end(most=1 << 40):
        raise Invalid("the body did not arrive", code="broken-off")
    if answer.fingerprint != body.fingerprint:
        raise Conflict(
            f"this {HEADER} was used for another request; take a new one for each",
            code="key-of-another-request",
        )
    if answer.body is None:
        raise Conflict(
            "this request was done; its answer is not kept, since it held a secret or was long",
            code="answer-not-kept",
        )
    return Response(answer.body, answer.status, {**dict(answer.headers), REPLAYED: "true"})


def _checked(key: str) -> str:
    if not 0 < len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise Invalid(f"{HEADER}: give 1 to {_LONGEST_KEY} printable ASCII characters", code="bad-parameter")
    return key


def _digest(caller: str, key: str) -> str:
    """Two callers may use the same key."""
    return hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
