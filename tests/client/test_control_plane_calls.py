"""What the command line can do, the SDK can do in the same words; and it bears what networks do."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane

import scoreline
from scoreline import Client, Conflict, Invalid, NotFound, Unavailable, UpdateOutcome
from scoreline.client.connection import Connection
from scoreline.core.declared import Declaration, Declared, DeclaredDeployment
from scoreline.wire.control import Status

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """`merchants` v1, v2 and v9 (whose test query fails) are published."""
    folder = tmp_path_factory.mktemp("calls")
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        for version in ("v1", "v2"):
            client.publish(make_package(folder, version))
        client.publish(make_package(folder, "v9", expect="Nowhere"))
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as client:
        yield client


@pytest.fixture
def deployment(client: Client) -> Iterator[str]:
    """A deployment that answers with v1."""
    name = f"d{next(NUMBERS)}"
    client.deploy("merchants", "v1", id=name, deployed_service=name)
    yield name
    client.delete_deployment(name)


def test_a_deployment_is_led_through_its_life(client: Client, deployment: str) -> None:
    lines: list[str] = []
    updated = client.update(deployment, "v2", progress=lines.append)
    back = client.roll_back(deployment)
    saved = client.save_settings(deployment, mapping={"v1": 0.5, "v2": 0.5}, tags=["a"])
    split = client.update(deployment)
    disabled = client.disable(deployment)
    enabled = client.enable(deployment)

    assert updated.outcome is UpdateOutcome.SUCCESS
    assert lines == list(client.one_update(deployment, updated.id).log)
    assert back.to_version == "v1"
    assert (saved.version, saved.tags) == ("v1", ("a",))
    assert split.to_mapping == saved.mapping
    assert (disabled.enabled, enabled.enabled) == (False, True)
    assert [one.id for one in client.history(deployment)] == [
        one.id for one in client.updates(deployment, last=100)
    ]
    assert next(client.history(deployment)).id == enabled.id


def test_an_update_that_fails_raises_and_says_what_goes_on(client: Client, deployment: str) -> None:
    with pytest.raises(Unavailable, match="v1 goes on answering") as failed:
        client.update(deployment, "v9")

    assert failed.value.code == "update-failed"
    assert client.query(deployment, "merchant_lookup", {"merchant_id": "M_1"})["results"][0]["found"]


def test_settings_that_somebody_changed_meanwhile_are_not_overwritten(
    client: Client, deployment: str
) -> None:
    read = client.deployment(deployment)
    client.save_settings(deployment, tags=["theirs"])

    with pytest.raises(Conflict) as refused:
        client.save_settings(deployment, tags=["mine"], revision=read.revision)

    assert refused.value.code == "stale-revision"
    assert client.deployment(deployment).tags == ("theirs",)


def test_several_generations_are_queried_like_one(client: Client, deployment: str) -> None:
    client.update(deployment, mapping={"v1": 0.5, "v2": 0.5})

    asked = (client.query(deployment, "merchant_lookup", {"merchant_id": "M_1"}) for _ in range(100))
    seen = {answer["apiContext"]["serviceGeneration"] for answer in asked}

    assert seen == {"v1", "v2"}
    assert client.run_test_queries(deployment).passed


def test_what_cannot_be_is_refused_before_anything_is_sent(client: Client, deployment: str) -> None:
    with pytest.raises(Invalid, match="add up to"):
        client.update(deployment, mapping={"v1": 0.5})
    with pytest.raises(Invalid, match="light or full"):
        client.update(deployment, kind="heavy")
    with pytest.raises(NotFound, match="did you mean"):
        client.query(deployment, "merchant_lookups", {})


def test_names_are_one_segment_of_a_path_whatever_they_hold(client: Client) -> None:
    for name in ("../services", "a/b", "", "?x=1", "é", "%2e%2e", ".", ".."):
        with pytest.raises(NotFound):
            client.deployment(name)


def test_infrastructures_are_changed_in_part(client: Client) -> None:
    client.create_infrastructure("pool", kind="static", nodes={"http://127.0.0.1:9": "env:POOL_KEY"})

    changed = client.change_infrastructure("pool", stage="Test", connections={"bank": "env:BANK"})
    without = client.change_infrastructure("pool", nodes={})
    client.delete_infrastructure("pool")

    assert (changed.stage, changed.nodes[0].id, changed.nodes[0].admin_key) == (
        "Test",
        "pool-1",
        "env:POOL_KEY",
    )
    assert (without.nodes, without.connections) == ((), {"bank": "env:BANK"})


def test_declared_deployments_are_planned_and_applied_from_python(
    client: Client, deployment: str, tmp_path: Path
) -> None:
    (tmp_path / "bank.yaml").write_text("deployments:\n  - {service: merchants, version: v1, tags: [x]}\n")
    declared = DeclaredDeployment(service="merchants", version="v2", tags=("y",))

    client.apply(client.plan(scoreline.read_declared(tmp_path / "bank.yaml")))
    first = client.deployment("merchants-on-local")
    client.apply(client.plan(Declaration(Declared(deployments=(declared,)))))
    second = client.deployment("merchants-on-local")
    client.delete_deployment("merchants-on-local")

    assert (first.version, first.tags) == ("v1", ("x",))
    assert (second.version, second.tags) == ("v2", ("y",))
    with pytest.raises(scoreline.InvalidDeclaration, match=r"deployments\[0\]\.version"):
        client.plan(
            Declaration(Declared(deployments=(DeclaredDeployment(service="merchants", version="v"),)))
        )


def test_a_plan_that_is_not_true_any_more_is_not_applied(client: Client, deployment: str) -> None:
    declared = DeclaredDeployment(
        service="merchants", id=deployment, deployed_service=deployment, version="v2"
    )
    planned = client.plan(Declaration(Declared(deployments=(declared,))))
    client.save_settings(deployment, tags=["meanwhile"])

    with pytest.raises(Conflict) as refused:
        client.apply(planned)

    assert refused.value.code == "stale-revision"
    assert client.deployment(deployment).version == "v1"


def test_waiting_goes_on_while_the_control_plane_is_started_anew(
    control_plane: ControlPlane, client: Client, deployment: str
) -> None:
    started = client.update(deployment, "v2", wait=False)
    port = control_plane.server.url.rpartition(":")[2]
    control_plane.kill()
    again = threading.Timer(1.5, control_plane.start, kwargs={"port": port})
    again.start()

    ended = client.wait(started)
    again.join()

    assert (ended.outcome, ended.to_version) == (UpdateOutcome.SUCCESS, "v2")


def test_events_are_read_on_after_the_connection_broke_off(
    control_plane: ControlPlane, client: Client
) -> None:
    server = control_plane.server
    client.create_service("before")
    with CutOff(server.url) as cut, Client(cut.url, server.key) as reader:
        events = reader.events(after=0)
        seen = itertools.takewhile(lambda one: one.object != "before", events)
        ids = [one.id for one in seen]
        cut.cut()
        client.create_service("after")
        following = next(one for one in events if one.kind == "service")
        events.close()

    assert ids == sorted(set(ids))
    assert following.object == "after"
    client.delete_service("before")
    client.delete_service("after")


def test_a_change_that_was_broken_off_is_made_once(control_plane: ControlPlane, client: Client) -> None:
    server = control_plane.server
    with CutOff(server.url, answers=False) as cut, Client(cut.url, server.key) as other:
        added = other.add_stage("Once")

    assert added.id == "Once"
    assert [one.id for one in client.stages()].count("Once") == 1
    client.delete_stage("Once")


def test_lists_come_whole_however_short_the_pages(control_plane: ControlPlane, client: Client) -> None:
    server = control_plane.server
    for number in range(5):
        client.create_service(f"many-{number}")
    connection = Connection(server.url, server.key, 10)

    ids = [one["id"] for one in connection.each("/services", dict, at_once=2)]
    connection.close()

    assert ids == [one.id for one in client.services()]
    assert len(ids) > 5
    for number in range(5):
        client.delete_service(f"many-{number}")


def test_a_client_can_be_shared_between_threads(client: Client) -> None:
    found: list[Status] = []
    threads = [threading.Thread(target=lambda: found.append(client.status())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8


class CutOff:
    """A way to a server that can be cut. Without `answers` it is cut before the first answer comes back."""

    def __init__(self, url: str, *, answers: bool = True) -> None:
        host, _, port = url.rpartition("/")[2].partition(":")
        self._target = (host, int(port))
        self._answers = answers
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> CutOff:
        self._run(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Cut every connection that there is."""
        while self._open:
            end = self._open.pop()
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self, function: object, *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            self._run(self._pass_on, near, far)
            self._run(self._pass_on, far, near)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if source.getpeername() == self._target and not self._answers:
                    self._answers = True
                    break
                target.sendall(data)
        except OSError:
            pass  # the other side went first
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
