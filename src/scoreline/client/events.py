"""Events: what changes on the control plane, as it changes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from scoreline.client.connection import Connection
from scoreline.errors import Unavailable
from scoreline.wire.control import Event

_IDLE = 40.0  # seconds; the control plane says every 15 that it lives
_TRIES = 6


class EventCalls:
    """What `scoreline events` does."""

    _control: Connection

    def events(self, after: int | None = None) -> Iterator[Event]:
        """What changes, for as long as it is read: from now on, or after the event of this id.

        A connection that breaks off is made again; of what comes after the first event nothing is left out.
        Raises Unavailable when the control plane does not come back.
        """
        failed = 0
        while True:
            try:
                for number, event in self._once(after):
                    after, failed = number, 0
                    if event is not None:
                        yield event
            except Unavailable as error:
                failed += 1
                if error.code != "no-answer" or failed == _TRIES:
                    raise
            time.sleep(min(0.1 * 2**failed, 5.0))

    def _once(self, after: int | None) -> Iterator[tuple[int, Event | None]]:
        """The ids of events with what they say, by one connection; None: something not for this caller."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        number, event = 0, None
        for line in self._control.lines("/events", headers, idle=_IDLE):
            name, _, value = line.partition(":")
            if name == "id":
                number = int(value)
            elif name == "data":
                event = msgspec.json.decode(value, type=Event)
            elif not line and number:
                yield number, event
                number, event = 0, None
