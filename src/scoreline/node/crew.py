"""The crew: the workers of a node, each kept running, and replaced one by one without losing a query."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable

from scoreline.errors import Conflict, ScorelineError, Unavailable
from scoreline.node.exchange import report
from scoreline.node.worker_process import WorkerProcess

_START_WITHIN = 60.0
_STEADY_AFTER = 1.0  # seconds
_MENDED_AT_ONCE = 3  # workers in a row that did not live so long
_LONGEST_PAUSE = 5.0

Spawn = Callable[[int], Awaitable[WorkerProcess]]
"""Start a worker that counts in this region."""
BringUp = Callable[[WorkerProcess, WorkerProcess | None, Callable[[], None]], Awaitable[None]]
"""Let a new worker answer by the state that stands, instead of an old one, if there is one; and call the
third in the moment it does. Raises when it cannot."""
Bury = Callable[[int], None]
"""Clear up after the worker that counted in this region."""


class _Place:
    """Where one worker is to be."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.filled = asyncio.Event()
        self.called = asyncio.Event()
        """Somebody wants another worker here."""
        self.relief: asyncio.Future[None] | None = None
        """Whether that went well."""


class Crew:
    """Keeps so many workers, and has room for one more: a new one that takes the place of another."""

    def __init__(self, size: int, *, spawn: Spawn, bring_up: BringUp, bury: Bury, drain: float) -> None:
        """`drain`: seconds that a worker may take to answer what it has, before it is ended."""
        self.restarts = 0
        self._places = [_Place() for _ in range(size)]
        self._spawn = spawn
        self._bring_up = bring_up
        self._bury = bury
        self._drain = drain
        self._regions = set(range(size + 1))
        self._leaving: dict[WorkerProcess, asyncio.Task[None]] = {}
        self._keeping: list[asyncio.Task[None]] = []
        self._recycling = asyncio.Lock()
        self._stopping = False

    @property
    def present(self) -> tuple[WorkerProcess, ...]:
        """The workers in their places, ready or not."""
        return tuple(place.worker for place in self._places if place.worker is not None)

    @property
    def answering(self) -> tuple[WorkerProcess, ...]:
        """All that answer clients; those that leave do so, too."""
        return tuple(one for one in (*self.present, *self._leaving) if one.ready)

    @property
    def complete(self) -> bool:
        """Whether a worker that is ready is in every place."""
        return all(place.worker is not None and place.worker.ready for place in self._places)

    def leaves(self, worker: WorkerProcess) -> bool:
        """Whether another one has taken its place."""
        return worker in self._leaving

    async def start(self) -> None:
        """Start the workers; return when all of them listen. Raises Unavailable when they do not."""
        loop = asyncio.get_running_loop()
        self._keeping = [loop.create_task(self._keep(place)) for place in self._places]
        try:
            await asyncio.wait_for(
                asyncio.gather(*(place.filled.wait() for place in self._places)), _START_WITHIN
            )
        except TimeoutError as error:
            raise Unavailable(f"the workers did not start within {_START_WITHIN:.0f} seconds") from error

    async def stop(self) -> None:
        """Let the workers finish what they answer, and end them."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            drained = (one.drain() for one in self.present)
            await asyncio.wait_for(asyncio.gather(*drained, *self._leaving.values()), self._drain)
        tasks = [*self._keeping, *self._leaving.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def recycle(self, carrier: int) -> None:
        """Replace every worker by a new one, one after the other; the old ones answer what they have taken.

        `carrier`: the region of the worker over which the caller is told. It is replaced last, and still
        leaves when this returns. Raises Unavailable when a new worker cannot take over; the old one stays.
        Raises Conflict while it runs already: who asks over a worker that leaves cannot wait for it to go.
        """

        def is_carrier(place: _Place) -> bool:
            return place.worker is not None and place.worker.number == carrier

        if self._recycling.locked() or any(one.number == carrier for one in self._leaving):
            raise Conflict("the workers are being replaced already; try again later", code="recycling")
        async with self._recycling:
            for place in sorted(self._places, key=is_carrier):
                await self._all_gone()
                place.relief = asyncio.get_running_loop().create_future()
                place.called.set()
                await place.relief
            await self._all_gone(but=carrier)

    async def _all_gone(self, but: int | None = None) -> None:
        await asyncio.gather(*(one.gone.wait() for one in self._leaving if one.number != but))

    async def _keep(self, place: _Place) -> None:
        """Keep one place filled for as long as the node does."""
        short_lives = 0
        try:
            while not self._stopping:
                began = time.monotonic()
                try:
                    await self._fill(place)
                    await self._until_empty(place)
                except (ScorelineError, OSError) as error:
                    report("a worker", error)
                self.restarts += 1
                short_lives = 0 if time.monotonic() - began > _STEADY_AFTER else short_lives + 1
                await asyncio.sleep(_pause(short_lives))
        finally:
            if place.relief is not None:
                place.relief.set_exception(Unavailable("the node ends"))
            worker, place.worker = place.worker, None
            if worker is not None:
                await self._end(worker)

    async def _fill(self, place: _Place) -> None:
        """Start a worker. When it answers it has the place, and whoever had it leaves."""
        region = self._regions.pop()
        try:
            worker = await self._spawn(region)
        except BaseException:
            self._regions.add(region)
            raise
        old = place.worker
        if old is None:
            place.worker = worker

        def take() -> None:
            place.worker = worker
            if old is not None:
                self._leaving[old] = asyncio.get_running_loop().create_task(self._see_off(old))

        try:
            await self._bring_up(worker, old, take)
        except BaseException:
            if place.worker is worker:
                place.worker = None
            await self._end(worker)
            raise
        place.filled.set()

    async def _until_empty(self, place: _Place) -> None:
        """Return when the worker has died. On the way it is replaced as often as somebody wishes."""
        while True:
            worker = place.worker
            assert worker is not None
            ended = asyncio.ensure_future(worker.ended())
            called = asyncio.ensure_future(place.called.wait())
            try:
                await asyncio.wait({ended, called}, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    place.worker = None
                    await self._end(worker)
                    sys.stderr.write(f"worker {worker.pid} ended ({worker.code})\n")
                    return
            finally:
                ended.cancel()
                called.cancel()
            await self._replace(place)

    async def _replace(self, place: _Place) -> None:
        place.called.clear()
        relief, place.relief = place.relief, None
        assert relief is not None
        try:
            await self._fill(place)
            relief.set_result(None)
        except (ScorelineError, OSError) as error:
            why = error.message if isinstance(error, ScorelineError) else type(error).__name__
            relief.set_exception(
                Unavailable(
                    f"a new worker cannot take over, and the old one stays: {why}", code="not-recycled"
                )
            )
        except BaseException:
            relief.cancel()
            raise

    async def _see_off(self, worker: WorkerProcess) -> None:
        """Let a worker answer what it has taken, and end it."""
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.drain(), self._drain)
        finally:
            await self._end(worker)
            del self._leaving[worker]

    async def _end(self, worker: WorkerProcess) -> None:
        await worker.bury()
        self._bury(worker.number)
        self._regions.add(worker.number)
        worker.gone.set()


def _pause(short_lives: int) -> float:
    """How long to wait before the next try, so that a worker that cannot live does not take all the time."""
    tries = short_lives - _MENDED_AT_ONCE
    return 0.0 if tries < 0 else min(_LONGEST_PAUSE, 0.1 * 2.0 ** min(tries, 10))
