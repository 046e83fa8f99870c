"""What is saved, what is brought live, and the ways back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane, shared, state_on

from scoreline.core.deployment import UpdateKind, UpdateOutcome, single
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.wire import control


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("mappings") / "home") as running:
        running.nodes()
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest, plane: Plane, tmp_path: Path) -> str:
    """A service of the test's own, with v1, v2 and v3 published and v1 live."""
    name = f"s{abs(hash(request.node.name))}"
    plane.publish(*(make_package(tmp_path, version, service=name) for version in ("v1", "v2", "v3")))
    plane.deploy(name, "v1")
    return name


def test_saving_changes_nothing_on_the_nodes_until_an_update(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"

    saved = plane.deployments.save(id_, control.DeploymentSettings(version="v2", tags=("card", "eu")))

    assert (saved.mapping, saved.live, saved.tags) == (single("v2"), single("v1"), ("card", "eu"))
    assert state_on(plane.nodes()[0], service) == (200, "State of v1")
    health, messages = plane.health(id_)
    assert health == "WARNING"
    assert any("the saved mapping, v2, differs from what is live, v1" in message for message in messages)

    plane.succeeded(plane.deployments.update(id_, control.NewUpdate(), "ann"))

    assert state_on(plane.nodes()[0], service) == (200, "State of v2")
    assert plane.health(id_) == ("HEALTHY", ())
    assert plane.deployments.settings(id_).tags == ("card", "eu")


def test_who_saves_what_he_read_before_somebody_else_saved_is_told(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    read = plane.deployments.settings(id_).revision
    plane.deployments.save(id_, control.DeploymentSettings(tags=("hers",)), expected=read)

    with pytest.raises(Conflict) as refused:
        plane.deployments.save(id_, control.DeploymentSettings(tags=("his",)), expected=read)

    assert refused.value.code == "stale-revision"
    assert plane.deployments.settings(id_).tags == ("hers",)


def test_several_generations_answer_each_for_its_share(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    wanted = control.NewUpdate(mapping=shared(v1=0.5, v2=0.5))

    ended = plane.succeeded(plane.deployments.update(id_, wanted, "ann"))

    found = plane.deployments.one(id_)
    assert (found.live, found.version, found.serving) == (shared(v1=0.5, v2=0.5), None, {"local": None})
    assert (found.health.value, found.messages) == ("HEALTHY", ())
    assert (ended.to_version, ended.from_version) == (None, "v1")
    node = plane.nodes()[0]
    states = Counter(state_on(node, service)[1] for _ in range(100))
    assert set(states) == {"State of v1", "State of v2"}
    assert min(states.values()) > 20
    run = plane.deployments.run_test_queries(id_)
    assert [answer.generation for answer in run.answers] == ["v1", "v2"]


@pytest.mark.parametrize(
    "shares",
    [{"v1": 0.5, "v2": 0.6}, {"v1": 0.0, "v2": 1.0}, {"v1": -0.5, "v2": 1.5}, {}, {"v1": float("nan")}],
)
def test_a_mapping_that_cannot_be_is_refused(shares: dict[str, float]) -> None:
    with pytest.raises(Invalid) as refused:
        shared(**shares)

    assert refused.value.code == "bad-mapping"


def test_a_mapping_of_a_version_that_is_not_published_is_refused(plane: Plane, service: str) -> None:
    with pytest.raises(NotFound, match="'v9' is not published"):
        plane.deployments.save(f"{service}-on-local", control.DeploymentSettings(version="v9"))


def test_a_rollback_goes_to_what_was_live_before_and_sends_nothing(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    plane.update(id_, "v2")

    ended = plane.succeeded(plane.deployments.roll_back(id_, control.NewRollback(), "ann"))

    assert state_on(plane.nodes()[0], service) == (200, "State of v1")
    assert not any("installed" in line or "loaded" in line for line in ended.log)


def test_a_rollback_goes_to_any_version(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    plane.update(id_, "v2")
    plane.update(id_, "v3")

    plane.succeeded(plane.deployments.roll_back(id_, control.NewRollback(version="v1"), "ann"))

    assert state_on(plane.nodes()[0], service) == (200, "State of v1")


def test_there_is_no_way_back_from_the_first_version(plane: Plane, service: str) -> None:
    with pytest.raises(Conflict, match="nothing was live"):
        plane.deployments.roll_back(f"{service}-on-local", control.NewRollback(), "ann")


def test_what_was_live_last_stays_in_memory_and_older_ones_go(
    plane: Plane, service: str, tmp_path: Path
) -> None:
    id_ = f"{service}-on-local"
    plane.publish(make_package(tmp_path, "v4", service=service))

    for version in ("v2", "v3", "v4"):
        plane.update(id_, version)

    held = {one.generation: one.loaded for one in plane.nodes()[0].api.generations(service)}
    assert held == {"v2": True, "v3": True, "v4": True}
    assert state_on(plane.nodes()[0], service, forcedGeneration="v3") == (200, "State of v3")


def test_a_full_update_installs_again_and_replaces_every_worker(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    before = {worker.pid for worker in plane.nodes()[0].api.readiness().workers}

    ended = plane.update(id_, "v1", kind=UpdateKind.FULL)

    assert (ended.outcome, ended.kind) == (UpdateOutcome.SUCCESS, UpdateKind.FULL), ended.log
    assert any("v1 installed" in line for line in ended.log)
    assert [step.name for step in ended.steps] == [
        "reach",
        "install",
        "recycle",
        "prepare",
        "prove",
        "switch",
        "tidy",
    ]
    assert not before & {worker.pid for worker in plane.nodes()[0].api.readiness().workers}
    assert state_on(plane.nodes()[0], service) == (200, "State of v1")


def test_a_deployment_is_disabled_and_enabled_again(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"

    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=False))

    assert state_on(plane.nodes()[0], service) == (503, "service-disabled")
    assert plane.health(id_) == ("NO_STATUS", ("it is disabled",))

    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=True))

    assert state_on(plane.nodes()[0], service) == (200, "State of v1")
    assert plane.health(id_) == ("HEALTHY", ())


def test_a_deployment_that_is_disabled_takes_a_new_version_when_it_is_enabled(
    plane: Plane, service: str
) -> None:
    id_ = f"{service}-on-local"
    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=False))
    plane.update(id_, "v2")
    assert state_on(plane.nodes()[0], service) == (503, "service-disabled")

    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=True))

    assert state_on(plane.nodes()[0], service) == (200, "State of v2")


def test_disabling_does_not_touch_what_is_saved_for_later(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    plane.deployments.save(id_, control.DeploymentSettings(version="v3"))

    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=False))
    plane.succeeded(plane.deployments.enable(id_, "ann", enabled=True))

    found = plane.deployments.settings(id_)
    assert (found.mapping, found.live) == (single("v3"), single("v1"))
    assert state_on(plane.nodes()[0], service) == (200, "State of v1")


def test_a_service_can_have_another_id_on_the_nodes(plane: Plane, service: str) -> None:
    wanted = control.NewDeployment(
        service=service, version="v2", id=f"{service}-b", deployed_service=f"{service}_b"
    )

    plane.succeeded(plane.deployments.create(wanted, "ann"))

    assert state_on(plane.nodes()[0], f"{service}_b") == (200, "State of v2")
    assert state_on(plane.nodes()[0], service) == (200, "State of v1")
    found = plane.deployments.one(f"{service}-b")
    assert (found.health.value, found.messages) == ("HEALTHY", ())
    assert found.endpoints[0].urls[0].endswith(f"/{service}_b/merchant_lookup")
    assert plane.deployments.run_test_queries(f"{service}-b").passed


def test_a_deployment_is_made_without_being_live(plane: Plane, service: str) -> None:
    wanted = control.NewDeployment(service=service, id=f"{service}-c", deployed_service=f"{service}_c")
    plane.deployments.add(wanted)

    with pytest.raises(Conflict) as refused:
        plane.deployments.update(f"{service}-c", control.NewUpdate(), "ann")

    assert refused.value.code == "no-mapping"
    assert plane.health(f"{service}-c") == ("NO_STATUS", ("it was never deployed",))
    plane.succeeded(plane.deployments.update(f"{service}-c", control.NewUpdate(version="v1"), "ann"))
    assert plane.health(f"{service}-c") == ("HEALTHY", ())


def test_the_steps_of_an_update_are_told_with_their_logs(plane: Plane, service: str) -> None:
    ended = plane.update(f"{service}-on-local", "v2")

    assert [(step.node, step.name, step.outcome.value) for step in ended.steps] == [
        ("local", name, "DONE") for name in ("reach", "prepare", "prove", "switch", "tidy")
    ]
    assert all(step.finished_at and step.finished_at >= step.started_at for step in ended.steps)
    assert [line for step in ended.steps for line in step.log] == list(ended.log)
    assert (ended.by, ended.message) == ("ann", "")
