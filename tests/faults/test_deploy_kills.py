"""The control plane killed at any point of publish, deploy and update: the next one puts everything right."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until
from tests.faults.deployed import Asker, assert_consistent

from scoreline import Client, Health, ScorelineError, UpdateOutcome

pytestmark = pytest.mark.slow
DEPLOYMENT = "merchants-on-local"


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


def killed_while(control_plane: ControlPlane, work: Callable[[Client], object], after: float) -> None:
    """Kill the control plane `after` seconds into some work, which must not wait for it to come back."""

    def run() -> None:
        with contextlib.suppress(ScorelineError), control_plane.client() as client:
            work(client)

    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(after)
    control_plane.kill()
    worker.join()


def test_a_publish_that_was_killed_is_there_whole_or_not_at_all(
    control_plane: ControlPlane, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(7)
    archive = make_package(tmp_path, rows=20_000)
    began = time.monotonic()
    with control_plane.client() as client:
        client.publish(make_package(tmp_path, service="timing", rows=20_000))
    usual = time.monotonic() - began

    for number in range(repetitions(quick=3, whole=30)):
        archive = make_package(tmp_path, f"v{number}", rows=20_000)
        killed_while(control_plane, lambda client, path=archive: client.publish(path), draw.uniform(0, usual))
        control_plane.start()

        assert_consistent(control_plane)
        with control_plane.client() as client:
            assert client.publish(archive).version == f"v{number}"
        assert_consistent(control_plane)


def test_a_deploy_that_was_killed_comes_to_its_end(
    control_plane: ControlPlane, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(8)
    for number in range(repetitions(quick=3, whole=30)):
        name = f"service{number}"
        with control_plane.client() as client:
            client.publish(make_package(tmp_path, service=name, queries=20))

        def deploy(client: Client, name: str = name) -> object:
            return client.deploy(name, "v1", wait=False)

        killed_while(control_plane, deploy, draw.uniform(0, 0.4))
        control_plane.start()
        control_plane.wait_for_node()

        with control_plane.client() as client:
            if f"{name}-on-local" not in [one.id for one in client.deployments()]:
                client.deploy(name, "v1")
            ended = control_plane.wait_for_update(f"{name}-on-local")
            assert ended.outcome is UpdateOutcome.SUCCESS, ended
            answer = client.query(f"{name}-on-local", "merchant_lookup", {"merchant_id": "M_1"})
        assert answer["results"][0]["data"]["state"] == "State of v1"


def test_an_update_that_was_killed_comes_to_its_end_and_no_query_is_lost(
    control_plane: ControlPlane, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(9)
    with control_plane.client() as client:
        client.publish(make_package(tmp_path, "v0"))
        client.deploy("merchants", "v0")
        asker = Asker(client.deployment(DEPLOYMENT).endpoints[0].urls[0])
    asker.start()
    try:
        for number in range(1, repetitions(quick=3, whole=30) + 1):
            wanted = f"v{number}"
            with control_plane.client() as client:
                client.publish(make_package(tmp_path, wanted, queries=20))

            def update(client: Client, version: str = wanted) -> object:
                return client.update(DEPLOYMENT, version, wait=False)

            killed_while(control_plane, update, draw.uniform(0, 0.4))
            control_plane.start()
            control_plane.wait_for_node()

            assert control_plane.wait_for_update(DEPLOYMENT).outcome is UpdateOutcome.SUCCESS
            with control_plane.client() as client:
                if client.deployment(DEPLOYMENT).version != wanted:
                    client.update(DEPLOYMENT, wanted)
                found = client.deployment(DEPLOYMENT)
                assert (found.version, found.serving) == (wanted, {"local": wanted})
    finally:
        asker.end()
    assert asker.wrong == []
    assert asker.answers > 100


def test_node_and_control_plane_killed_together_come_back_as_they_were(
    control_plane: ControlPlane, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    from scoreline.deployer.node_files import kill_node

    draw = random.Random(10)
    with control_plane.client() as client:
        client.publish(make_package(tmp_path, "v0"))
        client.deploy("merchants", "v0")
    for number in range(1, repetitions(quick=3, whole=30) + 1):
        with control_plane.client() as client:
            client.publish(make_package(tmp_path, f"v{number}", queries=20))

        def update(client: Client, version: str = f"v{number}") -> object:
            return client.update(DEPLOYMENT, version, wait=False)

        killed_while(control_plane, update, draw.uniform(0, 0.4))
        kill_node(control_plane.node_files)
        control_plane.start()
        control_plane.wait_for_node()

        control_plane.wait_for_update(DEPLOYMENT)
        with control_plane.client() as client:
            wait_until(lambda: client.deployment(DEPLOYMENT).health is Health.HEALTHY, "healthy")
            found = client.deployment(DEPLOYMENT)
            answer = client.query(DEPLOYMENT, "merchant_lookup", {"merchant_id": "M_1"})
        assert answer["results"][0]["data"]["state"] == f"State of {found.version}"
