"""The supervisor: lets all workers of a node change as one.

A change is a plan. Every worker prepares it (loads, warms, asks golden rows and test queries) beside what it
answers with; when all have, the state is written, then all commit. A worker that dies is replaced and takes
the state that stands; it does not listen before it has.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable

from scoreline.errors import Invalid, ScorelineError, Unavailable
from scoreline.node.counters import clear_connections, make_memory, map_memory
from scoreline.node.crew import Crew
from scoreline.node.data_folder import DataFolder
from scoreline.node.limits import Limits
from scoreline.node.nursery_process import NurseryProcess
from scoreline.node.plan import Plan, PlannedGeneration, PlannedKey, PlannedService, Prepared
from scoreline.node.rows import Rows
from scoreline.node.soundness import Damages, Soundness
from scoreline.node.state import NodeState, ServiceState
from scoreline.node.worker import Configuration
from scoreline.node.worker_process import Requests, WorkerProcess, spawn_worker
from scoreline.wire.admin import WorkerState

_TRIES = 2

Outcomes = dict[WorkerProcess, Prepared | BaseException]
"""What came of a plan in each worker."""


class _Died(Exception):
    """A worker ended while it prepared a change."""


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
        self.admin_key = admin_key
        """SHA-256 of the key in the node's key file."""
        self.began = time.monotonic()
        self._listener = listener
        self._kernel = kernel
        self._limits = limits or Limits()
        self._memory = make_memory(workers + 1)
        self.words = map_memory(self._memory)
        self.rows = Rows(self.words)
        self._requests: Requests | None = None
        self._nursery = NurseryProcess(self._limits.silence)
        self._crew = Crew(
            workers,
            spawn=self._spawn,
            bring_up=self._bring_up,
            bury=self._bury,
            drain=self._limits.drain + 2,
        )
        self._soundness = Soundness(data)
        self._changing = asyncio.Lock()
        """Held by a change, from its plan to its end."""
        self._standing = asyncio.Lock()
        """Held while workers come to answer by another state, or a new one comes to answer."""
        self._plans = 0
        self._commits = 0

    @property
    def workers(self) -> tuple[WorkerState, ...]:
        """The workers that live."""
        return tuple(WorkerState(pid=one.pid, ready=one.ready) for one in self._crew.present)

    @property
    def restarts(self) -> int:
        """How often a worker was replaced because it had died."""
        return self._crew.restarts

    @property
    def failures(self) -> dict[str, str]:
        """`service/generation` -> why a worker could not load it."""
        return {name: why for one in self._crew.present for name, why in one.failures.items()}

    @property
    def ready(self) -> bool:
        """Whether every worker answers for every service that is enabled and has been switched on."""
        return self._crew.complete and not (self.state.answering & self.failures.keys())

    async def start(self, requests: Requests) -> None:
        """Start the workers; return when all of them listen. Raises Unavailable when they do not."""
        self._requests = requests
        self._nursery.start()
        # Reading all packages may take long, and the workers are expected soon: so it is done before.
        await asyncio.to_thread(self._soundness.check, self.state)
        await self._crew.start()

    async def stop(self) -> None:
        """Let the workers finish what they answer, and end."""
        # The workers close theirs, too: a client that comes now is refused at once and asks another node.
        self._listener.close()
        await self._crew.stop()
        await self._nursery.stop()

    async def recycle(self, carrier: int) -> None:
        """Replace the workers one by one without losing a query; see `Crew.recycle`."""
        await self._crew.recycle(carrier)

    async def change(self, alter: Callable[[NodeState], NodeState]) -> NodeState:
        """Let every worker answer by another state, or change nothing.

        `alter` gets the state as it stands when this change has its turn. Returns when every worker answers
        by the new one. Raises what `alter` raises; Invalid (code `cannot-load`) when a worker cannot load a
        generation, Unavailable (code `worker-died`) when one ends while it loads, each time.
        """
        for _ in range(_TRIES):
            try:
                return await self._change(alter)
            except _Died:
                await self._until_all_are_back()
        raise Unavailable(
            f"a worker ended while it loaded the generation, {_TRIES} times; nothing has changed. Is there "
            "memory enough for it?",
            code="worker-died",
        )

    async def _change(self, alter: Callable[[NodeState], NodeState]) -> NodeState:
        async with self._changing:
            before, after = self.state, alter(self.state)
            if after == before and not self.failures:
                return before
            plan = await self._plan(after)
            outcomes: Outcomes = {}
            try:
                while True:
                    await self._prepare_others(plan, outcomes)
                    self._check(outcomes, before, after)
                    if await self._commit_all(after, outcomes):
                        return after
            except BaseException:
                await self._forget(outcomes)
                raise

    async def _prepare_others(self, plan: Plan, outcomes: Outcomes) -> None:
        """Let all workers prepare a plan that have not done so: all, and then those that came meanwhile."""
        others = [one for one in self._crew.answering if one not in outcomes]
        # They answer meanwhile: half of the processors are left for that.
        turns = asyncio.Semaphore(max(1, _processors() // 2))

        async def prepare(one: WorkerProcess) -> Prepared:
            async with turns:
                return await one.ask("prepare", plan, Prepared)

        prepared = await asyncio.gather(*map(prepare, others), return_exceptions=True)
        outcomes.update(zip(others, prepared, strict=True))

    async def _commit_all(self, after: NodeState, outcomes: Outcomes) -> bool:
        """Let all workers answer by what they have prepared, unless another one has come that has not."""
        async with self._standing:
            if set(self._crew.answering) - outcomes.keys():
                return False
            if after != self.state:
                self.data.write(after)
            self.state = after
            self._commits += 1
            await asyncio.gather(*(_commit(one, outcome) for one, outcome in outcomes.items()))
            self.rows.keep(
                {(name, one.id) for name, service in after.services.items() for one in service.generations}
            )
            return True

    def _check(self, outcomes: Outcomes, before: NodeState, after: NodeState) -> None:
        new = _names(after.loaded - before.loaded)
        if new and not outcomes:
            raise _Died  # nobody is there to try it
        needed = new | (after.answering - after.answering_as(before))
        for worker, outcome in outcomes.items():
            if isinstance(outcome, Unavailable):
                # Gone, or not heard of any more; the next change must not count on it.
                worker.ready = False
                if new and not self._crew.leaves(worker):
                    raise _Died  # what it was to load may have ended it, and would end its successors
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                for name, why in outcome.failures.items():
                    if name in needed:
                        raise Invalid(f"generation {name} cannot be loaded: {why}", code="cannot-load")

    async def _forget(self, workers: Iterable[WorkerProcess]) -> None:
        """Let the workers free what they have loaded in vain."""
        ready = [one for one in workers if one.ready]
        await asyncio.gather(*(one.ask("forget", None, type(None)) for one in ready), return_exceptions=True)

    async def _until_all_are_back(self) -> None:
        """Wait until every worker is ready, but not for ever."""
        end = time.monotonic() + self._limits.silence
        while time.monotonic() < end and not self._crew.complete:
            await asyncio.sleep(0.02)

    # Workers

    async def _spawn(self, number: int) -> WorkerProcess:
        configuration = Configuration(
            worker=number,
            uploads=str(self.data.uploads),
            not_alive=str(self.data.not_alive),
            admin_key=self.admin_key,
            kernel=self._kernel,
            limits=self._limits,
        )
        assert self._requests is not None
        return await spawn_worker(
            self._nursery, configuration, self._listener.fileno(), self._memory, self._requests
        )

    async def _bring_up(
        self, worker: WorkerProcess, instead: WorkerProcess | None, answers: Callable[[], None]
    ) -> None:
        """Let a new worker take the state that stands. What it cannot load does not answer, and is told.

        One that is to take another's place must load all that the other has: raises Invalid when it cannot.
        """
        commits = self._commits
        prepared = await worker.ask("prepare", await self._plan(self.state), Prepared)
        async with self._standing:
            if self._commits != commits:  # there is little more to load now
                prepared = await worker.ask("prepare", await self._plan(self.state), Prepared)
            if instead is not None and (lost := prepared.failures.keys() - instead.failures.keys()):
                name = min(lost)
                raise Invalid(f"generation {name} cannot be loaded: {prepared.failures[name]}")
            await worker.ask("commit", prepared.number, type(None))
            worker.failures = prepared.failures
            worker.ready = True
            answers()

    def _bury(self, number: int) -> None:
        clear_connections(self.words, number)
        self.data.drop_uploads(number)

    # Plans

    async def _plan(self, state: NodeState) -> Plan:
        self._plans += 1
        damages = await asyncio.to_thread(self._soundness.check, state)
        services = {name: self._planned(name, service, damages) for name, service in state.services.items()}
        keys = tuple(PlannedKey(key.sha256, key.expires_at) for key in state.keys)
        return Plan(self._plans, services, keys)

    def _planned(self, service_id: str, service: ServiceState, damages: Damages) -> PlannedService:
        in_use = self.state.loaded
        generations = {
            one.id: PlannedGeneration(
                str(self.data.generation(service_id, one.id)),
                one.digest,
                {name: self.rows.of((service_id, one.id, name), in_use) for name in one.endpoints},
                {label: self.rows.of((service_id, label), in_use) for label in one.key_labels},
                damages.get((service_id, one.id), ""),
            )
            for one in service.loaded
        }
        return PlannedService(service.enabled, service.mapping, generations)


async def _commit(one: WorkerProcess, prepared: Prepared | BaseException) -> None:
    """Let a worker answer by what it has prepared. One that cannot is ended: its successor takes the state
    that stands."""
    try:
        if isinstance(prepared, BaseException):
            raise prepared
        await one.ask("commit", prepared.number, type(None))
        one.failures = prepared.failures
    except ScorelineError:
        one.kill()


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(generations: set[tuple[str, str]]) -> set[str]:
    return {f"{service}/{generation}" for service, generation in generations}
