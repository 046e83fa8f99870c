"""Bodies of requests, read within limits of size and time, and answers as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from scoreline.errors import Invalid
from scoreline.wire.control import LONGEST_JSON

T = TypeVar("T")
_JSON_WITHIN = 10.0  # seconds


async def read_json(request: Request, kind: type[T]) -> T:
    """The body of a request as a value. No Content-Type is asked for. Raises Invalid."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in read_chunks(request, idle=_JSON_WITHIN):
        size += len(chunk)
        if size > LONGEST_JSON:
            raise Invalid(f"the body is longer than {LONGEST_JSON} bytes", code="body-too-large")
        chunks.append(chunk)
    try:
        return msgspec.json.decode(b"".join(chunks) or b"{}", type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Invalid(f"the body is wrong: {error}", code="bad-json") from error


async def read_chunks(request: Request, *, idle: float) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Invalid when nothing comes for `idle` seconds, or the caller leaves."""
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), idle)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Invalid(f"nothing arrived for {idle:g} seconds", code="request-timeout") from error
        except ClientDisconnect as error:
            raise Invalid("the upload broke off", code="broken-off") from error
        yield chunk


def answer_once(value: Any, status: int) -> Response:
    """An answer that holds a secret: nothing on its way may keep it."""
    response = answer(value, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def answer(value: Any, status: int = 200) -> Response:
    """A value as the JSON answer of a request."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
