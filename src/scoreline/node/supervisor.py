"""The supervisor: keeps the workers alive, and lets all of them change as one.

A change is a plan. Every worker prepares it (loads, warms, asks the golden rows) beside what it answers with;
when all have, the state is written, then all commit. A worker that dies is replaced and takes the state that
stands; it does not listen before it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from scoreline.errors import Invalid, ScorelineError, Unavailable
from scoreline.node.channel import Channel, open_channel
from scoreline.node.counters import ROWS, clear_connections, clear_row, make_memory, map_memory
from scoreline.node.exchange import report
from scoreline.node.limits import Limits
from scoreline.node.plan import Passed, Plan, PlannedGeneration, PlannedService, Prepared, Reply
from scoreline.node.state import DataFolder, NodeState, ServiceState
from scoreline.node.worker import Configuration
from scoreline.wire.admin import WorkerState

_STEADY_AFTER = 1.0  # seconds; a worker that lived this long is replaced at once
_LONGEST_PAUSE = 5.0
_START_WITHIN = 60.0

Series = tuple[str, str, str]
"""Service, generation, endpoint."""
Requests = Callable[[Passed], Any]
T = TypeVar("T")


class _Died(Exception):
    """A worker ended while it prepared a change."""


@dataclass
class _Running:
    process: asyncio.subprocess.Process
    channel: Channel
    receiving: asyncio.Task[None]
    ready: bool = False
    failures: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """The workers of one node, and the state they answer by."""

    def __init__(
        self,
        data: DataFolder,
        listener: socket.socket,
        *,
        workers: int,
        admin_key: str,
        kernel: bool | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.data = data
        self.state = data.tidy(data.read())
        self.restarts = 0
        self.began = time.monotonic()
        self.rows: dict[Series, int] = {}
        self._listener = listener
        self._admin_key = admin_key
        self._kernel = kernel
        self._limits = limits or Limits()
        self._memory = make_memory(workers)
        self.words = map_memory(self._memory)
        self._workers: list[_Running | None] = [None] * workers
        self._watching: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._plans = 0
        self._stopping = False

    @property
    def workers(self) -> tuple[WorkerState, ...]:
        """The workers that live."""
        return tuple(WorkerState(pid=one.process.pid, ready=one.ready) for one in self._workers if one)

    @property
    def failures(self) -> dict[str, str]:
        """`service/generation` -> why a worker could not load it."""
        return {name: why for one in self._workers if one for name, why in one.failures.items()}

    @property
    def ready(self) -> bool:
        """Whether every worker answers for every service that is enabled and has been switched on."""
        answering = {f"{name}/{one.active}" for name, one in self.state.services.items() if one.enabled}
        return all(one is not None and one.ready for one in self._workers) and not (
            answering & self.failures.keys()
        )

    async def start(self, requests: Requests) -> None:
        """Start the workers; return when all of them listen. Raises Unavailable when they do not."""
        started = [asyncio.Event() for _ in self._workers]
        loop = asyncio.get_running_loop()
        self._watching = [
            loop.create_task(self._keep(number, requests, event)) for number, event in enumerate(started)
        ]
        try:
            await asyncio.wait_for(asyncio.gather(*(event.wait() for event in started)), _START_WITHIN)
        except TimeoutError as error:
            raise Unavailable(f"the workers did not start within {_START_WITHIN:.0f} seconds") from error

    async def change(self, alter: Callable[[NodeState], NodeState]) -> NodeState:
        """Let every worker answer by another state, or change nothing.

        `alter` gets the state as it stands when this change has its turn. Returns when every worker answers
        by the new one. Raises what `alter` raises; Invalid (code `cannot-load`) when a worker cannot load a
        generation, Unavailable (code `worker-died`) when one ends while it loads, and again after that.
        """
        try:
            return await self._change(alter)
        except _Died:
            await self._until_all_are_back()
        try:
            return await self._change(alter)
        except _Died as error:
            raise Unavailable(
                "a worker ended while it loaded the generation, twice; nothing has changed. Is there memory "
                "enough for it?",
                code="worker-died",
            ) from error

    async def _change(self, alter: Callable[[NodeState], NodeState]) -> NodeState:
        async with self._changing:
            before, after = self.state, alter(self.state)
            if after == before and not self.failures:
                return before
            plan = self._plan(after)
            running = [one for one in self._workers if one is not None and one.ready]
            prepared = await asyncio.gather(
                *(self._ask(one, "prepare", plan, Prepared) for one in running), return_exceptions=True
            )
            for one, outcome in zip(running, prepared, strict=True):
                # Gone, or not heard of any more; the next change must not count on it.
                one.ready = not isinstance(outcome, Unavailable)
            self._check(prepared, before, after)
            if after != before:
                self.data.write(after)
            self.state = after
            await asyncio.gather(*map(self._commit, running, prepared))
            self._free_rows()
            return after

    async def stop(self) -> None:
        """Let the workers finish what they answer, and end."""
        self._stopping = True
        # The workers close theirs, too: a client that comes now is refused at once and asks another node.
        self._listener.close()
        running = [one for one in self._workers if one is not None]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(
                    *(one.channel.call("drain", None, type(None)) for one in running), return_exceptions=True
                ),
                self._limits.drain + 2,
            )
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def _commit(self, one: _Running, prepared: Prepared | BaseException) -> None:
        """Let a worker answer by what it has prepared. One that cannot is ended: its successor takes the
        state that stands."""
        try:
            if isinstance(prepared, BaseException):
                raise prepared
            await self._ask(one, "commit", prepared.number, type(None))
            one.failures = prepared.failures
        except ScorelineError:
            _kill(one)

    async def _ask(self, one: _Running, name: str, value: object, kind: type[T]) -> T:
        """Call a worker, for as long as it gives signs of life. Raises Unavailable when it does not."""
        call = asyncio.ensure_future(one.channel.call(name, value, kind))
        while not (await asyncio.wait({call}, timeout=self._limits.silence))[0]:
            if not await self._lives(one):
                _kill(one)
                break
        return await call

    async def _lives(self, one: _Running) -> bool:
        try:
            await asyncio.wait_for(one.channel.call("ping", None, type(None)), self._limits.silence)
        except (TimeoutError, ScorelineError):
            return False
        return True

    async def _until_all_are_back(self) -> None:
        """Wait until every worker is ready, but not for ever."""
        end = time.monotonic() + self._limits.silence
        while time.monotonic() < end and not all(one is not None and one.ready for one in self._workers):
            await asyncio.sleep(0.02)

    def _check(self, prepared: list[Prepared | BaseException], before: NodeState, after: NodeState) -> None:
        new = _loaded(after) - _loaded(before)
        for outcome in prepared:
            if isinstance(outcome, Unavailable):
                if new:  # what it was to load may have ended it, and would end its successors
                    raise _Died
                continue  # it died; its successor takes the state that stands then
            if isinstance(outcome, BaseException):
                raise outcome
            for name, why in outcome.failures.items():
                if name in new:
                    raise Invalid(f"generation {name} cannot be loaded: {why}", code="cannot-load")

    # Workers

    async def _keep(self, number: int, requests: Requests, started: asyncio.Event) -> None:
        """Keep one worker running for as long as the node does."""
        pause = 0.0
        while not self._stopping:
            began = time.monotonic()
            try:
                running = await self._spawn(number, requests)
                await self._bring_up(running)
                started.set()
                await self._until_it_ends(running)
                sys.stderr.write(f"worker {number} ended ({running.process.returncode})\n")
            except (ScorelineError, OSError) as error:
                report(f"worker {number}", error)
            finally:
                await self._bury(number)
            self.restarts += 1
            steady = time.monotonic() - began > _STEADY_AFTER
            pause = 0.0 if steady else min(_LONGEST_PAUSE, max(0.1, pause * 2))
            await asyncio.sleep(pause)

    async def _spawn(self, number: int, requests: Requests) -> _Running:
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = (self._listener.fileno(), theirs.fileno(), self._memory)
            configuration = Configuration(
                worker=number,
                listener=descriptors[0],
                control=descriptors[1],
                memory=descriptors[2],
                uploads=str(self.data.uploads),
                not_alive=str(self.data.not_alive),
                admin_key=self._admin_key,
                kernel=self._kernel,
                limits=self._limits,
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "scoreline.node.worker",
                msgspec.json.encode(configuration).decode(),
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
            )

        async def answer(data: Raw) -> Reply:
            return await requests(msgspec.msgpack.decode(data, type=Passed))  # type: ignore[no-any-return]

        channel = await open_channel(ours, {"request": answer})
        receiving = asyncio.get_running_loop().create_task(channel.run())
        running = _Running(process, channel, receiving)
        self._workers[number] = running
        return running

    async def _bring_up(self, running: _Running) -> None:
        """Let a new worker take the state that stands. What it cannot load does not answer, and is told."""
        async with self._changing:
            plan = self._plan(self.state)
            prepared = await self._ask(running, "prepare", plan, Prepared)
            await self._ask(running, "commit", plan.number, type(None))
            running.failures = prepared.failures
            running.ready = True

    async def _until_it_ends(self, running: _Running) -> None:
        """Return when a worker has ended, by itself or because it gave no sign of life."""
        while running.process.returncode is None:
            try:
                await asyncio.wait_for(running.process.wait(), self._limits.silence)
            except TimeoutError:
                if not await self._lives(running):
                    _kill(running)

    async def _bury(self, number: int) -> None:
        running, self._workers[number] = self._workers[number], None
        if running is None:
            return
        _kill(running)
        await running.process.wait()
        clear_connections(self.words, number)
        self.data.drop_uploads(number)
        running.receiving.cancel()

    # Plans

    def _plan(self, state: NodeState) -> Plan:
        self._plans += 1
        services = {name: self._planned(name, service) for name, service in state.services.items()}
        return Plan(self._plans, services)

    def _planned(self, service_id: str, service: ServiceState) -> PlannedService:
        generations = {
            one.id: PlannedGeneration(
                str(self.data.generation(service_id, one.id)),
                one.digest,
                {endpoint: self._row((service_id, one.id, endpoint)) for endpoint in one.endpoints},
            )
            for one in service.loaded
        }
        return PlannedService(service.enabled, service.active, generations)

    def _row(self, series: Series) -> int:
        """The row of a series. When all are taken it is row 0, that of everything without a name."""
        if series not in self.rows:
            free = set(range(1, ROWS)) - set(self.rows.values())
            if not free:
                free = self._rows_at_rest()
            if not free:
                return 0
            self.rows[series] = min(free)
            clear_row(self.words, self.rows[series])
        return self.rows[series]

    def _rows_at_rest(self) -> set[int]:
        """Free the row of the series that came first among those whose generation is not loaded."""
        loaded = _loaded(self.state)
        for series in self.rows:
            if f"{series[0]}/{series[1]}" not in loaded:
                return {self.rows.pop(series)}
        return set()

    def _free_rows(self) -> None:
        known = {
            (service_id, one.id)
            for service_id, service in self.state.services.items()
            for one in service.generations
        }
        self.rows = {series: row for series, row in self.rows.items() if series[:2] in known}


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that all workers share, so that none of them takes clients along when it dies.

    Port 0: any. Raises Unavailable when the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2_048)
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise Unavailable(f"cannot listen on {host}:{port}: {why}", code="port-in-use") from error


def _kill(one: _Running) -> None:
    if one.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()


def _loaded(state: NodeState) -> set[str]:
    return {f"{name}/{one.id}" for name, service in state.services.items() for one in service.loaded}
