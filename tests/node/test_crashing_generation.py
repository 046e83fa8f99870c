"""A generation that ends whoever loads it is refused, and nothing changes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.node.card_packages import PLAIN, make_package
from tests.node.processes import NodeProcess, is_alive, wait_until

pytestmark = pytest.mark.slow


def hold_up_loading(node: NodeProcess, generation: str) -> Path:
    """Let whoever loads an installed generation wait in front of a pipe."""
    file = node.data / "generations" / "cards" / generation / "models" / "fraud" / "scorer.json"
    file.unlink()
    os.mkfifo(file)
    return file


@contextlib.contextmanager
def somebody_reading(pipe: Path) -> Iterator[None]:
    """While somebody waits to read from the pipe, and goes on waiting."""

    def open_it() -> int | None:
        with contextlib.suppress(OSError):  # nobody reads
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        return None

    writer = wait_until(open_it, "a worker loads the generation")
    try:
        yield
    finally:
        os.close(writer)


def test_a_generation_that_ends_its_worker_again_and_again_is_not_switched_to(
    tmp_path: Path, start_node: Callable[..., NodeProcess]
) -> None:
    node = start_node()
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN))
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, bias=1.0), switch=False)
    pipe = hold_up_loading(node, "v2")

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(node.admin, "POST", "services/cards/actions/switchTo/v2")
        killed = []
        for _ in range(2):
            with somebody_reading(pipe):
                (worker,) = node.worker_pids()
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)
                wait_until(lambda worker=worker: not is_alive(worker), "the worker is gone")
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
    node.install(make_package(tmp_path, "v1", endpoints=PLAIN))
    node.install(make_package(tmp_path, "v2", endpoints=PLAIN, bias=1.0), switch=False)
    file = node.data / "generations" / "cards" / "v2" / "models" / "fraud" / "scorer.json"
    content = file.read_bytes()
    pipe = hold_up_loading(node, "v2")

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(node.admin, "POST", "services/cards/actions/switchTo/v2")
        with somebody_reading(pipe):
            pipe.unlink()
            file.write_bytes(content)
            os.kill(node.worker_pids()[0], signal.SIGKILL)
        assert isinstance(switching.exception(), httpx.TransportError)

    def generation() -> str | None:
        with contextlib.suppress(httpx.TransportError):
            answer = node.post("cards/plain/predict", {"features": {}}).json()
            return str(answer["apiContext"]["serviceGeneration"])
        return None

    wait_until(lambda: generation() == "v2", "the new generation answers")
