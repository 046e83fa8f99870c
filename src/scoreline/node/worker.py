"""A worker: holds the generations it is told to hold, and answers. It ends when the supervisor does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import sys
import uuid
from pathlib import Path
from random import Random
from time import perf_counter_ns
from typing import NamedTuple

import msgspec
import uvloop
from msgspec import Raw, Struct

from scoreline.errors import Invalid, NotFound, Unavailable
from scoreline.node.answer import Answering
from scoreline.node.channel import Channel, open_channel
from scoreline.node.counters import Connections, Series, map_memory
from scoreline.node.data_folder import NOT_ALIVE, upload_prefix
from scoreline.node.exchange import Exchange, PlainReply, Upload, report
from scoreline.node.http import Connection
from scoreline.node.limits import Limits
from scoreline.node.loading import Held, Loader
from scoreline.node.plan import Passed, Plan, Prepared, Reply
from scoreline.node.server import Server
from scoreline.wire.admin import BASE
from scoreline.wire.problems import encode_problem

_ADMIN = tuple(BASE.strip("/").split("/"))
_OPEN = (("isAlive",), ("isReady",), ("metrics",))
"""Paths that anyone may ask."""
_TICK = 0.5  # seconds
_BACKLOG = 2_048


class Configuration(Struct, frozen=True):
    """What a worker is started with."""

    worker: int
    uploads: str
    not_alive: str
    admin_key: str
    """SHA-256 of the admin key."""
    kernel: bool | None
    limits: Limits


class Inheritance(NamedTuple):
    """Descriptors that a worker gets from the supervisor."""

    control: int
    """Its end of the channel."""
    listener: int
    memory: int
    """Of the counters."""


class Worker:
    """One worker. It does not listen before its first plan is committed."""

    def __init__(self, configuration: Configuration, inheritance: Inheritance) -> None:
        self._configuration = configuration
        self._inheritance = inheritance
        self._words = map_memory(inheritance.memory)
        draw = Random().random  # noqa: S311 - it shares out queries and keeps no secret
        self._answering = Answering(
            perf_counter_ns, draw, Series(self._words, configuration.worker, 0), report
        )
        self._server = Server(
            self._answering.answer,
            self._handle,
            configuration.limits,
            Connections(self._words, configuration.worker),
        )
        self._loader = Loader(
            self._words, configuration.worker, admin_key=configuration.admin_key, kernel=configuration.kernel
        )
        self._held = self._loader.nothing()
        self._prepared: tuple[int, Held] | None = None
        self._listener: socket.socket | None = None
        self._listening: asyncio.Server | None = None
        self._channel: Channel | None = None

    async def run(self) -> None:
        """Work until the supervisor says to stop, or is gone."""
        answerers = {
            "prepare": self._prepare,
            "commit": self._commit,
            "forget": self._forget,
            "ping": self._ping,
            "drain": self._drain,
        }
        control = socket.socket(fileno=self._inheritance.control)
        self._channel = await open_channel(control, answerers)
        ticking = asyncio.get_running_loop().create_task(self._tick())
        await self._channel.run()
        ticking.cancel()
        await self._close(self._configuration.limits.linger)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._server.tick(loop.time())
            await asyncio.sleep(_TICK)

    # Generations

    async def _prepare(self, data: Raw) -> Prepared:
        """Load what a plan names and is not in memory yet, beside what answers now."""
        plan = msgspec.msgpack.decode(data, type=Plan)
        loop = asyncio.get_running_loop()
        held, failures = await loop.run_in_executor(None, self._loader.load, plan, self._held)
        self._prepared = (plan.number, held)
        return Prepared(plan.number, failures)

    async def _commit(self, data: Raw) -> None:
        """Answer by the plan that was prepared last. One reference is replaced."""
        number = msgspec.msgpack.decode(data, type=int)
        if self._prepared is None or self._prepared[0] != number:
            raise NotFound(f"plan {number} was not prepared")
        self._held, self._prepared = self._prepared[1], None
        self._answering.routes = self._held.routes
        # What is loaded stays; without this each collection would walk through all of it.
        gc.freeze()
        if self._listening is None:
            self._listener = socket.socket(fileno=self._inheritance.listener)
            self._listener.setblocking(False)
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._server), sock=self._listener.dup(), backlog=_BACKLOG
            )

    async def _ping(self, _: Raw) -> None:
        """Say that this worker lives."""

    async def _forget(self, _: Raw) -> None:
        """Let go of what was prepared last: it is not wanted any more."""
        self._prepared = None

    # Requests that are not queries

    async def _handle(self, exchange: Exchange) -> PlainReply:
        if exchange.path in _OPEN and exchange.method not in ("GET", "HEAD"):
            error = Invalid(f"{exchange.path[0]!r} is called with GET", code="method-not-allowed")
            return PlainReply(*encode_problem(error), extra_headers="Allow: GET, HEAD\r\n")
        if exchange.path == ("isAlive",):
            return self._alive()
        if exchange.path[: len(_ADMIN)] == _ADMIN:
            self._held.keys.check(exchange.headers)
        elif exchange.path not in _OPEN:
            raise NotFound("there is nothing here", code="no-such-path")
        if exchange.upload is None and exchange.method != "PUT":
            return await self._pass_on(exchange, None)
        name = f"{upload_prefix(self._configuration.worker)}{uuid.uuid4().hex}.zip"
        file = Path(self._configuration.uploads) / name
        try:
            if exchange.upload is None:  # a small archive came in one piece with its head
                file.write_bytes(exchange.body)
            else:
                await _store(exchange.upload, file)
            return await self._pass_on(exchange, str(file))
        finally:
            file.unlink(missing_ok=True)

    def _alive(self) -> PlainReply:
        if Path(self._configuration.not_alive).exists():
            raise Unavailable(
                f"the file {NOT_ALIVE} in the data folder says that this node is not alive", code="not-alive"
            )
        return PlainReply(200, b'{"alive":true}')

    async def _pass_on(self, exchange: Exchange, archive: str | None) -> PlainReply:
        assert self._channel is not None
        passed = Passed(
            self._configuration.worker,
            exchange.method,
            exchange.path,
            dict(exchange.parameters),
            exchange.body,
            archive,
        )
        reply = await self._channel.call("request", passed, Reply)
        return PlainReply(reply.status, reply.body, reply.content_type, reply.extra_headers)

    # The end

    async def _drain(self, _: Raw) -> None:
        await self._close(self._configuration.limits.drain)

    async def _close(self, seconds: float) -> None:
        """Take no more clients, answer those that are there, and be gone after so many seconds at most."""
        self._server.draining = True
        if self._listening is not None and self._listener is not None:
            self._listening.close()
            await self._take_waiting(self._listener)
        deadline = asyncio.get_running_loop().time() + seconds
        while self._server.connections and asyncio.get_running_loop().time() < deadline:
            self._server.tick(asyncio.get_running_loop().time())
            await asyncio.sleep(0.05)

    async def _take_waiting(self, listener: socket.socket) -> None:
        """Take the clients that are connected already, and let nobody else wait for an answer in vain."""
        with listener, contextlib.suppress(BlockingIOError):
            while True:
                client, _ = listener.accept()
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: Connection(self._server), client
                )


async def _store(upload: Upload, file: Path) -> None:
    """Write an upload to a file. Raises Unavailable when the disk is full or the client goes away."""
    try:
        with file.open("wb") as target:
            async for chunk in upload.chunks():
                target.write(chunk)
    except OSError as error:
        raise Unavailable(f"the archive cannot be stored: {error.strerror}", code="disk-full") from error


def work(configuration: Configuration, inheritance: Inheritance) -> None:
    """Be a worker."""
    # The default lets a thread that loads a generation keep the interpreter for 5 ms at a time.
    sys.setswitchinterval(0.0005)
    uvloop.run(Worker(configuration, inheritance).run())
