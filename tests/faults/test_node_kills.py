"""Processes of a node killed or stopped at any moment: the others go on, and it comes back as it was."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.node.card_packages import CARDS, PLAIN, make_package, probability
from tests.node.processes import NodeProcess, is_alive, resident_bytes, wait_until

from scoreline.core.service import LookupEndpoint, PredictionEndpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
StartNode = Callable[..., NodeProcess]
QUERY = (
    b"POST /public/api/v1/cards/plain/predict HTTP/1.1\r\nHost: n\r\nContent-Length: 15\r\n\r\n"
    b'{"features":{}}'
)


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    started: list[NodeProcess] = []

    def start(*, workers: int = 2, **limits: float) -> NodeProcess:
        node = NodeProcess(tmp_path / f"data{len(started)}", workers=workers, **limits)
        started.append(node)
        return node.start()

    yield start
    for node in started:
        node.clear()


def bias_of(version: str) -> float:
    """Each version has a probability of its own."""
    return int(version[1:]) * 0.01 - 2


def package(folder: Path, version: str, **options: int) -> Path:
    return make_package(folder, version, bias=bias_of(version), endpoints=PLAIN, **options)


class Callers:
    """Ask all the time over kept connections, and keep what was wrong."""

    def __init__(self, node: NodeProcess, count: int, *, reconnect: bool = False) -> None:
        self._node = node
        self._reconnect = reconnect
        self._ending = threading.Event()
        self.answers = 0
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
        while not self._ending.is_set():
            connection.sendall(QUERY)
            answer = connection.recv(65_536)
            if not answer:
                self._note_break("closed")
                return
            self._check(answer, number)

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
        if abs(found["result"]["probas"]["yes"] - probability(bias_of(generation))) > 1e-9:
            self.wrong.append(body.decode())
        if number == 0 and (not self.generations or self.generations[-1] != generation):
            self.generations.append(generation)
        self.answers += 1


def serving(node: NodeProcess) -> str:
    """The generation that every one of some connections gets, with its own probability."""
    seen = set()
    for _ in range(8):
        answer = node.ask("cards/plain/predict", {"features": {}})
        generation = answer["apiContext"]["serviceGeneration"]
        assert answer["result"]["probas"]["yes"] == pytest.approx(probability(bias_of(generation)))
        seen.add(generation)
    assert len(seen) == 1
    return str(seen.pop())


def test_switches_under_load_lose_nothing_and_mix_nothing(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node()
    for version in ("v1", "v2", "v3"):
        node.install(package(tmp_path, version), switch=False)
    node.done("POST", "services/cards/actions/switchTo/v1")
    with Callers(node, 6) as callers, httpx.Client(base_url=node.url, auth=(node.key, "")) as admin:
        for number in range(repetitions(quick=10, whole=500)):
            wanted = f"v{number % 3 + 1}"
            answer = admin.post(f"/admin/api/services/cards/actions/switchTo/{wanted}")
            assert answer.status_code == 200
            assert serving(node) == wanted
    assert callers.wrong == []
    assert callers.answers > 100
    assert len(callers.generations) > 5


def test_a_killed_worker_is_replaced_and_only_its_connections_feel_it(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node()
    node.install(package(tmp_path, "v1"))
    node.install(package(tmp_path, "v2"))
    draw = random.Random(1)
    with Callers(node, 6, reconnect=True) as callers:
        for number in range(repetitions(quick=3, whole=50)):
            version = f"v{number % 2 + 1}"
            node.done("POST", f"services/cards/actions/switchTo/{version}")
            pids, broken = node.worker_pids(), callers.broken
            os.kill(draw.choice(pids), signal.SIGKILL)
            wait_until(lambda pids=pids: len(set(node.worker_pids()) - set(pids)) == 1, "another worker")
            assert callers.broken - broken <= 6
            assert serving(node) == version
            assert node.readiness()["ready"] is True
    assert callers.wrong == []
    assert node.process is not None
    assert node.process.poll() is None


def test_a_worker_killed_during_switches_comes_back_with_what_stands(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node()
    for version in ("v1", "v2"):
        node.install(package(tmp_path, version))
    draw = random.Random(2)
    for number in range(repetitions(quick=4, whole=50)):
        version = f"v{number % 2 + 1}"
        victim = draw.choice(wait_until(lambda: len(node.worker_pids()) == 2 and node.worker_pids(), "both"))
        killer = threading.Timer(draw.uniform(0, 0.01), os.kill, (victim, signal.SIGKILL))
        killer.start()
        _retried(node, "POST", f"services/cards/actions/switchTo/{version}")
        killer.join()
        wait_until(lambda victim=victim: not is_alive(victim), "it is dead")
        wait_until(lambda: len(node.worker_pids()) == 2, "two workers")
        assert serving(node) == version


def _retried(node: NodeProcess, method: str, path: str) -> None:
    """The worker that passes a request on may be the one that is killed: then the caller tries again."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            node.done(method, path)
            return


def test_a_worker_that_is_stuck_is_replaced_and_holds_nobody_up(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(silence=1.5)
    node.install(package(tmp_path, "v1"))
    node.install(package(tmp_path, "v2"), switch=False)
    stuck = node.worker_pids()[0]
    with httpx.Client(base_url=node.url, auth=(node.key, ""), timeout=30) as admin:
        pids = {stuck}
        while stuck in pids:  # a connection to the worker that goes on
            os.kill(stuck, signal.SIGSTOP)
            with contextlib.suppress(httpx.TransportError):
                answer = admin.post("/admin/api/services/cards/actions/switchTo/v2")
                assert answer.status_code == 200, answer.text
            wait_until(lambda: not is_alive(stuck), "the stuck one is ended")
            pids = set(wait_until(lambda: len(node.worker_pids()) == 2 and node.worker_pids(), "two again"))
    _retried(node, "POST", "services/cards/actions/switchTo/v2")
    assert serving(node) == "v2"


def test_a_worker_that_is_stuck_at_its_start_is_replaced(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(silence=1.5)
    node.install(package(tmp_path, "v1"))
    first = node.worker_pids()
    os.kill(first[0], signal.SIGKILL)
    children = Path(f"/proc/{node.pid}/task/{node.pid}/children")

    def newborn() -> int:
        found = {int(pid) for pid in children.read_text().split()} - set(first)
        return next((pid for pid in found if _is_worker(pid)), 0)

    pid = wait_until(newborn, "its successor is born")
    os.kill(pid, signal.SIGSTOP)
    node.install(package(tmp_path, "v2"))
    wait_until(lambda: not is_alive(pid), "the stuck one is ended")
    wait_until(lambda: len(node.worker_pids()) == 2, "two workers")
    assert serving(node) == "v2"


def _is_worker(pid: int) -> bool:
    """Whether it runs its own program by now; a child begins as a copy of its parent, which waits for it."""
    return b"scoreline.node.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_workers_go_away_when_their_supervisor_is_killed(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node(workers=3)
    node.install(package(tmp_path, "v1"))
    for _ in range(repetitions(quick=2, whole=50)):
        pids = node.worker_pids()
        with node.connect() as busy:
            busy.sendall(QUERY[:-5])
            node.kill()
            wait_until(lambda pids=pids: not any(map(is_alive, pids)), "the workers are gone", 15)
        node.start()
        assert serving(node) == "v1"


def test_a_node_killed_while_it_installs_and_switches_has_the_old_or_the_new(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node()
    draw = random.Random(3)
    standing = "v1"
    began = time.monotonic()
    node.install(package(tmp_path, standing, more_cards=5_000))
    usual = time.monotonic() - began
    for number in range(2, repetitions(quick=5, whole=50) + 2):
        wanted = f"v{number}"
        archive = package(tmp_path, wanted)
        killer = threading.Timer(draw.uniform(0, usual * 1.5), node.kill)
        killer.start()
        with contextlib.suppress(httpx.TransportError):
            node.upload(archive, service="cards", generation=wanted)
            node.admin("POST", f"services/cards/actions/switchTo/{wanted}")
        killer.join()

        node.start()

        assert serving(node) in (standing, wanted)
        assert list((node.data / "uploads").iterdir()) == []
        folders = {path.name for path in (node.data / "generations/cards").iterdir()}
        listed = {one["generation"] for one in node.done("GET", "services/cards/generations")["generations"]}
        assert folders == listed
        assert listed - {wanted} == {f"v{n}" for n in range(1, number)}
        node.install(archive)
        assert serving(node) == wanted
        standing = wanted


def test_two_hundred_switches_leave_memory_and_descriptors_as_they_were(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    endpoints = (
        PredictionEndpoint(id="value", model="value"),
        LookupEndpoint(id="card", lookups=(CARDS,)),
        *PLAIN,
    )
    for version in ("v1", "v2"):
        archive = make_package(
            tmp_path, version, bias=bias_of(version), endpoints=endpoints, trees=400, more_cards=len(version)
        )
        node.install(archive)

    def switch(times: int) -> None:
        with httpx.Client(base_url=node.url, auth=(node.key, ""), timeout=30) as admin:
            for number in range(times):
                path = f"/admin/api/services/cards/actions/switchTo/v{number % 2 + 1}"
                assert admin.post(path).status_code == 200

    def use() -> list[tuple[int, int]]:
        pids = [node.pid, *node.worker_pids()]
        return [(resident_bytes(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))) for pid in pids]

    switch(20)
    before = use()
    switch(200)
    after = use()

    for (memory, descriptors), (memory_after, descriptors_after) in zip(before, after, strict=True):
        assert memory_after - memory < 8_000_000
        assert descriptors_after <= descriptors + 2
