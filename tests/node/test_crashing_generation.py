"""A generation that ends whoever loads it is refused, and nothing changes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.node.card_packages import ENDPOINTS, PLAIN, make_package
from tests.node.processes import NodeProcess, is_alive, mapped_files, wait_until

from scoreline.core.service import TestQuery

pytestmark = pytest.mark.slow


ASKED_LONG = msgspec.structs.replace(
    ENDPOINTS[0], test_queries=(TestQuery(query={"features": {"amount": 10}}),) * 60_000
)
"""An endpoint whose test queries take a worker more than a second, while it loads the generation."""


def install_two(node: NodeProcess, folder: Path) -> None:
    """A generation v1 that answers, and a v2 that takes long to load."""
    node.install(make_package(folder, "v1", endpoints=PLAIN))
    slow = make_package(folder, "v2", endpoints=(ASKED_LONG, *PLAIN), bias=1.0, more_cards=1)
    node.install(slow, switch=False)


def loads(node: NodeProcess, worker: int) -> bool:
    """Whether a worker loads v2, or has loaded it."""
    folder = str(node.data / "generations" / "cards" / "v2")
    return any(folder in file for file in mapped_files(worker))


def kill_while_it_loads(node: NodeProcess) -> int:
    """Kill a worker when it is about to load v2; gives which one it was."""
    worker = node.worker_pids()[0]
    wait_until(lambda: loads(node, worker), "a worker loads the generation")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not is_alive(worker), "the worker is gone")
    return worker


def test_a_generation_that_ends_its_worker_again_and_again_is_not_switched_to(
    tmp_path: Path, start_node: Callable[..., NodeProcess]
) -> None:
    node = start_node()
    install_two(node, tmp_path)

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(node.admin, "POST", "services/cards/actions/switchTo/v2")
        killed = []
        for _ in range(2):
            killed.append(kill_while_it_loads(node))
            wait_until(lambda: set(node.worker_pids()) - set(killed), "another worker is ready")

        # The caller's connection was to the worker that was killed.
        assert isinstance(switching.exception(), httpx.TransportError)

    active = [
        one["generation"]
        for one in node.done("GET", "services/cards/generations")["generations"]
        if one["active"]
    ]
    assert active == ["v1"]
    assert node.ask("cards/plain/predict", {"features": {}})["apiContext"]["serviceGeneration"] == "v1"
    assert node.readiness()["ready"] is True
    node.end()
    assert (
        node.start().ask("cards/plain/predict", {"features": {}})["apiContext"]["serviceGeneration"] == "v1"
    )


def test_a_worker_that_is_killed_while_it_loads_does_not_fail_the_switch(
    tmp_path: Path, start_node: Callable[..., NodeProcess]
) -> None:
    node = start_node()
    install_two(node, tmp_path)

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(node.admin, "POST", "services/cards/actions/switchTo/v2")
        kill_while_it_loads(node)
        assert isinstance(switching.exception(), httpx.TransportError)

    wait_until(lambda: generation(node) == "v2", "the new generation answers")


def test_a_worker_that_dies_is_replaced_while_another_one_still_loads(
    tmp_path: Path, start_node: Callable[..., NodeProcess]
) -> None:
    node = start_node(workers=2)
    install_two(node, tmp_path)

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(node.admin, "POST", "services/cards/actions/switchTo/v2")
        other = node.worker_pids()[1]
        wait_until(lambda: loads(node, other), "the other one loads")
        killed = kill_while_it_loads(node)
        wait_until(lambda: len(ready(node) - {killed}) == 2, "two workers are ready")
        assert loads(node, other)
        switching.exception()

    wait_until(lambda: generation(node) == "v2", "the new generation answers")
    node.done("POST", "services/cards/actions/switchTo/v2")  # all of them
    answers = node.ask_many("cards/plain/predict", [{"features": {}}] * 40)
    assert {answer["apiContext"]["serviceGeneration"] for answer in answers} == {"v2"}


def generation(node: NodeProcess) -> str | None:
    """Which one answers; None when it could not be asked."""
    with contextlib.suppress(httpx.TransportError):
        answer = node.post("cards/plain/predict", {"features": {}}).json()
        return str(answer["apiContext"]["serviceGeneration"])
    return None


def ready(node: NodeProcess) -> set[int]:
    """The workers that are ready; none when the one that was asked died."""
    with contextlib.suppress(httpx.TransportError):
        return set(node.worker_pids())
    return set()
