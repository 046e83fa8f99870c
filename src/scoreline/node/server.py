"""What the connections of a worker share: the clock, known heads, and the turns of the event loop.

What comes in one turn is first read from all connections, then parsed and answered, then sent to all: a
system call leaves the processor's caches cold, so work done in a row costs a third less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple

from scoreline.node.counters import Connections
from scoreline.node.exchange import Handler
from scoreline.node.limits import Limits
from scoreline.wire.dataiku import HEADERS

if TYPE_CHECKING:
    from scoreline.node.http import Connection

Answer = tuple[int, bytes, str]
"""Status, JSON body, and the header lines that go with a refusal."""
Answerer = Callable[[bytes, bytes, bytes, dict[bytes, bytes]], Answer | None]
"""Method, URL, body and headers (names as sent) -> the answer, at once. None: an exchange answers."""

# So many pieces of input are worked on before answers go out; before a long one they go out first.
_MOST_AT_ONCE = 32
_LONG_INPUT = 8_192
# Clients repeat themselves: a request head that was parsed is known again by its bytes.
_MOST_KNOWN = 1_024
_LONGEST_KNOWN = 2_048


class Known(NamedTuple):
    """A request head that was parsed before."""

    method: bytes
    url: bytes
    headers: dict[bytes, bytes]
    length: int
    """Bytes of the body."""


class Server:
    """What the connections of a worker share."""

    def __init__(self, answer: Answerer, handler: Handler, limits: Limits, counted: Connections) -> None:
        self.answer = answer
        self.handler = handler
        self.limits = limits
        self.counted = counted
        self.connections: set[Connection] = set()
        self.draining = False
        self.held = 0  # bytes of requests that are not whole yet, of all connections
        self.known: dict[bytes, Known] = {}
        self.inputs = 0  # that came in this turn
        self.alone = True  # whether at most one came in the turn before
        self.incoming: list[tuple[Connection, bytes]] = []  # what was read, to be parsed
        self.outgoing: list[tuple[asyncio.Transport, bytes]] = []  # answers, to be sent
        self.tick(0.0)

    def tick(self, now: float) -> None:
        """Told the time every so often: the clock of the `Date` header and of all time-outs."""
        self.now = now
        self.common = (
            b"Content-Type: application/json\r\n%bDate: %b\r\nConnection: keep-alive\r\nContent-Length: "
            % (HEADERS, formatdate(usegmt=True).encode())
        )
        self.ok = b"HTTP/1.1 200 OK\r\n" + self.common
        for connection in tuple(self.connections):
            connection.check_time()

    def learn(self, head: bytes, known: Known) -> None:
        """Know a head again."""
        if len(head) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[head] = known

    def read(self, connection: Connection, data: bytes) -> None:
        """Bytes came. They are parsed when all connections that are ready have been read; or at once, while
        inputs come alone: a single client is not kept waiting."""
        if not self.inputs:
            asyncio.get_running_loop().call_soon(self.work)
        self.inputs += 1
        if self.alone:
            connection.take(data)
            self.flush()
        else:
            self.incoming.append((connection, data))

    def work(self) -> None:
        """Parse what was read, answer what is whole, send the answers."""
        self.alone, self.inputs = self.inputs <= 1, 0
        incoming, self.incoming = self.incoming, []
        for connection, data in incoming:
            if len(data) > _LONG_INPUT or len(self.outgoing) >= _MOST_AT_ONCE:
                self.flush()
            connection.take(data)
        self.flush()

    def flush(self) -> None:
        """Send the answers that are ready."""
        outgoing = self.outgoing
        for transport, data in outgoing:
            transport.write(data)
        outgoing.clear()
