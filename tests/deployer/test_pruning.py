"""Versions are deleted and pruned, but never one that a deployment, or going back, needs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane, shared, state_on

from scoreline.errors import Conflict, NotFound
from scoreline.wire import control


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("pruning") / "home") as running:
        running.nodes()
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest, plane: Plane, tmp_path: Path) -> str:
    """A service of its own with v1 to v6, of which v1, v2 and v3 were live, in this order."""
    name = f"s{abs(hash(request.node.name))}"
    plane.publish(*(make_package(tmp_path, f"v{number}", service=name) for number in range(1, 7)))
    plane.deploy(name, "v1")
    plane.update(f"{name}-on-local", "v2")
    plane.update(f"{name}-on-local", "v3")
    return name


def versions(plane: Plane, service: str) -> list[str]:
    return [one.version for one in plane.services.versions(service)]


def test_what_nothing_uses_is_pruned_but_the_newest(plane: Plane, service: str) -> None:
    would = plane.services.prune(service, keep_last=1, dry_run=True)
    assert [one.version for one in would] == ["v4", "v5"]
    assert len(versions(plane, service)) == 6

    pruned = plane.services.prune(service, keep_last=1)

    assert pruned == would
    assert versions(plane, service) == ["v1", "v2", "v3", "v6"]
    held = {path.stem for path in plane.home.artifacts.glob("*.zip")}
    assert held == plane.catalog.versions.archives()


def test_what_is_saved_or_divided_is_used(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    plane.deployments.save(id_, control.DeploymentSettings(mapping=shared(v4=0.5, v5=0.5)))

    plane.services.prune(service, keep_last=0)

    assert versions(plane, service) == ["v1", "v2", "v3", "v4", "v5"]


def test_after_pruning_every_way_back_is_open(plane: Plane, service: str) -> None:
    id_ = f"{service}-on-local"
    plane.services.prune(None, keep_last=0)

    for version in ("v2", "v1"):
        plane.succeeded(plane.deployments.roll_back(id_, control.NewRollback(version=version), "ann"))
        assert state_on(plane.nodes()[0], service) == (200, f"State of {version}")


def test_a_version_that_is_used_is_not_deleted(plane: Plane, service: str) -> None:
    for version in ("v1", "v2", "v3"):
        with pytest.raises(Conflict) as refused:
            plane.services.delete_version(service, version)
        assert refused.value.code == "version-used"
        assert f"'{service}-on-local'" in refused.value.message

    plane.services.delete_version(service, "v5")

    assert "v5" not in versions(plane, service)
    with pytest.raises(NotFound):
        plane.services.delete_version(service, "v5")


def test_a_version_that_was_deleted_can_be_published_with_another_content(
    plane: Plane, service: str, tmp_path: Path
) -> None:
    plane.services.delete_version(service, "v5")
    (tmp_path / "other").mkdir()

    plane.publish(make_package(tmp_path / "other", "v5", service=service, state="Another"))
    plane.update(f"{service}-on-local", "v5")

    assert state_on(plane.nodes()[0], service) == (200, "Another")


def test_a_service_is_deleted_once_it_has_no_deployment(plane: Plane, service: str) -> None:
    with pytest.raises(Conflict) as refused:
        plane.services.delete(service)
    assert refused.value.code == "service-used"
    assert len(versions(plane, service)) == 6

    plane.deployments.delete(f"{service}-on-local")
    plane.services.delete(service)

    with pytest.raises(NotFound):
        plane.services.versions(service)


def test_a_deployment_and_the_deletion_of_its_version_at_once_leave_no_deployment_without_one(
    plane: Plane, tmp_path: Path
) -> None:
    for number in range(10):
        name = f"race{number}"
        plane.publish(make_package(tmp_path, "v1", service=name), make_package(tmp_path, "v2", service=name))
        plane.deploy(name, "v1")
        outcomes: list[str] = []

        def delete(name: str = name, outcomes: list[str] = outcomes) -> None:
            try:
                plane.services.delete_version(name, "v2")
                outcomes.append("deleted")
            except Conflict:
                outcomes.append("used")

        deleting = threading.Thread(target=delete)
        deleting.start()
        try:
            update = plane.deployments.update(f"{name}-on-local", control.NewUpdate(version="v2"), "ann")
        except NotFound:
            deleting.join()
            assert outcomes == ["deleted"]
        else:
            deleting.join()
            assert outcomes == ["used"]
            plane.succeeded(update)


def test_the_details_of_a_version_say_who_uses_it_and_what_changed(plane: Plane, service: str) -> None:
    found = plane.control.version_details.one(service, "v2")

    assert found.used_by == (f"{service}-on-local",)
    assert (found.version.version, found.compared_with) == ("v2", "v1")
    assert found.endpoints == {"merchant_lookup": "lookup"}
    assert found.changes is not None
    assert [one.dataset for one in found.changes.lookups] == ["merchant_info"]
    assert [one.settings for one in found.changes.endpoints_changed] == [("test_queries",)]
    first = plane.control.version_details.one(service, "v1")
    assert (first.compared_with, first.changes) == (None, None)
