"""The control plane killed at any point of publish, deploy and update: the next one puts everything right."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until

from scoreline import Client, Health, ScorelineError, UpdateOutcome
from scoreline.storage.archives import read_archive
from scoreline.storage.catalog import Catalog

pytestmark = pytest.mark.slow
DEPLOYMENT = "merchants-on-local"


@pytest.fixture
def control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


class Asker(threading.Thread):
    """Asks the node all the time, and keeps what was not an answer of a version."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.answers = 0
        self._url = url
        self._stop_asking = threading.Event()

    def run(self) -> None:
        with httpx.Client() as http:
            while not self._stop_asking.wait(0.002):
                try:
                    answer = http.post(f"{self._url}/lookup", json={"data": {"merchant_id": "M_1"}}).json()
                    generation = answer["apiContext"]["serviceGeneration"]
                    assert answer["results"][0]["data"]["state"] == f"State of {generation}"
                    self.answers += 1
                except Exception as error:
                    self.wrong.append(repr(error))

    def end(self) -> None:
        self._stop_asking.set()
        self.join()


def killed_while(control_plane: ControlPlane, work: Callable[[Client], object], after: float) -> bool:
    """Kill the control plane `after` seconds into some work; gives whether the work was done before."""
    done = threading.Event()

    def run() -> None:
        with contextlib.suppress(ScorelineError), control_plane.client() as client:
            work(client)
            done.set()

    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(after)
    finished = done.is_set()
    control_plane.kill()
    worker.join()
    return finished


def assert_consistent(control_plane: ControlPlane) -> None:
    """Every version has its sound archive, and nothing half is left."""
    packages = control_plane.home / "packages"
    catalog = Catalog.open(control_plane.home / "catalog.sqlite")
    needed = catalog.archives()
    versions = [version for service in catalog.service_ids() for version in catalog.versions(service)]
    catalog.close()
    assert {path.name for path in packages.iterdir()} == {f"{name}.zip" for name in needed}
    for version in versions:
        manifest, _ = read_archive(packages / f"{version.archive}.zip")
        assert manifest == version.manifest


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

        killed_while(control_plane, lambda client, name=name: client.deploy(name, "v1"), draw.uniform(0, 0.4))
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
                return client.update(DEPLOYMENT, version)

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
            return client.update(DEPLOYMENT, version)

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
