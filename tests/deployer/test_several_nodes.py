"""Deployments on several real nodes: all switch or none does, and each comes to what is wanted by itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.nginx import free_port
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane, state_on
from tests.deployer.processes import wait_until
from tests.deployer.proxy import Proxy
from tests.node.processes import NodeProcess

from scoreline.core.deployment import UpdateKind, UpdateOutcome
from scoreline.core.stage import Stage
from scoreline.deployer.deployments import Deployments
from scoreline.deployer.node_files import NodeFiles
from scoreline.errors import Conflict, NotFound, Unavailable
from scoreline.wire import control


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("several") / "home") as running:
        for name, stage in (("two", "Development"), ("test", "Test"), ("live", "Production")):
            nodes = 2 if name == "two" else 1
            running.control.infrastructures.create(
                control.NewInfrastructure(id=name, stage=stage, local_nodes=nodes)
            )
            running.nodes(name)
        running.nodes()
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest, plane: Plane, tmp_path: Path) -> str:
    """A service of the test's own, with v1 and v2 published and v1 live on two nodes."""
    name = f"s{abs(hash(request.node.name))}"
    plane.publish(*(make_package(tmp_path, version, service=name) for version in ("v1", "v2")))
    plane.deploy(name, "v1", "two")
    return name


def states(plane: Plane, service: str, infrastructure: str = "two") -> list[str]:
    return [state_on(node, service)[1] for node in plane.nodes(infrastructure)]


@pytest.mark.parametrize("rolling", [False, True])
@pytest.mark.parametrize("kind", list(UpdateKind))
def test_an_update_reaches_every_node(plane: Plane, service: str, kind: UpdateKind, rolling: bool) -> None:
    ended = plane.update(f"{service}-on-two", "v2", kind=kind, rolling=rolling)

    assert ended.outcome is UpdateOutcome.SUCCESS, ended.log
    assert states(plane, service) == ["State of v2"] * 2
    first, second = (node.id for node in plane.nodes("two"))
    of_first = [step.number for step in ended.steps if step.node == first and step.name == "switch"]
    of_second = [step.number for step in ended.steps if step.node == second and step.name == "prepare"]
    assert (of_first < of_second) is rolling


@pytest.mark.parametrize("rolling", [False, True])
def test_a_version_that_answers_wrong_is_refused_and_the_old_one_answers_everywhere(
    plane: Plane, service: str, tmp_path: Path, rolling: bool
) -> None:
    plane.publish(make_package(tmp_path, "v3", service=service, expect="Nowhere"))

    ended = plane.update(f"{service}-on-two", "v3", rolling=rolling)

    assert ended.outcome is UpdateOutcome.FAILED
    assert states(plane, service) == ["State of v1"] * 2
    for words in ("node 'two", "test query 1 of endpoint 'merchant_lookup'", "result.data.state differs"):
        assert words in ended.message
    health, messages = plane.health(f"{service}-on-two")
    assert health == "WARNING"
    assert any("the last update, to v3, failed: node 'two" in message for message in messages)


def test_what_arrives_changed_is_refused_and_the_old_version_answers_everywhere(
    plane: Plane, tmp_path: Path
) -> None:
    real = NodeProcess(tmp_path / "remote" / "data", port=free_port())
    real.data.parent.mkdir()
    real.start()
    spoiling = threading.Event()

    def change(method: str, body: bytes) -> bytes:
        if method == "PUT" and spoiling.is_set():
            return body.replace(b"State of v2", b"State of V2") if b"State of v2" in body else body[:-200]
        return body

    try:
        with Proxy(real.url, change=change) as proxy:
            nodes = (control.NewNode(url=proxy.url, admin_key=real.key, id="far"),)
            made = control.NewInfrastructure(id="spoiled", kind="static", nodes=nodes)
            plane.control.infrastructures.create(made)
            plane.publish(*(make_package(tmp_path, version, service="spoiled") for version in ("v1", "v2")))
            plane.deploy("spoiled", "v1", "spoiled")
            spoiling.set()

            ended = plane.update("spoiled-on-spoiled", "v2")

            assert ended.outcome is UpdateOutcome.FAILED
            assert ended.message.startswith("node 'far'")
            assert states(plane, "spoiled", "spoiled") == ["State of v1"]
            spoiling.clear()
            assert plane.update("spoiled-on-spoiled", "v2").outcome is UpdateOutcome.SUCCESS
            plane.deployments.delete("spoiled-on-spoiled")
            plane.control.infrastructures.delete("spoiled")
    finally:
        real.clear()


def test_a_second_update_is_refused_while_one_runs(plane: Plane, tmp_path: Path) -> None:
    plane.publish(*(make_package(tmp_path, one, service="busy", queries=300) for one in ("v1", "v2")))
    plane.deploy("busy", "v1", "two")
    running = plane.deployments.update("busy-on-two", control.NewUpdate(version="v2"), "ann")

    with pytest.raises(Conflict) as refused:
        plane.deployments.update("busy-on-two", control.NewUpdate(version="v1"), "bob")
    with pytest.raises(Conflict) as not_deleted:
        plane.deployments.delete("busy-on-two")

    assert refused.value.code == "update-running"
    assert not_deleted.value.code == "update-running"
    assert plane.succeeded(running).to_version == "v2"
    assert plane.deployments.settings("busy-on-two").mapping == running.to_mapping


def test_a_cancelled_update_leaves_the_old_version_answering(plane: Plane, tmp_path: Path) -> None:
    plane.publish(*(make_package(tmp_path, one, service="long", queries=2000) for one in ("v1", "v2")))
    plane.deploy("long", "v1", "two")
    running = plane.deployments.update("long-on-two", control.NewUpdate(version="v2"), "ann")

    plane.deployments.cancel("long-on-two", running.id)

    ended = plane.ended(running)
    assert (ended.outcome, ended.message) == (UpdateOutcome.CANCELLED, "it was cancelled")
    assert states(plane, "long") == ["State of v1"] * 2
    with pytest.raises(Conflict, match="has ended already"):
        plane.deployments.cancel("long-on-two", running.id)


def test_a_node_that_died_and_forgot_everything_catches_up(plane: Plane, service: str) -> None:
    _, second = plane.nodes("two")
    data = NodeFiles(plane.home.nodes / "two", second.id).data
    assert second.pid is not None
    (data / "state.json").unlink()
    os.kill(second.pid, signal.SIGKILL)

    wait_until(lambda: plane.health(f"{service}-on-two")[0] != "HEALTHY", "it is seen", 20)
    plane.wait_healthy(f"{service}-on-two")

    assert states(plane, service) == ["State of v1"] * 2


def test_a_node_that_is_down_is_named_and_an_update_says_so(plane: Plane, tmp_path: Path) -> None:
    real = NodeProcess(tmp_path / "gone" / "data", port=free_port())
    real.data.parent.mkdir()
    real.start()
    try:
        nodes = (control.NewNode(url=real.url, admin_key=real.key, id="gone-1"),)
        plane.control.infrastructures.create(control.NewInfrastructure(id="gone", kind="static", nodes=nodes))
        plane.publish(*(make_package(tmp_path, version, service="away") for version in ("v1", "v2")))
        plane.deploy("away", "v1", "gone")
        real.kill()

        health, messages = plane.health("away-on-gone")
        assert health == "ERROR"
        assert any("node 'gone-1'" in message for message in messages), messages

        with pytest.raises(Unavailable) as left:
            plane.deployments.delete("away-on-gone")
        assert left.value.code == "not-deleted-everywhere"
        assert "it is being deleted" in plane.health("away-on-gone")[1]
        with pytest.raises(Conflict) as refused:
            plane.deployments.update("away-on-gone", control.NewUpdate(version="v2"), "ann")
        assert refused.value.code == "deployment-leaving"

        real.start()

        def deleted() -> bool:
            return "away-on-gone" not in [one.id for one in plane.deployments.saved()]

        wait_until(deleted, "it is deleted once the node is back")
        assert real.done("GET", "services") == []
        plane.control.infrastructures.delete("gone")
    finally:
        real.clear()


def test_a_generation_that_is_damaged_on_the_disk_is_healed(plane: Plane, service: str) -> None:
    node = plane.nodes("two")[0]
    data = NodeFiles(plane.home.nodes / "two", node.id).data
    (definition,) = (data / "generations" / service / "v1").glob("service.json")
    right = definition.read_bytes()
    definition.write_bytes(right[:-1])
    before = node.pid
    assert before is not None

    os.kill(before, signal.SIGKILL)

    wait_until(lambda: node.pid not in (None, before), "it is started again")
    plane.wait_healthy(f"{service}-on-two")
    assert states(plane, service) == ["State of v1"] * 2
    assert node.api.readiness().failures == {}
    assert definition.read_bytes() == right


def test_another_content_under_the_name_of_a_version_is_replaced(
    plane: Plane, service: str, tmp_path: Path
) -> None:
    strange = make_package(tmp_path, "v2", service=service, state="Elsewhere")
    plane.nodes("two")[1].api.install(service, "v2", strange)

    ended = plane.update(f"{service}-on-two", "v2")

    assert ended.outcome is UpdateOutcome.SUCCESS, ended.log
    assert states(plane, service) == ["State of v2"] * 2


def test_a_node_that_answers_a_test_query_differently_is_a_warning(plane: Plane, tmp_path: Path) -> None:
    service = "altered"
    plane.publish(make_package(tmp_path, service=service, state="Only in this package"))
    plane.deploy(service, "v1", "two")
    node = plane.nodes("two")[0]
    data = NodeFiles(plane.home.nodes / "two", node.id).data
    (stored,) = (data / "generations" / service / "v1").rglob("data.mdb")
    content = stored.read_bytes()
    with stored.open("r+b") as file:
        file.write(content.replace(b"Only in this package", b"Only in that package"))

    run = plane.deployments.run_test_queries(f"{service}-on-two")

    assert not run.passed
    health, messages = plane.health(f"{service}-on-two")
    assert health == "WARNING"
    doubt = (
        f"node {node.id!r} answers differently: test query 1 of endpoint 'merchant_lookup' in v1: "
        "result.data.state differs from what is expected"
    )
    assert messages == (doubt,)

    healed = plane.update(f"{service}-on-two", "v1", kind=UpdateKind.FULL)
    assert healed.outcome is UpdateOutcome.SUCCESS, healed.log
    assert plane.deployments.run_test_queries(f"{service}-on-two").passed
    assert plane.health(f"{service}-on-two") == ("HEALTHY", ())


def test_a_deployment_is_copied_to_another_infrastructure(plane: Plane, service: str) -> None:
    plane.deployments.save(f"{service}-on-two", control.DeploymentSettings(tags=("card",)))

    copied = plane.deployments.copy(f"{service}-on-two", control.NewCopy(infrastructure="local"), "ann")

    plane.succeeded(copied)
    assert states(plane, service, "local") == ["State of v1"]
    assert plane.deployments.settings(f"{service}-on-local").tags == ("card",)


def test_a_deployment_is_promoted_stage_by_stage(plane: Plane, service: str) -> None:
    deployments: Deployments = plane.deployments
    plane.succeeded(deployments.promote(f"{service}-on-two", control.NewPromotion(), "ann"))
    plane.succeeded(deployments.promote(f"{service}-on-test", control.NewPromotion(), "ann"))
    assert states(plane, service, "live") == ["State of v1"]
    plane.update(f"{service}-on-two", "v2")

    again = plane.succeeded(deployments.promote(f"{service}-on-two", control.NewPromotion(), "ann"))

    assert (again.deployment, again.from_version, again.to_version) == (f"{service}-on-test", "v1", "v2")
    assert states(plane, service, "test") == ["State of v2"]
    assert states(plane, service, "live") == ["State of v1"]
    with pytest.raises(Conflict, match="no infrastructure in the stage after"):
        deployments.promote(f"{service}-on-live", control.NewPromotion(), "ann")


def test_a_promotion_follows_the_order_of_the_stages(plane: Plane, service: str) -> None:
    stages = plane.control.stages
    stages.add(Stage(id="Shadow"))
    stages.order(["Development", "Shadow", "Test", "Production"])
    try:
        with pytest.raises(Conflict) as refused:
            plane.deployments.promote(f"{service}-on-two", control.NewPromotion(), "ann")
    finally:
        stages.remove("Shadow")

    assert refused.value.code == "no-next-infrastructure"


def test_a_deployment_that_is_deleted_leaves_nothing_on_the_nodes(plane: Plane, service: str) -> None:
    plane.deployments.delete(f"{service}-on-two")

    assert states(plane, service) == ["no-such-service"] * 2
    for node in plane.nodes("two"):
        files = NodeFiles(plane.home.nodes / "two", node.id).data
        assert not (files / "generations" / service).exists()
    with pytest.raises(NotFound):
        plane.deployments.one(f"{service}-on-two")
    plane.deploy(service, "v2", "two")
    assert states(plane, service) == ["State of v2"] * 2
