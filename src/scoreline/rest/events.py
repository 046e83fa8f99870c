"""Events: what changes, to everyone who may see it, until he leaves or is sent away."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.audit import Change
from scoreline.deployer.events import Events
from scoreline.errors import Invalid
from scoreline.rest.event_sight import may_see
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.rest.sign_in import SignIn
from scoreline.rest.streams import BEAT, BEGIN, HEARTBEAT, TAKEN_WITHIN, Changed, Stream
from scoreline.storage.lost_updates import revision_of
from scoreline.wire import control

_AT_ONCE = 200

Allowed = Callable[[Change], bool]


def routes(
    events: Events, sign_in: SignIn, *, heartbeat: float = HEARTBEAT, taken_within: float = TAKEN_WITHIN
) -> APIRouter:
    """The routes. A stream without a change says every `heartbeat` seconds that it lives.

    A reader who takes nothing for `taken_within` seconds is sent away.
    """
    router = APIRouter(tags=["events"])

    @router.get(
        "/events",
        summary="Events",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(control.Event, media="text/event-stream"),
    )
    def stream_events(request: Request, last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Every change that the caller may see, as server-sent events: from now on, or after `Last-Event-ID`.

        The data of each is an Event. A reader who takes nothing for 10 seconds is sent away; he goes on with
        the id of the last event that he got.
        """

        async def seen_by() -> Allowed:
            who = await sign_in.caller(request)
            return lambda change: may_see(who, request.state.targets, change)

        after = _number(last_event_id)
        return Stream(
            events,
            lambda changed: _changes(events, after, seen_by, changed, heartbeat),
            taken_within=taken_within,
        )

    return router


async def _changes(
    events: Events,
    after: int | None,
    seen_by: Callable[[], Awaitable[Allowed]],
    changed: Changed,
    heartbeat: float,
) -> AsyncIterator[bytes]:
    """Changes as they come. What the reader may see is asked anew at every heartbeat."""
    at = await run_in_threadpool(events.newest) if after is None else after
    allowed = await seen_by()
    beat_at = time.monotonic() + heartbeat
    yield BEGIN
    while not changed.over:
        changed.forget()
        found = await run_in_threadpool(events.after, at, limit=_AT_ONCE)
        if found:
            at = found[-1].id
            yield await run_in_threadpool(_written, found, allowed)
        else:
            await changed.wait(beat_at - time.monotonic())
        if time.monotonic() >= beat_at:
            allowed = await seen_by()
            beat_at = time.monotonic() + heartbeat
            yield BEAT


def _written(found: Sequence[Change], allowed: Allowed) -> bytes:
    """The events of changes. Of those that the reader may not see, he gets the last number only."""
    lines = b"".join(_event(change) for change in found if allowed(change))
    return lines or b"id: %d\n\n" % found[-1].id


def _event(change: Change) -> bytes:
    kind, _, name = change.on.partition(":")
    event = control.Event(
        id=change.id,
        at=change.at,
        who=change.who,
        what=change.what,
        kind=kind,
        object=name,
        revision=revision_of(change),
    )
    return b"id: %d\ndata: %b\n\n" % (change.id, msgspec.json.encode(event))


def _number(last_event_id: str | None) -> int | None:
    if last_event_id is None:
        return None
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
        raise Invalid("Last-Event-ID: give the id of the last event that came", code="bad-parameter")
    return int(last_event_id)
