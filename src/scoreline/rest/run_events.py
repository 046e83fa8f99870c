"""A run as server-sent events: how it stands whenever that changes, and its logs as they grow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.automation.run_progress import Place, next_lines, parse_place
from scoreline.automation.runs import Runs
from scoreline.deployer.events import Events
from scoreline.rest.streams import BEAT, BEGIN, HEARTBEAT, Changed, Stream
from scoreline.wire.control_scenarios import run_message

_LOOK = 0.5
"""Seconds between two looks at the logs."""

Check = Callable[[], Awaitable[None]]


def run_stream(
    runs: Runs,
    events: Events,
    number: int,
    last_event_id: str | None,
    check: Check,
    *,
    heartbeat: float = HEARTBEAT,
) -> Response:
    """The answer, which ends when the run has ended. `check` raises when the reader may not see it any more.

    The lines of the logs come after `last_event_id`, the id of the last event of a stream before, or all.
    """
    place = Place() if last_event_id is None else parse_place(last_event_id)
    return Stream(events, lambda changed: _news(runs, number, place, check, changed, heartbeat))


async def _news(
    runs: Runs, number: int, place: Place, check: Check, changed: Changed, heartbeat: float
) -> AsyncIterator[bytes]:
    await check()
    beat_at = time.monotonic() + heartbeat
    told = b""
    yield BEGIN
    while not changed.over:
        changed.forget()
        run = await run_in_threadpool(runs.one, number)
        state = msgspec.json.encode(run_message(run))
        if state != told:
            told = state
            yield b"event: run\ndata: %b\n\n" % state
        folder = runs.folder(number)
        while (found := await run_in_threadpool(next_lines, run, folder, place)) is not None:
            log, place = found
            yield _event("log", str(place), log)
        if run.finished_at is not None:
            return
        await changed.wait(_LOOK)
        if time.monotonic() >= beat_at:
            await check()
            beat_at = time.monotonic() + heartbeat
            yield BEAT


def _event(name: str, number: str, value: Any) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), number.encode(), msgspec.json.encode(value))
