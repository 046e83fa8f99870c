"""HTTP/1.1 of the node: bytes to requests, answers to bytes, and patience with neither too much nor too slow.

A query of the user API is answered there and then. Any other request becomes an `Exchange`, answered by a
coroutine while the connection waits. HTTP is parsed by llhttp (httptools); the callbacks that need nothing of
ours are methods of plain lists and dicts, so that they cost nothing. A head that was parsed before is known
again by its bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple, cast

import httptools

from scoreline.errors import Invalid, ScorelineError, Unavailable
from scoreline.node.exchange import Exchange, PlainReply, Upload, report
from scoreline.node.limits import long_head, too_large, too_slow
from scoreline.node.server import Answer, Known, Server
from scoreline.node.upgrades import head_without_upgrade
from scoreline.wire.problems import REASONS, encode_problem

# The ends of the heads of short answers: writing out a number takes longer than the rest of the head.
_SHORT = 4_096
_ENDS = tuple(b"%d\r\n\r\n" % length for length in range(_SHORT))
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_LEARNT = 64  # by one connection: a client whose heads all differ is not worth it
# After a refusal the client may still be sending. We read on and throw away, so that it sees the answer and
# not a reset; but only so long and so much.
_DISCARD_SECONDS = 5.0
_DISCARD_BYTES = 256 * 1024 * 1024


class Request(NamedTuple):
    """A request that is whole."""

    method: bytes
    url: bytes
    headers: dict[bytes, bytes]
    """Names as sent; of equal names the last."""
    body: bytes
    keep: bool
    """Whether the connection stays open after it."""


class Connection(asyncio.Protocol):
    """One client. Requests are answered in order, also when they come before the last answer is out."""

    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        self.server = server
        self.urls: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}
        self.chunks: list[bytes] = []
        self.between = True  # whether we stand between two requests, as far as that is known
        self.learning: bytes | None = None  # the input that may be one whole request
        self.learnt = 0
        self.body_at = 0  # bytes of the last head
        self.received = 0  # bytes of the request that is coming in
        self.held = 0  # of these, what is counted in `Server.held`
        self.seen = server.now  # when bytes came last
        self.began: float | None = None  # when the request that is coming in began, if it did not come whole
        self.has_head = False  # whether its head is whole
        self.head_checked = False
        self.offers_upgrade = False
        self.upload: Upload | None = None  # its body, when it goes to disk
        self.exchange: asyncio.Task[None] | None = None  # the answer that is being made
        self.waiting: deque[Request] = deque()  # what came meanwhile
        self.discarding = False
        self.unsent = 0  # bytes of the last answer, after which nothing is read
        self.new_parser()

    def new_parser(self) -> None:
        """Start reading requests; httptools takes its callbacks from this object, once."""
        self.on_url = self.urls.append
        self.on_header = self.headers.__setitem__
        self.on_body = self.chunks.append
        self.parser = httptools.HttpRequestParser(self)

    # Bytes in

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.server.read(self, data)

    def eof_received(self) -> None:
        """The client sends no more: answer what it has sent, before the connection is closed."""
        self.server.work()

    def take(self, data: bytes) -> None:
        """Answer a request whose head is known; parse any other input.

        An error in it ends this connection only.
        """
        server = self.server
        try:
            if self.between and self.exchange is None and not self.discarding:
                body_at = self.body_at  # most likely it is as long as the last one
                known = server.known.get(data[:body_at])
                if known is None:
                    self.body_at = body_at = data.find(b"\r\n\r\n") + 4
                    known = server.known.get(data[:body_at])
                if known is not None:
                    method, url, headers, length = known
                    if len(data) == body_at + length:
                        respond = server.answer
                        answer = respond(method, url, data[body_at:], headers)
                        if answer is not None:
                            self.seen = server.now
                            self.send(answer, True, method)
                            return
                self.between = False
                self.learning = data
            self.parse(data)
        except Exception as error:
            report("a connection", error)
            self.transport.abort()

    def parse(self, data: bytes) -> None:
        """Feed the parser; whole requests are answered inside."""
        self.received += len(data)
        if self.discarding:
            if self.received > _DISCARD_BYTES:
                self.transport.abort()
            return
        self.seen = self.server.now
        longest = self.server.limits.head
        if len(data) > longest and len(data) == self.received and data.find(b"\r\n\r\n") > longest:
            self.refuse(long_head(longest))
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self.read_without_upgrade(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.refuse(Invalid("this is not HTTP/1.1", code="bad-http"))
        self.learning = None
        if self.received or self.urls:
            self.check_size()

    def on_headers_complete(self) -> None:
        """Called by the parser between head and body."""
        self.has_head = True
        self.offers_upgrade = self.parser.should_upgrade()

    def on_message_complete(self) -> None:
        """Called by the parser after the last byte of a request."""
        if self.offers_upgrade or self.discarding:
            return
        urls, chunks, parser = self.urls, self.chunks, self.parser
        method = parser.get_method()
        url = urls[0] if len(urls) == 1 else b"".join(urls)
        body = (chunks[0] if len(chunks) == 1 else b"".join(chunks)) if chunks else b""
        keep = parser.should_keep_alive()
        if self.learning is not None:
            self.learn(self.learning, method, url, len(body), keep)
        if self.upload is not None:
            self.finish_upload(body)
        elif self.exchange is not None:
            self.waiting.append(Request(method, url, dict(self.headers), body, keep))
        else:
            answer = self.server.answer(method, url, body, self.headers)
            if answer is None:
                self.begin_exchange(Request(method, url, dict(self.headers), body, keep))
            else:
                self.send(answer, keep, method)
        urls.clear()
        chunks.clear()
        self.headers.clear()
        self.received = 0
        self.began = None
        self.has_head = self.head_checked = False
        if self.held:
            self.hold(0)

    def learn(self, data: bytes, method: bytes, url: bytes, length: int, keep: bool) -> None:
        """Know the head of a request again, if the input held just this request."""
        self.learning = None
        body_at = len(data) - length
        if keep and self.learnt < _MOST_LEARNT and data.find(b"\r\n\r\n") + 4 == body_at:
            self.between = True
            self.learnt += 1
            self.server.learn(data[:body_at], Known(method, url, dict(self.headers), length))

    # Answers out

    def send(self, answer: Answer, keep: bool, method: bytes) -> None:
        """Write a JSON answer."""
        server = self.server
        status, body, extra = answer
        if status == 200 and keep and not server.draining and method != b"HEAD":
            length = len(body)
            end = _ENDS[length] if length < _SHORT else b"%d\r\n\r\n" % length
            server.outgoing.append((self.transport, server.ok + end + body))
        else:
            self.send_any(PlainReply(status, body, extra_headers=extra), keep, method)

    def write(self, data: bytes) -> None:
        """Send now, after the answers that are ready."""
        self.server.flush()
        self.transport.write(data)

    def send_any(self, reply: PlainReply, keep: bool, method: bytes) -> None:
        """Write an answer of any status and type; the connection is closed after it unless it is kept."""
        keep = keep and not self.server.draining
        common = self.server.common
        if reply.content_type != "application/json":
            common = common.replace(b"application/json", reply.content_type.encode(), 1)
        if not keep:
            common = common.replace(b"Connection: keep-alive", b"Connection: close", 1)
        head = f"HTTP/1.1 {reply.status} {REASONS[reply.status]}\r\n{reply.extra_headers}".encode()
        body = b"" if method == b"HEAD" else reply.body
        self.write(b"%b%b%d\r\n\r\n%b" % (head, common, len(reply.body), body))
        if not keep:
            self.discarding = True
            self.transport.close()

    def refuse(self, error: ScorelineError) -> None:
        """Answer with an error and read no further request."""
        if not self.discarding:
            self.hang_up(PlainReply(*encode_problem(error)))

    def hang_up(self, reply: PlainReply) -> None:
        """Answer while the request is still coming in: say the last word, throw away what follows."""
        if self.exchange is not None:
            self.exchange.cancel()
        self.discarding = True
        self.received = 0
        self.hold(0)
        self.seen = self.server.now
        common = self.server.common.replace(b"Connection: keep-alive", b"Connection: close", 1)
        head = f"HTTP/1.1 {reply.status} {REASONS[reply.status]}\r\n{reply.extra_headers}".encode()
        self.write(b"%b%b%d\r\n\r\n%b" % (head, common, len(reply.body), reply.body))
        self.transport.write_eof()
        self.transport.resume_reading()

    # Requests that do not come in one piece

    def check_size(self) -> None:
        """Look at a request that is not whole: is it too large, does it wait for a word, is it an upload?"""
        limits = self.server.limits
        if self.began is None:
            self.began = self.server.now
        if self.discarding:
            return
        if not self.has_head:
            if self.received > limits.head:
                self.refuse(long_head(limits.head))
        elif not self.head_checked:
            self.head_checked = True
            self.check_head()
        if self.upload is not None:
            self.upload.feed(b"".join(self.chunks))
            self.chunks.clear()
            if self.upload.size > limits.archive:
                self.refuse(too_large(limits.archive))
            return
        self.hold(self.received)
        if self.has_head and self.received > limits.head + limits.body:
            self.refuse(too_large(limits.body))
        elif self.server.held > limits.held:
            text = "too much is coming in at once; try again later"
            self.refuse(Unavailable(text, code="too-much-at-once"))

    def hold(self, size: int) -> None:
        """Count what is held in memory of a request that is not whole."""
        self.server.held += size - self.held
        self.held = size

    def check_head(self) -> None:
        """Look at the head of a request whose body is still to come."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_upload = self.parser.get_method() == b"PUT" and self.exchange is None
        limit = self.server.limits.archive if is_upload else self.server.limits.body
        length = headers.get(b"content-length", b"")
        expects = headers.get(b"expect", b"")
        if length.isdigit() and (len(length) > 18 or int(length) > limit):
            self.refuse(too_large(limit))
        elif expects and expects.lower() != b"100-continue":
            text = "the only known expectation is 100-continue"
            self.refuse(Invalid(text, code="unsupported-expectation"))
        else:
            if expects and self.exchange is None:
                self.write(_CONTINUE)
            if is_upload:
                self.upload = Upload(self.transport)
                keep = self.parser.should_keep_alive()
                self.begin_exchange(Request(b"PUT", b"".join(self.urls), dict(self.headers), b"", keep))

    def finish_upload(self, rest: bytes) -> None:
        """The last bytes of an upload are here; its exchange goes on."""
        upload, self.upload = self.upload, None
        if upload is not None:
            upload.feed(rest)
            upload.finish()
            self.transport.pause_reading()

    def read_without_upgrade(self, rest: bytes) -> None:
        """Ignore offered upgrades (Java's HttpClient offers h2c): read the request again without the offer.

        llhttp would leave out its body.
        """
        while not self.discarding:
            head = self.begin_again()
            try:
                self.parser.feed_data(head + rest)
                return
            except httptools.HttpParserUpgrade as offer:
                rest = (head + rest)[offer.args[0] :]
            except httptools.HttpParserError:
                self.refuse(Invalid("this is not HTTP/1.1", code="bad-http"))

    def begin_again(self) -> bytes:
        """Make a new parser; gives the head of the request without its offer, for it."""
        method, url, headers = self.parser.get_method(), b"".join(self.urls), dict(self.headers)
        if method == b"CONNECT":
            self.refuse(Invalid("this server is no proxy", code="method-not-allowed"))
        self.offers_upgrade = False
        self.urls.clear()
        self.headers.clear()
        self.new_parser()
        return head_without_upgrade(method, url, headers)

    # Requests that are not queries

    def begin_exchange(self, request: Request) -> None:
        """Let a coroutine answer; other requests wait, and nothing is read but the body of an upload."""
        exchange = Exchange.of(request.method, request.url, request.headers, request.body, self.upload)
        if self.upload is None:
            self.transport.pause_reading()
        task = self.run_exchange(exchange, request.keep)
        self.exchange = asyncio.get_running_loop().create_task(task)

    async def run_exchange(self, exchange: Exchange, keep: bool) -> None:
        """Answer one request, then those that waited."""
        reply = await exchange.answer(self.server.handler)
        self.exchange = None
        if self.transport.is_closing():
            return
        if self.upload is not None:
            self.upload = None
            self.hang_up(reply)
            return
        self.send_any(reply, keep, exchange.method.encode())
        while self.waiting and self.exchange is None and not self.discarding:
            request = self.waiting.popleft()
            answer = self.server.answer(request.method, request.url, request.body, request.headers)
            if answer is None:
                self.begin_exchange(request)
            else:
                self.send(answer, request.keep, request.method)
        self.server.flush()
        if self.exchange is None and not self.discarding:
            self.transport.resume_reading()

    # The life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the client in, or turn it away when there are too many."""
        server = self.server
        self.transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        if len(server.connections) >= server.limits.connections:
            server.counted.refused()
            self.refuse(Unavailable("too many connections; try again later", code="too-many-connections"))
            transport.close()
        else:
            server.connections.add(self)
            server.counted.opened()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The client is gone; an exchange that nobody waits for ends."""
        if self in self.server.connections:
            self.server.connections.discard(self)
            self.server.counted.closed()
        if self.upload is not None:
            self.upload.abort()
        self.hold(0)
        self.discarding = True

    def pause_writing(self) -> None:
        """The client does not read its answers: make no more of them."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        if self.exchange is None and not self.transport.is_closing():
            self.transport.resume_reading()

    def check_time(self) -> None:
        """Close the connection when it has been idle, slow or hung up for too long."""
        now, limits = self.server.now, self.server.limits
        quiet = now - self.seen
        if self.discarding:
            unsent = self.transport.get_write_buffer_size()
            if unsent != self.unsent:  # the client takes its answer
                self.unsent, self.seen = unsent, now
            elif quiet > (limits.idle if unsent else _DISCARD_SECONDS):
                self.transport.abort()
        elif self.upload is not None:
            if quiet > limits.read:
                self.refuse(too_slow(limits.read))
        elif self.exchange is not None:
            return
        elif self.began is not None:
            if now - self.began > limits.read:
                self.refuse(too_slow(limits.read))
        elif quiet > (limits.linger if self.server.draining else limits.idle):
            self.transport.abort() if self.transport.get_write_buffer_size() else self.transport.close()
