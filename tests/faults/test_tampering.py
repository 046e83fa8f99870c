"""A package that was changed in the store, on the wire or on the node's disk never answers, and is told."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane, state_on
from tests.deployer.processes import wait_until
from tests.deployer.proxy import Proxy
from tests.node.processes import NodeProcess

from scoreline.core.deployment import UpdateOutcome
from scoreline.wire import control

pytestmark = pytest.mark.slow
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane with its local node. Every test has a service of its own on it."""
    with running_plane(tmp_path_factory.mktemp("tampering") / "home") as running:
        running.nodes()
        yield running


@pytest.fixture
def service(plane: Plane, tmp_path: Path) -> str:
    """A service whose v1 is live on the local node, and whose v2 is published."""
    name = f"service{next(NUMBERS)}"
    plane.publish(*(make_package(tmp_path, version, service=name) for version in ("v1", "v2")))
    plane.deploy(name, "v1")
    return name


def flip(path: Path, at: float) -> None:
    """Change one bit of a file, at a share of its length."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[min(int(at * len(data)), len(data) - 1)] ^= 0x10
    path.write_bytes(data)


def in_store(plane: Plane, service: str, version: str) -> Path:
    """The archive of a version in the artifact store."""
    return plane.services.archive(plane.services.version(service, version))


def forged(folder: Path, service: str) -> Path:
    """A sound package that calls itself v2, and is not the one that was published."""
    (folder / "forged").mkdir()
    return make_package(folder / "forged", "v2", service=service, state="Forged")


def assert_v1_goes_on(plane: Plane, service: str, ended: control.Update) -> None:
    """The update failed, said so, and v1 answers."""
    assert ended.outcome is UpdateOutcome.FAILED
    (node,) = plane.nodes()
    assert state_on(node, service) == (200, "State of v1")
    messages = plane.health(f"{service}-on-local")[1]
    assert any("the last update, to v2, failed" in message for message in messages), messages
    assert state_on(node, service, forcedGeneration="v2")[0] == 404


# In the store


@pytest.mark.parametrize("at", [0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_one_bit_that_changed_in_the_store_keeps_the_old_version_answering(
    plane: Plane, service: str, at: float
) -> None:
    flip(in_store(plane, service, "v2"), at)

    ended = plane.update(f"{service}-on-local", "v2")

    assert_v1_goes_on(plane, service, ended)


def test_a_sound_package_in_the_place_of_another_is_not_taken_for_it(
    plane: Plane, service: str, tmp_path: Path
) -> None:
    place = in_store(plane, service, "v2")
    right = place.read_bytes()
    shutil.copy(forged(tmp_path, service), place)

    ended = plane.update(f"{service}-on-local", "v2")

    assert_v1_goes_on(plane, service, ended)
    place.write_bytes(right)
    assert plane.update(f"{service}-on-local", "v2").outcome is UpdateOutcome.SUCCESS
    assert state_on(plane.nodes()[0], service) == (200, "State of v2")


def test_a_package_that_changed_in_the_store_is_restored_by_publishing_its_content_again(
    plane: Plane, service: str, tmp_path: Path
) -> None:
    flip(in_store(plane, service, "v2"), 0.5)
    folder = tmp_path / "made-again"
    folder.mkdir()

    plane.publish(make_package(folder, "v2", service=service, created_at="2031-01-01T00:00:00+00:00"))

    assert plane.update(f"{service}-on-local", "v2").outcome is UpdateOutcome.SUCCESS


# On the wire


class Wire:
    """What an attacker does to uploads."""

    def __init__(self) -> None:
        self.change: Callable[[bytes], bytes] = lambda body: body

    def __call__(self, method: str, body: bytes) -> bytes:
        return self.change(body) if method == "PUT" else body


@pytest.fixture(scope="module")
def far(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """The wire to the infrastructure `far`: a node of somebody else."""
    wire = Wire()
    node = NodeProcess(tmp_path_factory.mktemp("far") / "data").start()
    with Proxy(node.url, change=wire) as proxy:
        reached = control.NewNode(url=proxy.url, admin_key=node.key)
        plane.control.infrastructures.create(
            control.NewInfrastructure(id="far", kind="static", nodes=(reached,))
        )
        yield wire
    node.clear()


@pytest.fixture
def wire(plane: Plane, service: str, far: Wire) -> Iterator[Wire]:
    """The wire, with v1 of the service live at its far end."""
    plane.deploy(service, "v1", "far")
    yield far
    far.change = lambda body: body


def changed(at: float) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        data = bytearray(body)
        data[int(at * len(data))] ^= 0x10
        return bytes(data)

    return change


@pytest.mark.parametrize("at", [0.01, 0.3, 0.5, 0.9])
def test_one_bit_that_changed_on_the_wire_keeps_the_old_version_answering(
    plane: Plane, service: str, wire: Wire, at: float
) -> None:
    wire.change = changed(at)

    ended = plane.update(f"{service}-on-far", "v2")

    (node,) = plane.nodes("far")
    assert ended.outcome is UpdateOutcome.FAILED
    assert state_on(node, service) == (200, "State of v1")
    assert any("failed" in message for message in plane.health(f"{service}-on-far")[1])


def test_a_sound_package_that_is_sent_instead_is_refused_and_the_right_one_can_follow(
    plane: Plane, service: str, wire: Wire, tmp_path: Path
) -> None:
    other = forged(tmp_path, service).read_bytes()
    wire.change = lambda _: other
    failed = plane.update(f"{service}-on-far", "v2")
    wire.change = lambda body: body

    ended = plane.update(f"{service}-on-far", "v2")

    (node,) = plane.nodes("far")
    assert failed.outcome is UpdateOutcome.FAILED
    assert ended.outcome is UpdateOutcome.SUCCESS
    assert state_on(node, service) == (200, "State of v2")


# On the node's disk


PARTS = {"manifest": "manifest.json", "service": "service.json", "rows": ".mdb", "lookup": "lookup.json"}
PLACES = [0.1, 0.5, 0.9]


def folder_on_disk(plane: Plane, service: str, version: str) -> Path:
    return plane.home.nodes / "local" / "local" / "generations" / service / version


def flip_on_disk(plane: Plane, service: str, version: str, part: str, at: float) -> None:
    folder = folder_on_disk(plane, service, version)
    (path,) = [path for path in folder.rglob("*") if path.is_file() and path.name.endswith(part)]
    flip(path, at)


def service_of(part: str, at: float) -> str:
    """The service of which this part is changed, there."""
    return f"{part}{10 * at:.0f}"


@pytest.fixture(scope="module")
def damaged_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane whose node was down while one bit of each service of it was changed."""
    folder = tmp_path_factory.mktemp("disk")
    services = {service_of(part, at): (part, at) for part in PARTS for at in PLACES}
    with running_plane(folder / "home") as plane:
        plane.nodes()
        for service in services:
            plane.publish(make_package(folder, "v1", service=service, rows=500))
            plane.deploy(service, "v1")
    for service, (part, at) in services.items():
        flip_on_disk(plane, service, "v1", PARTS[part], at)
    for archive in plane.home.artifacts.iterdir():
        archive.unlink()  # so that nothing can be repaired before we look
    with running_plane(folder / "home") as plane:
        plane.nodes()
        yield plane


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("at", PLACES)
def test_what_changed_on_the_disk_while_the_node_was_down_is_reported_and_not_answered_with(
    damaged_plane: Plane, part: str, at: float
) -> None:
    service = service_of(part, at)

    status, answer = state_on(damaged_plane.nodes()[0], service)

    def told() -> Any:
        health, messages = damaged_plane.health(f"{service}-on-local")
        return messages if health == "ERROR" else None

    messages = wait_until(told, "the deployment is in error")
    assert (status, answer) == (503, "generation-not-loaded")
    assert any("node 'local'" in message and "v1" in message for message in messages), messages


def test_what_changed_on_the_disk_is_replaced_by_what_was_published(tmp_path: Path) -> None:
    with running_plane(tmp_path / "home") as plane:
        plane.nodes()
        plane.publish(make_package(tmp_path, "v1", rows=500))
        plane.deploy("merchants", "v1")
    flip_on_disk(plane, "merchants", "v1", ".mdb", 0.5)

    with running_plane(tmp_path / "home") as plane:
        (node,) = plane.nodes()
        plane.wait_healthy("merchants-on-local")

        assert state_on(node, "merchants") == (200, "State of v1")


def test_what_changed_on_the_disk_before_it_was_loaded_is_not_switched_to(plane: Plane, service: str) -> None:
    (node,) = plane.nodes()
    node.api.install(service, "v2", in_store(plane, service, "v2"))
    flip_on_disk(plane, service, "v2", ".mdb", 0.5)
    in_store(plane, service, "v2").unlink()

    ended = plane.update(f"{service}-on-local", "v2")

    assert_v1_goes_on(plane, service, ended)
