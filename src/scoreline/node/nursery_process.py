"""The nursery of a node, as its supervisor sees it: there is always one, or will be soon."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from itertools import count

import msgspec

from scoreline.errors import Unavailable
from scoreline.node.exchange import report
from scoreline.node.nursery import Answer, Bear, Bury
from scoreline.node.worker import Configuration, Inheritance

_START_WITHIN = 60.0
_PAUSE = 0.2  # seconds before the next try
_LOOK = 0.005  # seconds before it is asked again whether a worker has ended
_NO_WORKER = "no worker can be started just now; is there memory enough for one?"


class NurseryProcess:
    """Bears workers and buries them. When it dies its workers live on, and another one takes its place."""

    def __init__(self, silence: float) -> None:
        """`silence`: when it gives no answer for so many seconds it is replaced."""
        self._silence = silence
        self._numbers = count(1)
        self._turn = asyncio.Lock()
        self._ready = asyncio.Event()
        self._children: set[int] = set()
        self._process: asyncio.subprocess.Process | None = None
        self._orders: socket.socket | None = None
        self._answers: asyncio.StreamReader | None = None
        self._ending: asyncio.StreamWriter | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and keep one from now on."""
        self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """End it. Its workers stay."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    def has(self, pid: int) -> bool:
        """Whether a process is a worker that was born here and is not buried: nobody else has its id then."""
        return pid in self._children

    async def bear(self, configuration: Configuration, inheritance: Inheritance) -> int:
        """The process id of a new worker. Raises Unavailable."""
        pid = await self._ask(Bear(next(self._numbers), configuration), inheritance)
        if pid is None:
            raise Unavailable(_NO_WORKER)
        self._children.add(pid)
        return pid

    async def bury(self, pid: int) -> int | None:
        """Wait for the end of a worker, and give its exit code. None at once for one that was not born here:
        nobody knows that of a worker whose nursery is gone."""
        while pid in self._children:
            with contextlib.suppress(Unavailable):
                code = await self._ask(Bury(next(self._numbers), pid))
                if code is not None:
                    self._children.discard(pid)
                    return code
            await asyncio.sleep(_LOOK)
        return None

    async def _ask(self, order: Bear | Bury, descriptors: tuple[int, ...] = ()) -> int | None:
        async with self._turn:
            await self._ready.wait()
            assert self._orders is not None
            try:
                # It is small, and the only one on its way: there is room for it.
                socket.send_fds(self._orders, [msgspec.json.encode(order) + b"\n"], descriptors)
                return await asyncio.wait_for(self._answer(order.number), self._silence)
            except (OSError, TimeoutError, EOFError) as error:
                self._give_up()
                raise Unavailable(
                    "no worker can be started just now; try again", code="no-nursery"
                ) from error

    async def _answer(self, number: int) -> int | None:
        """The answer to one order. Others before it are to orders whose askers went away."""
        assert self._answers is not None
        while line := await self._answers.readline():
            answer = msgspec.json.decode(line, type=Answer)
            if answer.number == number:
                return answer.value
        raise EOFError

    async def _keep(self) -> None:
        try:
            while True:
                try:
                    await self._begin()
                    sys.stderr.write(f"the nursery of the workers ended ({await self._ended()})\n")
                except (OSError, TimeoutError, EOFError) as error:
                    report("the nursery of the workers", error)
                await self._clear()
                await asyncio.sleep(_PAUSE)
        finally:
            await self._clear()

    async def _begin(self) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "scoreline.node.nursery",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
            )
        self._orders.setblocking(False)
        self._answers, self._ending = await asyncio.open_unix_connection(sock=self._orders.dup())
        await asyncio.wait_for(self._answer(0), _START_WITHIN)
        self._ready.set()

    async def _ended(self) -> int:
        assert self._process is not None
        return await self._process.wait()

    def _give_up(self) -> None:
        self._ready.clear()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _clear(self) -> None:
        self._give_up()
        self._children.clear()
        if self._orders is not None:
            self._orders.close()
        if self._ending is not None:
            self._ending.close()
        if self._process is not None:
            await self._process.wait()
