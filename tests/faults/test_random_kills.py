"""Control plane, node or worker killed while a deployer works: all comes right without a hand."""

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
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until
from tests.faults.deployed import Asker, assert_consistent
from tests.node.processes import children_of

from scoreline import Client, ScorelineError
from scoreline.deployer.node_files import kill_node
from scoreline.errors import NotFound

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
DEPLOYMENT = "merchants-on-local"


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path / "home", node_workers=2)
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


class Operator:
    """Does at random what operators do, and knows which versions there may be."""

    def __init__(self, folder: Path, draw: random.Random) -> None:
        self._folder = folder
        self._draw = draw
        self._made = 1

    def next_work(self) -> tuple[str, Callable[[Client], object]]:
        """A name and the work."""
        name = self._draw.choice(["publish", "update", "full update", "roll back", "delete"])
        if name == "publish":
            self._made += 1
            archive = make_package(self._folder, f"v{self._made}", queries=10)
            return name, lambda client: client.publish(archive)
        if name == "roll back":
            return name, lambda client: client.roll_back(DEPLOYMENT)
        if name == "delete":
            return name, lambda client: client.delete_deployment(DEPLOYMENT)
        pick, kind = self._draw.random(), "full" if name == "full update" else "light"

        def update(client: Client) -> object:
            versions = client.service("merchants").versions
            return client.update(DEPLOYMENT, versions[int(pick * len(versions))].version, kind=kind)

        return name, update


def kill(control_plane: ControlPlane, victim: str, draw: random.Random) -> None:
    if victim == "control plane":
        control_plane.kill()
    elif victim == "node":
        kill_node(control_plane.node_files)
    else:  # a worker, or what bears the workers
        node = control_plane.node_files.pid()
        assert node is not None
        nursery = wait_until(lambda: children_of(node), "there is what bears the workers")
        with contextlib.suppress(ProcessLookupError):
            os.kill(draw.choice([*nursery, *children_of(nursery[0])]), signal.SIGKILL)


def settled(client: Client) -> str | None:
    """What is live once nothing is under way and the node answers so; "nothing" where nothing is deployed."""
    try:
        found = client.deployment(DEPLOYMENT)
        newest = client.updates(DEPLOYMENT, last=1)
    except NotFound:  # a deletion may end between the two
        serving = client.status().infrastructures[0].nodes
        return "nothing" if all(node.up for node in serving) else None
    if newest and newest[0].finished_at is None:
        return None
    if found.version is None or set(found.serving.values()) != {found.version}:
        return None
    return found.version


def assert_answers(client: Client, url: str, live: str) -> None:
    answer = httpx.post(f"{url}/lookup", json={"data": {"merchant_id": "M_1"}}, timeout=10, verify=False)
    if live == "nothing":
        assert answer.status_code in (404, 503)
    else:
        assert answer.json()["results"][0]["data"]["state"] == f"State of {live}"


def test_whatever_is_killed_every_deployment_comes_to_its_wanted_state_by_itself(
    control_plane: ControlPlane, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(11)
    operator = Operator(tmp_path, draw)
    with control_plane.client() as client:
        client.publish(make_package(tmp_path, "v0"))
        client.publish(make_package(tmp_path, "v1"))
        client.deploy("merchants", "v0")
        url = client.deployment(DEPLOYMENT).endpoints[0].urls[0]

    for _ in range(repetitions(quick=4, whole=150)):
        name, work = operator.next_work()
        victim = draw.choice(["control plane", "control plane", "node", "worker"])
        asker = Asker(url) if victim == "control plane" and name != "delete" else None
        if asker:
            asker.start()
        try:
            run_and_kill(control_plane, work, victim, draw)
        finally:
            if asker:
                asker.end()

        assert asker is None or asker.wrong == [], (name, victim)
        with control_plane.client() as client:
            live = wait_until(lambda client=client: settled(client), f"{name}, {victim} killed, settles")
            assert_answers(client, url, live)
            assert_consistent(control_plane)
            if live == "nothing":
                client.deploy("merchants", "v0")


def run_and_kill(
    control_plane: ControlPlane, work: Callable[[Client], object], victim: str, draw: random.Random
) -> None:
    """Kill something during some work, start the control plane again if it was that, wait for the node."""

    def run() -> None:
        with contextlib.suppress(ScorelineError), control_plane.client() as client:
            work(client)

    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(draw.uniform(0, 0.6))
    kill(control_plane, victim, draw)
    if victim == "control plane":
        control_plane.start()
    worker.join(120)
    assert not worker.is_alive()
    control_plane.wait_for_node()
