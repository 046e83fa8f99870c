"""A worker process: holds the generations it is told to hold, and answers.

python -m scoreline.node.worker CONFIGURATION. Started by the supervisor only; ends when the supervisor does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns

import msgspec
import uvloop
from msgspec import Raw, Struct

from scoreline.errors import Invalid, NotFound, ScorelineError, Unavailable
from scoreline.node.answer import Answering
from scoreline.node.channel import Channel, open_channel
from scoreline.node.counters import Connections, Series, map_memory
from scoreline.node.exchange import Exchange, PlainReply, Upload, report
from scoreline.node.generation import Generation, load_generation
from scoreline.node.http import Connection, Server
from scoreline.node.keys import check_admin
from scoreline.node.limits import Limits
from scoreline.node.plan import Passed, Plan, PlannedService, Prepared, Reply
from scoreline.node.routes import Routes, ServiceRoutes, calls_of, make_routes
from scoreline.node.state import upload_prefix
from scoreline.wire.admin import BASE

_ADMIN = tuple(BASE.strip("/").split("/"))
_OPEN = (("isAlive",), ("isReady",), ("metrics",))
"""Paths that anyone may ask."""
_TICK = 0.5  # seconds
_BACKLOG = 2_048


class Configuration(Struct, frozen=True):
    """What a worker is started with; the numbers are descriptors it has inherited."""

    worker: int
    listener: int
    control: int
    memory: int
    uploads: str
    not_alive: str
    admin_key: str
    """SHA-256 of the admin key."""
    kernel: bool | None
    limits: Limits


@dataclass(frozen=True)
class Held:
    """Generations in memory, by (service, generation, digest), and the routes to them."""

    generations: Mapping[tuple[str, str, str], Generation]
    routes: Routes


class Worker:
    """One worker. It does not listen before its first plan is committed."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._words = map_memory(configuration.memory)
        self._answering = Answering(perf_counter_ns, self._series(0), report)
        self._server = Server(
            self._answering.answer,
            self._handle,
            configuration.limits,
            Connections(self._words, configuration.worker),
        )
        self._held = Held({}, self._answering.routes)
        self._prepared: tuple[int, Held] | None = None
        self._listener: socket.socket | None = None
        self._listening: asyncio.Server | None = None
        self._channel: Channel | None = None

    async def run(self) -> None:
        """Work until the supervisor says to stop, or is gone."""
        answerers = {
            "prepare": self._prepare,
            "commit": self._commit,
            "ping": self._ping,
            "drain": self._drain,
        }
        control = socket.socket(fileno=self._configuration.control)
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
        held, failures = await loop.run_in_executor(None, self._load, plan, self._held)
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
            self._listener = socket.socket(fileno=self._configuration.listener)
            self._listener.setblocking(False)
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._server), sock=self._listener.dup(), backlog=_BACKLOG
            )

    async def _ping(self, _: Raw) -> None:
        """Say that this worker lives."""

    def _load(self, plan: Plan, held: Held) -> tuple[Held, dict[str, str]]:
        generations: dict[tuple[str, str, str], Generation] = {}
        failures: dict[str, str] = {}
        services: dict[str, ServiceRoutes] = {}
        for service_id, service in plan.services.items():
            for name, planned in service.generations.items():
                key = (service_id, name, planned.digest)
                try:
                    generations[key] = held.generations.get(key) or load_generation(
                        Path(planned.folder), kernel=self._configuration.kernel
                    )
                except ScorelineError as error:
                    failures[f"{service_id}/{name}"] = error.message
                except Exception as error:
                    report(f"loading {service_id}/{name}", error)
                    failures[f"{service_id}/{name}"] = (
                        f"unexpected {type(error).__name__}; see the node's log"
                    )
            services[service_id] = self._routes_of(service_id, service, generations, failures)
        return Held(generations, make_routes(services)), failures

    def _routes_of(
        self,
        service_id: str,
        service: PlannedService,
        generations: Mapping[tuple[str, str, str], Generation],
        failures: Mapping[str, str],
    ) -> ServiceRoutes:
        calls = {}
        for name, planned in service.generations.items():
            generation = generations.get((service_id, name, planned.digest))
            if generation is not None:
                rows = planned.rows
                calls[name] = calls_of(generation, lambda endpoint, rows=rows: self._series(rows[endpoint]))  # type: ignore[misc]
        failure = failures.get(f"{service_id}/{service.active}")
        return ServiceRoutes(enabled=service.enabled, active=service.active, calls=calls, failure=failure)

    def _series(self, row: int) -> Series:
        return Series(self._words, self._configuration.worker, row)

    # Requests that are not queries

    async def _handle(self, exchange: Exchange) -> PlainReply:
        if exchange.path in _OPEN and exchange.method not in ("GET", "HEAD"):
            raise Invalid(f"{exchange.path[0]!r} is called with GET", code="method-not-allowed")
        if exchange.path == ("isAlive",):
            alive = not Path(self._configuration.not_alive).exists()
            return PlainReply(200 if alive else 503, b'{"alive":%b}' % (b"true" if alive else b"false"))
        if exchange.path[: len(_ADMIN)] == _ADMIN:
            check_admin(exchange.headers, self._configuration.admin_key)
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

    async def _pass_on(self, exchange: Exchange, archive: str | None) -> PlainReply:
        assert self._channel is not None
        passed = Passed(exchange.method, exchange.path, dict(exchange.parameters), exchange.body, archive)
        reply = await self._channel.call("request", passed, Reply)
        return PlainReply(reply.status, reply.body, reply.content_type)

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


def main() -> None:
    """Be a worker."""
    # Ctrl-C reaches the whole group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The default lets a thread that loads a generation keep the interpreter for 5 ms at a time.
    sys.setswitchinterval(0.0005)
    configuration = msgspec.json.decode(sys.argv[1], type=Configuration)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(Worker(configuration).run())


if __name__ == "__main__":
    main()
