"""What every kind of node does for the deployer: those that it starts, and those that somebody else runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from tests.deployer.nginx import free_port
from tests.deployer.packages import make_package
from tests.deployer.proxy import Proxy
from tests.node.processes import NodeProcess, is_alive, wait_until

from scoreline.core.deployment import single
from scoreline.core.infrastructure import SecretReference, StaticNode
from scoreline.deployer.local_node import LocalNode
from scoreline.deployer.node_files import NodeFiles
from scoreline.deployer.nodes import Node, on_each
from scoreline.deployer.ports import Ports
from scoreline.deployer.remote_node import RemoteNode
from scoreline.deployer.secrets import Secrets
from scoreline.errors import Invalid, ScorelineError, Unavailable

QUERY = {"data": {"merchant_id": "M_1"}}
KINDS = ("local", "remote")


class Place(Protocol):
    """A node with power over its process."""

    node: Node

    def pid(self) -> int: ...
    def revive(self) -> None: ...
    def clear(self) -> None: ...


class LocalPlace:
    """A node that the deployer starts."""

    def __init__(self, folder: Path, node: str, command: tuple[str, ...] = ()) -> None:
        files = NodeFiles(folder / "nodes", node)
        given = {"command": command} if command else {}
        self.node: Node = LocalNode(
            files, host="127.0.0.1", port=0, workers=1, ports=Ports("127.0.0.1", 8470), **given
        )
        self.node.start()

    def pid(self) -> int:
        assert self.node.pid is not None
        return self.node.pid

    def revive(self) -> None:
        """It comes back by itself."""

    def clear(self) -> None:
        self.node.stop()


class RemotePlace:
    """A node that somebody else runs."""

    def __init__(self, folder: Path, node: str) -> None:
        self.process = NodeProcess(folder / node / "data", port=free_port())
        self.process.data.parent.mkdir()
        self.process.start()
        key = folder / node / "key-of-the-operator"
        key.write_text(f"{self.process.key}\n")
        self.node: Node = remote(node, self.process.url, f"file:{key}", folder)
        self.node.start()

    def pid(self) -> int:
        return self.process.pid

    def revive(self) -> None:
        self.process.kill()
        self.process.start()

    def clear(self) -> None:
        self.node.stop()
        self.process.clear()


def remote(node: str, url: str, key: str, folder: Path) -> RemoteNode:
    definition = StaticNode(id=node, url=url, admin_key=SecretReference(key))
    return RemoteNode(definition, Secrets(folder / "secrets", {}))


@pytest.fixture
def place_of(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """`place_of(kind, id)`: a node of that kind, which comes up."""
    made: list[Place] = []

    def make(kind: str, node: str = "one") -> Place:
        made.append(LocalPlace(tmp_path, node) if kind == "local" else RemotePlace(tmp_path, node))
        return made[-1]

    yield make
    for place in made:
        place.clear()


def state_of(node: Node) -> str:
    return str(node.api.ask("merchants", "merchant_lookup", "lookup", QUERY)["results"][0]["data"]["state"])


def seconds_of(call: Callable[[], object]) -> tuple[float, str]:
    """How long a call takes to be refused as Unavailable, and what it says."""
    begun = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        call()
    return time.monotonic() - begun, refused.value.message


# The contract of every kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_is_up_says_where_and_answers_there(place_of: Callable[..., Place], kind: str) -> None:
    node = place_of(kind, "one").node

    node.wait_up(30)

    assert node.id == "one"
    assert not node.url.endswith("/")
    assert httpx.get(f"{node.url}/isAlive/", timeout=60).status_code == 200
    assert node.api.readiness().ready


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_uploaded_loaded_and_switched_to(
    place_of: Callable[..., Place], kind: str, tmp_path: Path
) -> None:
    node = place_of(kind).node
    node.wait_up(30)

    installed = node.api.install("merchants", "v1", make_package(tmp_path))
    node.api.preload("merchants", "v1")
    node.api.set_mapping("merchants", single("v1"))

    assert installed.generation == "v1"
    assert [(one.generation, one.digest) for one in node.api.generations("merchants")] == [
        ("v1", installed.digest)
    ]
    assert state_of(node) == "State of v1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_of_a_node_is_not_taken_for_its_death(
    place_of: Callable[..., Place], kind: str, tmp_path: Path
) -> None:
    node = place_of(kind).node
    node.wait_up(30)
    (tmp_path / "damaged.zip").write_bytes(b"PK" + bytes(2_000))

    with pytest.raises(Invalid):
        node.api.install("merchants", "v1", tmp_path / "damaged.zip")

    assert node.api.readiness().ready


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_was_killed_is_said_to_be_down_and_answers_as_before_when_it_is_back(
    place_of: Callable[..., Place], kind: str, tmp_path: Path
) -> None:
    place = place_of(kind)
    node = place.node
    node.wait_up(30)
    node.api.install("merchants", "v1", make_package(tmp_path))
    node.api.set_mapping("merchants", single("v1"))
    before = place.pid()

    os.kill(before, signal.SIGSTOP)  # so that it is not back before we look
    took, said = seconds_of(lambda: node.api.readiness())
    os.kill(before, signal.SIGKILL)
    place.revive()

    assert took < 4
    assert "'one'" in said
    wait_until(lambda: place.node.pid != before and not is_alive(before), "another process")
    node.wait_up(30)
    assert state_of(node) == "State of v1"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_hangs_keeps_nobody_from_the_others(place_of: Callable[..., Place], kind: str) -> None:
    hanging, well = place_of(kind, "hanging"), place_of(kind, "well")
    for place in (hanging, well):
        place.node.wait_up(30)
    answered: dict[str, float] = {}

    def ask(node: Node) -> str:
        found = node.api.readiness()
        answered[node.id] = time.monotonic() - begun
        return "ready" if found.ready else "not ready"

    pid = hanging.pid()
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    try:
        found = on_each([hanging.node, well.node], ask)
    finally:
        os.kill(pid, signal.SIGCONT)
    both = time.monotonic() - begun

    assert isinstance(found[0], Unavailable)
    assert found[1] == "ready"
    assert answered["well"] < both - 0.5
    assert both < 10  # the usual limit of a call


@pytest.mark.parametrize("kind", KINDS)
def test_waiting_for_a_node_that_does_not_come_up_ends_in_time_and_says_why(
    kind: str, tmp_path: Path
) -> None:
    if kind == "local":
        command = (sys.executable, "-c", "import sys; sys.exit('error: no room')")
        node: Node = LocalPlace(tmp_path, "one", command).node
    else:
        (tmp_path / "key").write_text("some-admin-key")
        node = remote("one", f"http://127.0.0.1:{free_port()}", f"file:{tmp_path / 'key'}", tmp_path)
        node.start()

    took, said = seconds_of(lambda: node.wait_up(1.5))
    node.stop()

    assert 1 < took < 20
    assert said.startswith("node 'one' is not up: ")
    assert ("no room" if kind == "local" else "does not answer") in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_is_called_from_many_threads_at_once(
    place_of: Callable[..., Place], kind: str, tmp_path: Path
) -> None:
    node = place_of(kind).node
    node.wait_up(30)
    node.api.install("merchants", "v1", make_package(tmp_path))
    node.api.set_mapping("merchants", single("v1"))

    with ThreadPoolExecutor(16) as threads:
        states = list(threads.map(lambda _: state_of(node), range(200)))

    assert set(states) == {"State of v1"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_is_looked_after_no_more_is_not_called(place_of: Callable[..., Place], kind: str) -> None:
    node = place_of(kind).node
    node.wait_up(30)
    api = node.api

    node.stop()

    for call in (lambda: node.api.readiness(), lambda: api.readiness(), lambda: node.wait_up(5)):
        took, _ = seconds_of(call)
        assert took < 3


@pytest.mark.slow
def test_a_package_goes_to_several_nodes_at_once_whatever_their_kind(
    place_of: Callable[..., Place], tmp_path: Path
) -> None:
    nodes = [place_of(kind, f"{kind}-{number}").node for kind in KINDS for number in (1, 2)]
    archive = make_package(tmp_path, rows=20_000)
    for node in nodes:
        node.wait_up(30)

    found = on_each(nodes, lambda node: node.api.install("merchants", "v1", archive))

    assert not [one for one in found if isinstance(one, ScorelineError)]
    assert len({one.digest for one in found if not isinstance(one, ScorelineError)}) == 1


# Where the kinds differ


def test_a_local_node_ends_when_it_is_looked_after_no_more_and_one_of_somebody_else_goes_on(
    place_of: Callable[..., Place],
) -> None:
    local, other = place_of("local", "local"), place_of("remote", "other")
    for place in (local, other):
        place.node.wait_up(30)
    pids = local.pid(), other.pid()

    for place in (local, other):
        place.node.stop()

    assert [is_alive(pid) for pid in pids] == [False, True]
    assert httpx.get(f"{other.node.url}/isAlive/", timeout=60).status_code == 200


def test_a_node_may_stand_under_a_path(place_of: Callable[..., Place], tmp_path: Path) -> None:
    place = place_of("remote")
    with Proxy(place.node.url, path="/nodes/one") as proxy:
        node = remote(
            "one", f"{proxy.url}/nodes/one", f"file:{tmp_path / 'one' / 'key-of-the-operator'}", tmp_path
        )
        node.wait_up(10)
        node.api.install("merchants", "v1", make_package(tmp_path))
        node.api.set_mapping("merchants", single("v1"))
        state = state_of(node)
        node.stop()

    assert state == "State of v1"


def test_a_wrong_admin_key_is_told_before_anything_is_changed(
    place_of: Callable[..., Place], tmp_path: Path
) -> None:
    place = place_of("remote")
    key = tmp_path / "one" / "key-of-the-operator"
    right = key.read_text()
    key.write_text("not-the-admin-key")

    _, said = seconds_of(lambda: place.node.api.readiness())
    key.write_text(right)

    assert "refuses the admin key" in said
    assert "not-the-admin-key" not in said
    assert place.node.api.readiness().ready  # the key was put right, and nobody had to say so


def test_a_key_that_is_not_there_is_told_by_its_reference(tmp_path: Path) -> None:
    node = remote("one", "http://127.0.0.1:1", "env:KEY_OF_NODE_ONE", tmp_path)

    _, said = seconds_of(lambda: node.api)

    assert "env:KEY_OF_NODE_ONE" in said


def test_what_is_no_node_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("some-admin-key")
    with Proxy("http://127.0.0.1:1", answer=b"hello") as proxy:
        node = remote("one", proxy.url, f"file:{tmp_path / 'key'}", tmp_path)
        _, said = seconds_of(lambda: node.api.readiness())
        node.stop()

    assert "not" in said
    assert "as a node does" in said
