"""The workers of a node are replaced one by one, and no query is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.node.callers import QUERY, Callers, package
from tests.node.processes import NodeProcess, children_of, is_alive, wait_until

pytestmark = pytest.mark.slow
StartNode = Callable[..., NodeProcess]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_query_is_lost_while_workers_are_replaced(
    start_node: StartNode, tmp_path: Path, workers: int
) -> None:
    node = start_node(workers=workers)
    for version in ("v1", "v2"):
        node.install(package(tmp_path, version), switch=False)
    entries = [{"generation": "v1", "proba": 0.5}, {"generation": "v2", "proba": 0.5}]
    node.done("POST", "services/cards/actions/setMapping", json={"entries": entries})
    made = node.done("POST", "keys", json={"label": "ci"})
    before = node.worker_pids()

    with Callers(node, 16, pause=0.005) as callers:
        recycled = node.done("POST", "actions/recycle")
        answers = callers.answers
        wait_until(lambda: callers.answers > answers + 500, "the callers are answered")

    assert callers.wrong == []
    assert callers.by_generation.keys() == {"v1", "v2"}
    assert node.worker_pids() == recycled["workers"]
    assert not set(recycled["workers"]) & set(before)
    wait_until(lambda: not any(map(is_alive, before)), "the old workers are gone")
    assert node.readiness()["ready"] is True
    assert node.done("GET", "metrics")["workerRestarts"] == 0
    assert node.send("GET", "/admin/api/services", auth=(made["key"], "")).status_code == 200


def test_counts_and_connections_add_up_when_workers_are_replaced(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=2)
    node.install(package(tmp_path, "v1"))
    for _ in range(3):
        node.ask_many("cards/plain/predict", [{"features": {}}] * 100)
        node.done("POST", "actions/recycle")

    asked = 0

    def settled() -> str | None:
        """What is told once the connections that were closed are known to be."""
        nonlocal asked
        asked += 1
        text: str = node.send("GET", "/metrics").text
        return text if "scoreline_connections 1\n" in text else None

    text = wait_until(settled, "this connection is the only one")

    assert (
        'scoreline_requests_total{service="cards",generation="v1",endpoint="plain",status="200"} 300\n'
        in text
    )
    # To install, to switch, three times to ask over eight and to recycle, and to look.
    assert f"scoreline_connections_total {29 + asked}\n" in text


def test_a_worker_that_is_replaced_answers_a_query_that_is_still_coming_in(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node()
    node.install(package(tmp_path, "v1"))
    (old,) = node.worker_pids()
    with node.connect() as slow, ThreadPoolExecutor() as pool:
        slow.sendall(QUERY[:-5])
        time.sleep(0.1)
        recycling = pool.submit(node.done, "POST", "actions/recycle")
        wait_until(lambda: node.worker_pids() and node.worker_pids() != [old], "another worker")
        slow.sendall(QUERY[-5:])
        answer = slow.makefile("rb").read()
        recycling.result()

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'"serviceGeneration":"v1"}}')


def test_a_client_that_never_ends_does_not_hold_up_the_replacement(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=2, drain=1.0)
    node.install(package(tmp_path, "v1"))
    before = node.worker_pids()
    connections = [socket.create_connection(("127.0.0.1", node.port), timeout=20) for _ in range(6)]
    for connection in connections:
        connection.sendall(QUERY[:-5])
    time.sleep(0.1)

    began = time.monotonic()
    node.done("POST", "actions/recycle")

    assert time.monotonic() - began < 10
    wait_until(lambda: not any(map(is_alive, before)), "the old workers are gone")
    for connection in connections:
        connection.close()


def test_old_workers_stay_when_new_ones_could_not_load_what_they_hold(
    start_node: StartNode, tmp_path: Path
) -> None:
    node = start_node(workers=2)
    node.install(package(tmp_path, "v1"))
    before = node.worker_pids()
    (node.data / "generations/cards/v1/models/fraud/scorer.json").write_bytes(b"{}")

    with Callers(node, 4, pause=0.005) as callers:
        refused = node.admin("POST", "actions/recycle")

    assert (refused.status_code, refused.json()["code"]) == (503, "not-recycled")
    assert "generation cards/v1 cannot be loaded" in refused.json()["message"]
    assert callers.wrong == []
    assert node.worker_pids() == before
    assert node.readiness()["ready"] is True
    node.install(package(tmp_path, "v1"))
    assert not set(node.done("POST", "actions/recycle")["workers"]) & set(before)


def test_mappings_change_while_workers_are_replaced(start_node: StartNode, tmp_path: Path) -> None:
    node = start_node(workers=2)
    for version in ("v1", "v2"):
        node.install(package(tmp_path, version))
    ending = threading.Event()

    def recycle() -> int:
        count = 0
        while not ending.is_set():
            answer = node.admin("POST", "actions/recycle")
            assert answer.status_code == 200 or answer.json()["code"] == "recycling"
            count += answer.status_code == 200
        return count

    with Callers(node, 8, pause=0.005) as callers, ThreadPoolExecutor() as pool:
        recycling = [pool.submit(recycle) for _ in range(2)]
        try:
            for number in range(20):
                wanted = f"v{number % 2 + 1}"
                node.done("POST", f"services/cards/actions/switchTo/{wanted}")
                # Each over its own connection: a worker that leaves closes one after the answer it is at.
                found = node.ask_many("cards/plain/predict", [{"features": {}}] * 24, connections=24)
                assert {answer["apiContext"]["serviceGeneration"] for answer in found} == {wanted}
        finally:
            ending.set()
        assert sum(one.result() for one in recycling) >= 2
    assert callers.wrong == []


def test_a_worker_that_is_killed_while_it_is_replaced_is_replaced(
    start_node: StartNode, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    node = start_node(workers=2)
    node.install(package(tmp_path, "v1"))
    for number in range(repetitions(quick=4, whole=40)):
        before = wait_until(lambda: len(node.worker_pids()) == 2 and node.worker_pids(), "two workers")
        with ThreadPoolExecutor() as pool:
            recycling = pool.submit(node.admin, "POST", "actions/recycle")
            time.sleep(0.015 * number % 0.2)
            with contextlib.suppress(ProcessLookupError):  # it has been replaced already
                os.kill(before[number % 2], signal.SIGKILL)
            failed = recycling.exception()
        if failed is not None:  # the worker that was to carry the question or the answer is the one
            wait_until(lambda: node.admin("POST", "actions/recycle").status_code == 200, "they are replaced")
        wait_until(lambda: len(node.worker_pids()) == 2, "two workers")
        wait_until(lambda before=before: not any(map(is_alive, before)), "the old ones are gone")
        assert node.ask_many("cards/plain/predict", [{"features": {}}] * 40)
    wait_until(lambda: node.readiness()["ready"], "the node is ready")
    wait_until(lambda: len(children_of(node.nursery)) == 2, "there are two processes")
