"""The stream of one run: read until the run has ended, over as many connections as it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from scoreline.client.connection import Connection, path_to
from scoreline.errors import Unavailable
from scoreline.wire.control_scenarios import Run, RunLog

_IDLE = 40.0  # seconds; the control plane says every 15 that it lives
_AWAY = 30.0  # seconds that it may be away
_PAUSE = 0.5


class RunStream:
    """Every state that is told, and every line once."""

    def __init__(self, control: Connection, number: int) -> None:
        self._control = control
        self._path = path_to("runs", number, "events")
        self._last_id: str | None = None
        self._told: Run | None = None
        self._heard_at = time.monotonic()

    def read(self) -> Iterator[Run | RunLog]:
        """What is told, until the run has ended. Raises Unavailable when nobody tells for too long."""
        while True:
            try:
                yield from self._once()
            except Unavailable as error:
                if error.code != "no-answer" or time.monotonic() - self._heard_at > _AWAY:
                    raise
            else:
                # The last lines of the logs come after the last state.
                if self._told is not None and self._told.finished_at is not None:
                    return
            time.sleep(_PAUSE)

    def _once(self) -> Iterator[Run | RunLog]:
        """What is told by one connection."""
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        event: dict[str, str] = {}
        for line in self._control.lines(self._path, headers, idle=_IDLE):
            self._heard_at = time.monotonic()
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
                continue
            news = self._news(event)
            self._last_id = event.get("id", self._last_id)
            event = {}
            if news is not None:
                yield news

    def _news(self, event: dict[str, str]) -> Run | RunLog | None:
        match event.get("event"):
            case "log":
                return msgspec.json.decode(event["data"], type=RunLog)
            case "run":
                run = msgspec.json.decode(event["data"], type=Run)
                if run != self._told:
                    self._told = run
                    return run
        return None
