"""Mappings swapped under load on two workers: no query fails, and no answer mixes two generations."""

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
from tests.node.callers import Callers, bias_of, package
from tests.node.card_packages import PLAIN, make_package, probability
from tests.node.processes import NodeProcess, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
MAPPINGS = (
    {"v1": 1.0},
    {"v1": 0.7, "v2": 0.3},
    {"v3": 1.0},
    {"v2": 0.5, "v3": 0.5},
    {"v3": 0.2, "v1": 0.8},
    {"v2": 1.0},
)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """Two workers, with the generations of all mappings on the disk, the first of them live."""
    running = NodeProcess(tmp_path / "data", workers=2).start()
    for version in ("v1", "v2", "v3"):
        running.install(package(tmp_path, version), switch=False)
    running.done("POST", "services/cards/actions/switchTo/v1")
    yield running
    running.clear()


@contextlib.contextmanager
def administering(node: NodeProcess) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{node.url}/admin/api/", auth=(node.key, ""), timeout=60, trust_env=False
    ) as admin:
        yield admin


def swap(admin: httpx.Client, shares: dict[str, float]) -> httpx.Response:
    entries = [{"generation": name, "proba": share} for name, share in shares.items()]
    return admin.post("services/cards/actions/setMapping", json={"entries": entries})


def answering(node: NodeProcess, count: int = 30) -> set[str]:
    """The generations that some queries get now, over several connections."""
    found = set()
    for answer in node.ask_many("cards/plain/predict", [{"features": {}}] * count, connections=6):
        generation = answer["apiContext"]["serviceGeneration"]
        assert answer["result"]["probas"]["yes"] == pytest.approx(probability(bias_of(generation)))
        found.add(str(generation))
    return found


def test_swaps_under_load_lose_nothing_and_mix_nothing(
    node: NodeProcess, repetitions: Callable[..., int]
) -> None:
    swaps = repetitions(quick=18, whole=500)
    with Callers(node, 32, pause=0.01) as callers, administering(node) as admin:
        for number in range(swaps):
            shares = MAPPINGS[number % len(MAPPINGS)]
            answer = swap(admin, shares)
            assert answer.status_code == 200, answer.text
            # No worker answers by an older mapping when the call has returned.
            assert answering(node) <= shares.keys()
    assert callers.wrong == []
    assert callers.answers > 10 * swaps  # how many more depends on the machine
    assert callers.by_generation.keys() == {"v1", "v2", "v3"}
    assert len(callers.generations) > 10


def test_generations_that_cannot_be_loaded_change_nothing_under_load(
    node: NodeProcess, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node.install(make_package(tmp_path, "v8", endpoints=PLAIN, golden=False), switch=False)
    node.install(package(tmp_path, "v9"), switch=False)
    (node.data / "generations/cards/v9/models/fraud/scorer.json").write_bytes(b"{}")
    with Callers(node, 32, pause=0.01) as callers, administering(node) as admin:
        for number in range(repetitions(quick=8, whole=100)):
            shares = MAPPINGS[number % len(MAPPINGS)]
            assert swap(admin, shares).status_code == 200
            for refused in (
                swap(admin, {"v8": 1.0}),
                swap(admin, {"v1": 0.5, "v9": 0.5}),
                admin.post("services/cards/actions/switchTo/v9"),
                admin.post("services/cards/generations/v8/preload"),
            ):
                assert (refused.status_code, refused.json()["code"]) == (400, "cannot-load")
            assert answering(node) <= shares.keys()
            assert node.readiness()["ready"] is True
    assert callers.wrong == []
    assert callers.by_generation.keys() <= {"v1", "v2", "v3"}


def test_swaps_while_a_worker_is_killed_every_second_lose_only_what_it_had(
    node: NodeProcess, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(4)
    ending = threading.Event()
    kills: list[int] = []
    waits: list[int] = []

    def kill() -> None:
        while not ending.wait(1.0):
            with contextlib.suppress(httpx.TransportError):
                pids = node.worker_pids()
                if len(pids) == 2:
                    kills.append(draw.choice(pids))
                    os.kill(kills[-1], signal.SIGKILL)
                else:  # the last one has not been replaced yet
                    waits.append(kills[-1])

    killer = threading.Thread(target=kill)
    swaps = repetitions(quick=40, whole=500)
    looks = 0
    with Callers(node, 32, reconnect=True, pause=0.01) as callers:
        killer.start()
        for number in range(swaps):
            shares = MAPPINGS[number % len(MAPPINGS)]
            _insist(node, shares)
            found: set[str] = set()
            with contextlib.suppress(OSError):  # a connection was the dead worker's
                found = answering(node, 12)
            assert found <= shares.keys()
            looks += len(found) > 0
            time.sleep(0.05)
        ending.set()
        killer.join()
        wait_until(lambda: len(node.worker_pids()) == 2, "two workers", 5)
        assert answering(node) <= shares.keys()
    assert callers.wrong == []
    assert len(kills) > 1
    assert len(waits) <= len(kills) / 2  # a replacement takes much less than a second
    assert looks > swaps / 2
    assert callers.broken <= 32 * len(kills)
    assert node.readiness()["ready"] is True


def _insist(node: NodeProcess, shares: dict[str, float]) -> None:
    """Swap until it is done: the caller's worker may be the one that is killed, or the one that loads."""
    for _ in range(20):
        with contextlib.suppress(httpx.TransportError), administering(node) as admin:
            answer = swap(admin, shares)
            if answer.status_code == 200:
                return
            assert answer.json()["code"] in ("worker-died", "peer-gone"), answer.text
    raise AssertionError("twenty swaps were cut off")
