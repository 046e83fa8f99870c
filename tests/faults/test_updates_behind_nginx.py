"""A static infrastructure of two nodes behind nginx is updated under steady load: no query fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.nginx import Nginx, find_nginx, free_port
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane
from tests.node.processes import NodeProcess

from scoreline.core.deployment import UpdateKind
from scoreline.wire import control

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(find_nginx() is None, reason="there is no nginx here"),
]
DEPLOYMENT = "merchants-on-pool"
QUERY = "/public/api/v1/merchants/merchant_lookup/lookup"
CLIENTS = 16


class Load:
    """Clients that ask all the time over kept connections; an answer must be of one version throughout."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._url = url
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30, trust_env=False, verify=False) as client:
            while not self._ending.wait(0.01):
                try:
                    answer = client.post(QUERY, json={"data": {"merchant_id": "M_1"}})
                    found = answer.json()
                    generation = found["apiContext"]["serviceGeneration"]
                    assert found["results"][0]["data"]["state"] == f"State of {generation}"
                    self.answers[generation] += 1
                except Exception as error:
                    self.wrong.append(repr(error))


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    started = []
    for number in (1, 2):
        node = NodeProcess(tmp_path / f"node{number}" / "data", workers=2)
        node.data.parent.mkdir()
        started.append(node.start())
    yield started
    for node in started:
        node.clear()


@pytest.fixture
def plane(tmp_path: Path, nodes: list[NodeProcess]) -> Iterator[Plane]:
    with running_plane(tmp_path / "home") as running:
        pool = tuple(control.NewNode(url=node.url, admin_key=node.key) for node in nodes)
        running.control.infrastructures.create(
            control.NewInfrastructure(id="pool", kind="static", stage="Production", nodes=pool)
        )
        yield running


@pytest.fixture
def nginx(tmp_path: Path, plane: Plane) -> Iterator[Nginx]:
    port = free_port()
    configuration = plane.control.infrastructures.nginx_config("pool", f"127.0.0.1:{port}")
    running = Nginx(tmp_path / "nginx", configuration, port).start()
    yield running
    running.end()


def test_light_and_full_updates_fail_no_query(
    plane: Plane, nginx: Nginx, tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    light, full = repetitions(quick=2, whole=100), repetitions(quick=1, whole=10)
    plane.publish(make_package(tmp_path, "v0"))
    plane.deploy("merchants", "v0", "pool")

    with Load(nginx.url) as load:
        for number in range(1, light + 1):
            version = f"v{number}"
            plane.publish(make_package(tmp_path, version))
            plane.succeeded(plane.update(DEPLOYMENT, version, rolling=number % 2 == 0))
        for number in range(full):
            version = f"v{number % 2 + 1}"
            plane.succeeded(plane.update(DEPLOYMENT, version, kind=UpdateKind.FULL, rolling=number % 2 == 0))

    assert load.wrong == []
    assert load.answers.keys() == {f"v{number}" for number in range(light + 1)}
    assert load.answers.total() > 100
