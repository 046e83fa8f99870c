"""The node beside the control plane is kept running, adopted, and stopped with it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until

from scoreline.storage.locks import is_locked

pytestmark = pytest.mark.slow


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path / "home")
    running.start()
    yield running
    running.clear()


def node_pid(control_plane: ControlPlane) -> int:
    pid = control_plane.status().infrastructures[0].nodes[0].pid
    assert pid is not None
    return pid


def wait_for_another(control_plane: ControlPlane, before: int) -> None:
    """Return when the node is another process. Its workers may answer for a moment when it has died."""

    def another() -> bool:
        return control_plane.status().infrastructures[0].nodes[0].pid not in (None, before)

    wait_until(another, "another process")


def deploy(control_plane: ControlPlane, folder: Path) -> str:
    """Publish and deploy a package; gives the URL of its endpoint."""
    with control_plane.client() as client:
        client.publish(make_package(folder))
        client.deploy("merchants", "v1")
        return client.deployment("merchants-on-local").endpoints[0].urls[0]


def state_of(url: str) -> str:
    answer = httpx.post(f"{url}/lookup", json={"data": {"merchant_id": "M_1"}}, timeout=60)
    return str(answer.raise_for_status().json()["results"][0]["data"]["state"])


def test_a_node_that_dies_is_started_again_at_once_on_its_port_and_answers_as_before(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    url = deploy(control_plane, tmp_path)
    before = node_pid(control_plane)

    os.kill(before, signal.SIGKILL)
    killed_at = time.monotonic()

    def answers() -> bool:
        try:
            return state_of(url) == "State of v1"
        except httpx.HTTPError:
            return False

    wait_for_another(control_plane, before)
    wait_until(answers, "the node answers again")
    assert time.monotonic() - killed_at < 30


def test_a_node_goes_on_answering_when_the_control_plane_is_killed_and_the_next_one_adopts_it(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    url = deploy(control_plane, tmp_path)
    pid = node_pid(control_plane)

    control_plane.kill()

    assert state_of(url) == "State of v1"
    control_plane.start()
    control_plane.wait_for_node()
    assert node_pid(control_plane) == pid
    assert state_of(url) == "State of v1"


def test_an_adopted_node_is_watched_like_any_other(control_plane: ControlPlane) -> None:
    control_plane.wait_for_node()
    pid = node_pid(control_plane)
    control_plane.kill()
    control_plane.start()
    control_plane.wait_for_node()

    os.kill(pid, signal.SIGKILL)

    wait_until(
        lambda: control_plane.status().infrastructures[0].nodes[0].pid not in (pid, None), "a new node"
    )


def test_a_node_that_died_with_its_control_plane_is_started_by_the_next_one(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    url = deploy(control_plane, tmp_path)
    pid = node_pid(control_plane)
    control_plane.kill()
    os.killpg(pid, signal.SIGKILL)

    control_plane.start()
    control_plane.wait_for_node()

    assert state_of(url) == "State of v1"


def test_ending_the_control_plane_ends_the_node(control_plane: ControlPlane) -> None:
    url = control_plane.wait_for_node()

    assert control_plane.end() == 0

    assert not is_locked(control_plane.node_files.lock)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/isAlive/", timeout=60)


def test_a_port_that_someone_took_meanwhile_is_stepped_around(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    url = deploy(control_plane, tmp_path)
    control_plane.end()
    host, port = url.removeprefix("http://").split("/")[0].split(":")

    with socket.create_server((host, int(port))):
        control_plane.start()
        moved = control_plane.wait_for_node()

        assert not moved.endswith(f":{port}")
        with control_plane.client() as client:
            wait_until(
                lambda: client.deployment("merchants-on-local").health.value == "HEALTHY", "healthy again"
            )
            answer = client.query("merchants-on-local", "merchant_lookup", {"merchant_id": "M_1"})
    assert answer["results"][0]["data"] == {"state": "State of v1"}


def test_a_node_that_lost_its_data_catches_up_by_itself(control_plane: ControlPlane, tmp_path: Path) -> None:
    url = deploy(control_plane, tmp_path)
    pid = node_pid(control_plane)
    control_plane.kill()
    os.killpg(pid, signal.SIGKILL)
    data = control_plane.node_files.data
    data.rename(tmp_path / "lost")

    control_plane.start()

    def answers() -> bool:
        try:
            return state_of(url) == "State of v1"
        except httpx.HTTPError:
            return False

    wait_until(answers, "the deployment answers again")
