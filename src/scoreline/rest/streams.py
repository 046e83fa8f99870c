"""Server-sent events: an answer that goes on until its reader leaves, is too slow, or has it all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from scoreline.deployer.events import Events
from scoreline.errors import ScorelineError

HEARTBEAT = 15.0  # seconds
BEGIN = b"retry: 1000\n\n"
BEAT = b":\n\n"
TAKEN_WITHIN = 10.0
_PAUSE = 0.05  # seconds: what changes meanwhile is sent together


class Changed:
    """Tells a stream that something was written to the catalog, and when it is to end."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._left = False

    @property
    def over(self) -> bool:
        """Whether the reader has left, or the control plane ends."""
        return self._left or self._events.closed

    def forget(self) -> None:
        """What was written up to now is known: `wait` waits for what comes after."""
        self._changed.clear()

    async def wait(self, seconds: float) -> bool:
        """Wait until something is written; False when nothing was for so long."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        await asyncio.sleep(_PAUSE)
        return True

    def leave(self) -> None:
        """The reader has left."""
        self._left = True
        self._changed.set()

    def wake(self) -> None:
        """Something was written. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._changed.set)


class Stream(Response):
    """The answer: what `parts` gives, each as soon as it is there. An error of Scoreline ends it.

    A reader who takes nothing for `taken_within` seconds is sent away.
    """

    def __init__(
        self,
        events: Events,
        parts: Callable[[Changed], AsyncIterator[bytes]],
        *,
        taken_within: float = TAKEN_WITHIN,
    ) -> None:
        super().__init__(media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._events = events
        self._parts = parts
        self._taken_within = taken_within

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send. Raises Unavailable, before anything is sent, when there are too many readers."""
        changed = Changed(self._events)
        with self._events.reader(changed.wake):
            left = asyncio.ensure_future(_until_left(receive))
            left.add_done_callback(lambda _: changed.leave())
            try:
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                with contextlib.suppress(ScorelineError):
                    async for part in self._parts(changed):
                        await self._send(send, part)
                await self._send(send, b"", more=False)
            except TimeoutError:
                return  # he takes nothing: the server closes the connection
            finally:
                left.cancel()

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """Send a part. Raises TimeoutError when the reader takes nothing."""
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        await asyncio.wait_for(send(message), self._taken_within)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
