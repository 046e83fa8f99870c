"""A worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from scoreline.errors import ScorelineError
from scoreline.node.channel import Channel, open_channel
from scoreline.node.nursery_process import NurseryProcess
from scoreline.node.plan import Passed, Reply
from scoreline.node.worker import Configuration, Inheritance

T = TypeVar("T")
Requests = Callable[[Passed], Awaitable[Reply]]
"""Answers the requests that workers pass on."""


class WorkerProcess:
    """Started by `spawn_worker`. It is ready when it listens and answers by the state that stands."""

    def __init__(
        self,
        number: int,
        pid: int,
        channel: Channel,
        nursery: NurseryProcess,
        silence: float,
    ) -> None:
        self.number = number
        """Its region in the shared counters."""
        self.pid = pid
        self.code: int | None = None
        """Its exit code, once it is buried; None also when nobody knows it."""
        self.ready = False
        self.failures: Mapping[str, str] = {}
        """`service/generation` -> why it could not load it."""
        self.gone = asyncio.Event()
        self._channel = channel
        self._nursery = nursery
        self._receiving = asyncio.get_running_loop().create_task(channel.run())
        self._silence = silence

    async def ask(self, name: str, value: object, kind: type[T]) -> T:
        """Call it, for as long as it gives signs of life. Raises Unavailable when it does not."""
        call = asyncio.ensure_future(self._channel.call(name, value, kind))
        while not (await asyncio.wait({call}, timeout=self._silence))[0]:
            if not await self._lives():
                self.kill()
                break
        return await call

    async def drain(self) -> None:
        """Let it take no more clients; returns when it has answered those it has, or is gone."""
        with contextlib.suppress(ScorelineError):
            await self._channel.call("drain", None, type(None))

    async def ended(self) -> None:
        """Return when it has ended, by itself or because it gave no sign of life."""
        while not (await asyncio.wait({self._receiving}, timeout=self._silence))[0]:
            if not await self._lives():
                self.kill()

    def kill(self) -> None:
        """End it at once, if it runs."""
        # Its id may be another's when its channel has ended, unless it waits for its burial.
        if self._nursery.has(self.pid) or not self._receiving.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def bury(self) -> None:
        """End it and wait until it has ended."""
        self.kill()
        self.code = await self._nursery.bury(self.pid)
        await asyncio.wait({self._receiving})

    async def _lives(self) -> bool:
        try:
            await asyncio.wait_for(self._channel.call("ping", None, type(None)), self._silence)
        except (TimeoutError, ScorelineError):
            return False
        return True


async def spawn_worker(
    nursery: NurseryProcess,
    configuration: Configuration,
    listener: int,
    memory: int,
    requests: Requests,
) -> WorkerProcess:
    """Start a worker process. Raises Unavailable."""

    async def answer(data: Raw) -> Reply:
        return await requests(msgspec.msgpack.decode(data, type=Passed))

    ours, theirs = socket.socketpair()
    with theirs, contextlib.ExitStack() as undo:
        undo.enter_context(ours)
        pid = await nursery.bear(configuration, Inheritance(theirs.fileno(), listener, memory))
        channel = await open_channel(ours, {"request": answer})
        undo.pop_all()
    return WorkerProcess(configuration.worker, pid, channel, nursery, configuration.limits.silence)
