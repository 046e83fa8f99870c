"""Callers that ask a node all the time, and keep what was wrong with its answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.node.card_packages import PLAIN, make_package, probability
from tests.node.processes import NodeProcess, wait_until

_HEAD = "POST /public/api/v1/cards/plain/{} HTTP/1.1\r\nHost: n\r\nContent-Length: {}\r\n\r\n{}"


def query_of(action: str, body: str) -> bytes:
    """A request to the service of `package`."""
    return _HEAD.format(action, len(body), body).encode()


QUERY = query_of("predict", '{"features":{}}')
BATCH = query_of("predict-multi", '{"items":[{"features":{}},{"features":{}},{"features":{}}]}')


def bias_of(version: str) -> float:
    """Each version has a probability of its own."""
    return int(version[1:]) * 0.01 - 2


def package(folder: Path, version: str, **options: Any) -> Path:
    """A package that tells itself from all others by its answers."""
    return make_package(folder, version, bias=bias_of(version), endpoints=PLAIN, **options)


class Callers:
    """Ask all the time over kept connections: one in four times three records at once."""

    def __init__(self, node: NodeProcess, count: int, *, reconnect: bool = False, pause: float = 0.0) -> None:
        self._node = node
        self._reconnect = reconnect
        self._pause = pause
        self._ending = threading.Event()
        self.answers = 0
        self.by_generation: Counter[str] = Counter()
        self.generations: list[str] = []
        """As they followed each other for the first caller."""
        self.wrong: list[str] = []
        self.broken = 0
        """Connections that ended before an answer."""
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(count)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.answers > len(self._threads), "the callers are answered")
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self, number: int) -> None:
        while not self._ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._node.port), timeout=20) as connection:
                    self._ask_over(connection, number)
            except OSError as error:
                self._note_break(repr(error))

    def _ask_over(self, connection: socket.socket, number: int) -> None:
        turn = number
        while not self._ending.is_set():
            turn += 1
            connection.sendall(QUERY if turn % 4 else BATCH)
            answer = connection.recv(65_536)
            if not answer:
                self._note_break("closed")
                return
            self._check(answer, number)
            if b"Connection: close" in answer:
                return
            time.sleep(self._pause)

    def _note_break(self, what: str) -> None:
        self.broken += 1
        if not self._reconnect:
            self.wrong.append(what)

    def _check(self, answer: bytes, number: int) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            self.wrong.append(answer[:400].decode())
            return
        found = json.loads(body)
        generation = found["apiContext"]["serviceGeneration"]
        for result in found.get("results") or [found["result"]]:
            if abs(result["probas"]["yes"] - probability(bias_of(generation))) > 1e-9:
                self.wrong.append(body.decode())
        self.by_generation[generation] += 1
        if number == 0 and (not self.generations or self.generations[-1] != generation):
            self.generations.append(generation)
        self.answers += 1
