"""Processes of a node killed or stopped at any moment: the others go on, and it comes back as it was."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.node.callers import QUERY, Callers, bias_of, package
from tests.node.card_packages import CARDS, PLAIN, make_package, probability
from tests.node.processes import NodeProcess, children_of, is_alive, resident_bytes, wait_until

from scoreline.core.service import LookupEndpoint, PredictionEndpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
StartNode = Callable[..., NodeProcess]


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


def test_a_killed_worker_is_replaced_and_only_its_connections_feel_it(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node()
    node.install(package(tmp_path, "v1"))
    node.install(package(tmp_path, "v2"))
    draw = random.Random(1)
    times = []
    with Callers(node, 6, reconnect=True) as callers:
        for number in range(repetitions(quick=3, whole=50)):
            version = f"v{number % 2 + 1}"
            node.done("POST", f"services/cards/actions/switchTo/{version}")
            pids, broken = node.worker_pids(), callers.broken
            os.kill(draw.choice(pids), signal.SIGKILL)
            began = time.monotonic()
            wait_until(lambda pids=pids: len(set(node.worker_pids()) - set(pids)) == 1, "another worker")
            times.append(time.monotonic() - began)
            assert callers.broken - broken <= 6
            assert serving(node) == version
            assert node.readiness()["ready"] is True
    assert callers.wrong == []
    assert min(times) < 5  # others may share the processor
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

    pid = wait_until(lambda: set(children_of(node.nursery)) - set(first), "its successor is born").pop()
    os.kill(pid, signal.SIGSTOP)
    node.install(package(tmp_path, "v2"))
    wait_until(lambda: not is_alive(pid), "the stuck one is ended")
    wait_until(lambda: len(node.worker_pids()) == 2, "two workers")
    assert serving(node) == "v2"


def test_all_workers_are_replaced_at_once_by_forks_of_one_process(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=4)
    node.install(package(tmp_path, "v1"))
    nursery, first = node.nursery, node.worker_pids()
    assert set(children_of(nursery)) == set(first)

    for pid in first[1:]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(set(node.worker_pids()) - set(first)) == 3, "three other workers")

    assert node.nursery == nursery
    assert set(children_of(nursery)) == set(node.worker_pids())
    assert serving(node) == "v1"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_workers_outlive_the_process_that_bore_them(
    start_node: StartNode, tmp_path: Path, how: signal.Signals
) -> None:
    node = start_node(silence=1.5)
    node.install(package(tmp_path, "v1"))
    nursery, first = node.nursery, node.worker_pids()
    with Callers(node, 4, pause=0.005) as callers:
        os.kill(nursery, how)
        node.install(package(tmp_path, "v2"))
    assert callers.wrong == []
    assert node.worker_pids() == first

    for pid in first:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: len(set(_pids(node)) - {pid}) == 2, "two workers without it")
    wait_until(lambda: not any(map(is_alive, [nursery, *first])), "the old ones are gone")
    assert set(children_of(node.nursery)) == set(node.worker_pids())
    assert serving(node) == "v2"
    node.done("POST", "actions/recycle")
    assert node.end() == 0


def _pids(node: NodeProcess) -> list[int]:
    """The workers that are ready; none when the one that was asked died."""
    with contextlib.suppress(httpx.TransportError):
        return node.worker_pids()
    return []


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
