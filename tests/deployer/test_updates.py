"""An update ends with the new version answering, or with the old one and the reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane, wait_until

from scoreline import Client, Conflict, Health, NotFound, Unavailable, UpdateOutcome

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("updates") / "home")
    running.start()
    running.wait_for_node()
    yield running
    running.clear()


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as found:
        yield found


@pytest.fixture
def service(request: pytest.FixtureRequest, client: Client, tmp_path: Path) -> str:
    """A service of the test's own, with v1 and v2 published and v1 deployed."""
    name = f"s{abs(hash(request.node.name))}"
    for version in ("v1", "v2"):
        client.publish(make_package(tmp_path, version, service=name))
    client.deploy(name, "v1")
    return name


def state(client: Client, service: str) -> str:
    answer = client.query(f"{service}-on-local", "merchant_lookup", {"merchant_id": "M_1"})
    return str(answer["results"][0]["data"]["state"])


def test_a_deployment_answers_and_is_healthy(client: Client, service: str) -> None:
    found = client.deployment(f"{service}-on-local")

    assert found.health is Health.HEALTHY
    assert found.messages == ()
    assert found.version == "v1"
    assert found.serving == {"local": "v1"}
    assert [(one.id, one.kind) for one in found.endpoints] == [("merchant_lookup", "lookup")]
    assert state(client, service) == "State of v1"


def test_an_update_brings_the_new_version_and_the_history_says_so(client: Client, service: str) -> None:
    lines: list[str] = []

    ended = client.update(f"{service}-on-local", "v2", progress=lines.append)

    assert state(client, service) == "State of v2"
    assert (ended.from_version, ended.to_version, ended.outcome) == ("v1", "v2", UpdateOutcome.SUCCESS)
    assert tuple(lines) == ended.log
    assert any("1 test queries passed" in line for line in lines)
    assert client.updates(f"{service}-on-local")[0] == ended
    assert ended.by
    assert ended.finished_at is not None
    assert ended.finished_at > ended.started_at


def test_an_update_back_is_a_rollback_and_sends_nothing_again(client: Client, service: str) -> None:
    client.update(f"{service}-on-local", "v2")

    ended = client.update(f"{service}-on-local", "v1")

    assert state(client, service) == "State of v1"
    assert not any("installed" in line or "loaded" in line for line in ended.log)


def test_a_version_whose_test_queries_fail_never_answers(
    client: Client, service: str, tmp_path: Path
) -> None:
    client.publish(make_package(tmp_path, "v3", service=service, expect="Nowhere"))

    with pytest.raises(Unavailable, match="v1 goes on answering") as failed:
        client.update(f"{service}-on-local", "v3")

    assert failed.value.code == "update-failed"
    assert "node 'local'" in failed.value.message
    assert "test query 1 of endpoint 'merchant_lookup'" in failed.value.message
    assert "result.data.state differs from what is expected" in failed.value.message
    assert state(client, service) == "State of v1"
    found = client.deployment(f"{service}-on-local")
    assert (found.health, found.version) == (Health.WARNING, "v1")
    assert found.last_update is not None
    assert found.last_update.outcome is UpdateOutcome.FAILED
    assert any("the last update, to v3, failed" in message for message in found.messages)


def test_a_first_deployment_that_fails_leaves_nothing_answering(client: Client, tmp_path: Path) -> None:
    client.publish(make_package(tmp_path, service="never", expect="Nowhere"))

    with pytest.raises(Unavailable, match="nothing answers yet"):
        client.deploy("never", "v1")

    found = client.deployment("never-on-local")
    assert (found.health, found.version, found.serving) == (Health.NO_STATUS, None, {"local": None})


def test_a_first_deployment_that_failed_can_be_deployed_again(client: Client, tmp_path: Path) -> None:
    client.publish(make_package(tmp_path, service="later", expect="Nowhere"))
    with pytest.raises(Unavailable):
        client.deploy("later", "v1")
    client.publish(make_package(tmp_path, "v2", service="later"))

    client.deploy("later", "v2")

    assert state(client, "later") == "State of v2"


def test_two_updates_at_once_are_never_mixed(
    client: Client, service: str, control_plane: ControlPlane
) -> None:
    outcomes: list[str] = []

    def update(version: str) -> None:
        with control_plane.client() as mine:
            try:
                mine.update(f"{service}-on-local", version)
                outcomes.append("done")
            except Conflict as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=update, args=(version,)) for version in ("v1", "v2") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wanted = client.deployment(f"{service}-on-local").version
    assert outcomes.count("done") >= 1
    assert outcomes.count("done") + outcomes.count("update-running") == 8
    assert state(client, service) == f"State of {wanted}"
    assert client.updates(f"{service}-on-local")[0].to_version == wanted


def test_two_users_publish_the_same_version_at_once(
    client: Client, control_plane: ControlPlane, tmp_path: Path
) -> None:
    archives = []
    for number in range(6):
        (tmp_path / str(number)).mkdir()
        archives.append(make_package(tmp_path / str(number), service="race", state=f"Version {number % 2}"))
    outcomes: list[str] = []

    def publish(archive: Path) -> None:
        with control_plane.client() as mine:
            try:
                outcomes.append(mine.publish(archive).digest)
            except Conflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=publish, args=(archive,)) for archive in archives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (version,) = next(one for one in client.services() if one.id == "race").versions
    assert outcomes.count(version.digest) == 3
    assert outcomes.count("refused") == 3
    client.deploy("race", "v1")
    assert state(client, "race").startswith("Version ")


def test_a_service_is_deployed_once_on_an_infrastructure(client: Client, service: str) -> None:
    with pytest.raises(Conflict, match="already"):
        client.deploy(service, "v1")
    with pytest.raises(Conflict, match="already"):
        client.deploy(service, "v1", id="another")


def test_unknown_names_are_not_found_with_the_nearest_one(client: Client, service: str) -> None:
    with pytest.raises(NotFound, match="did you mean 'v1'"):
        client.update(f"{service}-on-local", "v11")
    with pytest.raises(NotFound, match=f"did you mean '{service}-on-local'"):
        client.update(f"{service}-on-loca", "v1")
    with pytest.raises(NotFound, match="did you mean 'merchant_lookup'"):
        client.query(f"{service}-on-local", "merchant_lokup", {})


def test_test_queries_run_on_the_node(client: Client, service: str) -> None:
    run = client.run_test_queries(f"{service}-on-local")

    assert run.passed
    assert [(one.node, one.endpoint, one.passed) for one in run.answers] == [
        ("local", "merchant_lookup", True)
    ]
    assert run.answers[0].answer["results"][0]["data"] == {"state": "State of v1"}


def test_a_generation_that_vanished_from_the_node_comes_back(
    client: Client, service: str, control_plane: ControlPlane
) -> None:
    url = control_plane.wait_for_node()
    key = control_plane.node_files.admin_key()
    httpx.post(
        f"{url}/admin/api/services/{service}/actions/disable", auth=(key, ""), timeout=60
    ).raise_for_status()
    assert client.deployment(f"{service}-on-local").health in (Health.ERROR, Health.HEALTHY)

    wait_until(lambda: client.deployment(f"{service}-on-local").health is Health.HEALTHY, "healthy again")

    assert state(client, service) == "State of v1"


def test_the_status_names_every_url(client: Client, service: str, control_plane: ControlPlane) -> None:
    status = client.status()

    assert status.url == control_plane.server.url
    assert status.infrastructures[0].nodes[0].url == control_plane.wait_for_node()
    assert f"{service}-on-local" in [one.id for one in status.deployments]
