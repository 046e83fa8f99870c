"""The talk between the supervisor and a worker: calls both ways over one socket, each with one answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from scoreline.errors import ScorelineError, Unavailable
from scoreline.node.exchange import report
from scoreline.wire.problems import INTERNAL, Problem, problem_of, raise_problem

T = TypeVar("T")
Answerer = Callable[[Raw], Awaitable[Any]]

_CALL, _ANSWER, _REFUSAL = 0, 1, 2
_HEAD = 4  # bytes of a frame's length


class _Frame(Struct, frozen=True, array_like=True):
    kind: int
    id: int
    name: str
    data: Raw


_decode = msgspec.msgpack.Decoder(_Frame).decode
_encode = msgspec.msgpack.encode


class Channel:
    """One end. Values are encoded as msgpack. Errors of Scoreline arrive as the errors they were."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answerers: Mapping[str, Answerer]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answerers = answerers
        self._waiting: dict[int, asyncio.Future[Raw]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last = 0
        self._ended = False

    async def call(self, name: str, value: object, kind: type[T]) -> T:
        """Call the other end. Raises Unavailable (code `peer-gone`) when it goes before it answers."""
        if self._ended:
            raise _gone()
        self._last += 1
        answer = asyncio.get_running_loop().create_future()
        self._waiting[self._last] = answer
        self._send(_Frame(_CALL, self._last, name, Raw(_encode(value))))
        return msgspec.msgpack.decode(await answer, type=kind)

    async def run(self) -> None:
        """Receive until the other end is gone."""
        try:
            while True:
                size = int.from_bytes(await self._reader.readexactly(_HEAD), "little")
                self._receive(_decode(await self._reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._ended = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_gone())
            self._writer.close()

    def _receive(self, frame: _Frame) -> None:
        if frame.kind == _CALL:
            task = asyncio.get_running_loop().create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        answer = self._waiting.pop(frame.id)
        if answer.done():
            return
        if frame.kind == _ANSWER:
            answer.set_result(frame.data)
            return
        try:
            raise_problem(msgspec.msgpack.decode(frame.data, type=Problem))
        except ScorelineError as error:
            answer.set_exception(error)

    async def _answer(self, frame: _Frame) -> None:
        try:
            result = await self._answerers[frame.name](frame.data)
            reply = _Frame(_ANSWER, frame.id, "", Raw(_encode(result)))
        except ScorelineError as error:
            reply = _Frame(_REFUSAL, frame.id, "", Raw(_encode(problem_of(error))))
        except Exception as error:
            report(frame.name, error)
            reply = _Frame(_REFUSAL, frame.id, "", Raw(_encode(INTERNAL)))
        if not self._ended:
            self._send(reply)

    def _send(self, frame: _Frame) -> None:
        data = _encode(frame)
        with contextlib.suppress(ConnectionError):
            self._writer.write(len(data).to_bytes(_HEAD, "little") + data)


async def open_channel(end: socket.socket, answerers: Mapping[str, Answerer]) -> Channel:
    """A channel over one end of a socket pair; `run` it to receive."""
    end.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=end, limit=2**20)
    return Channel(reader, writer, answerers)


def _gone() -> Unavailable:
    return Unavailable("the process that was to answer is gone; try again", code="peer-gone")
