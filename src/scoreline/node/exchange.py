"""Requests that are not queries: health, metrics and administration, each answered by a coroutine."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from scoreline.errors import ScorelineError, Unavailable
from scoreline.node.routes import split_path
from scoreline.wire.problems import INTERNAL_BODY, encode_problem

CHALLENGE = 'WWW-Authenticate: Basic realm="scoreline"\r\n'
"""The header line of a 401."""

_MOST_QUEUED = 1024 * 1024


@dataclass(frozen=True)
class PlainReply:
    """An answer with its type."""

    status: int
    body: bytes
    content_type: str = "application/json"
    extra_headers: str = ""
    """Whole lines, each with its end."""


class Upload:
    """A body too large for memory, handed on as it comes; the client waits when we are slower."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.size = 0
        self._transport = transport
        self._chunks: deque[bytes] = deque()
        self._queued = 0
        self._ended = False
        self._aborted = False
        self._news = asyncio.Event()

    def feed(self, chunk: bytes) -> None:
        """Bytes came."""
        if chunk:
            self.size += len(chunk)
            self._queued += len(chunk)
            self._chunks.append(chunk)
            if self._queued > _MOST_QUEUED:
                self._transport.pause_reading()
            self._news.set()

    def finish(self) -> None:
        """It is whole."""
        self._ended = True
        self._news.set()

    def abort(self) -> None:
        """The client is gone."""
        self._aborted = True
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes in order. Raises Unavailable when the client goes before the end."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._queued -= len(chunk)
                if not self._ended and self._queued <= _MOST_QUEUED:
                    self._transport.resume_reading()
                yield chunk
            if self._aborted:
                raise Unavailable("the client went away during the upload", code="upload-broken")
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()


@dataclass(frozen=True)
class Exchange:
    """A request, decoded as far as every handler needs it."""

    method: str
    path: tuple[str, ...]
    """The parts of the path, without empty ones."""
    parameters: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    """Names in lower case."""
    body: bytes
    upload: Upload | None
    """The body, when it is still coming in; `body` is empty then."""

    @classmethod
    def of(
        cls, method: bytes, url: bytes, headers: Mapping[bytes, bytes], body: bytes, upload: Upload | None
    ) -> Exchange:
        """The exchange of a request."""
        path, _, parameters = url.partition(b"?")
        return cls(
            method=method.decode("ascii", "replace"),
            path=tuple(part.decode("utf-8", "replace") for part in split_path(path)),
            parameters=dict(parse_qsl(parameters.decode("latin-1"), keep_blank_values=True)),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            upload=upload,
        )

    async def answer(self, handler: Handler) -> PlainReply:
        """What the handler answers; its errors as answers."""
        try:
            return await handler(self)
        except ScorelineError as error:
            status, body = encode_problem(error)
            return PlainReply(status, body, extra_headers=CHALLENGE if status == 401 else "")
        except Exception as error:
            report("/".join(self.path[:3]), error)
            return PlainReply(500, INTERNAL_BODY)


Handler = Callable[[Exchange], Awaitable[PlainReply]]


def report(where: str, error: Exception) -> None:
    """Say on standard error where an unexpected error came from; its text may hold a payload."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "?"
    sys.stderr.write(f"error: {type(error).__name__} in {where[:200]!r} at {place}\n")
    sys.stderr.flush()
