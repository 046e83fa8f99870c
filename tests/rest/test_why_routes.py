"""Who asks why is told what he may see, and nothing of the projects that he may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane

from scoreline import Client
from scoreline.core.scenario_run import RunOutcome
from scoreline.errors import NotFound

DEPLOYMENT = "merchants-on-local"
SCENARIO = """
variables: {secret_plan: none}
steps:
  - {id: go, kind: update_deployment, deployment: merchants-on-local, version: v2}
"""


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A scenario of the project `cards` has brought v2 of `merchants` live."""
    folder = tmp_path_factory.mktemp("why")
    (folder / "cards" / "scenarios").mkdir(parents=True)
    (folder / "cards" / "project.yaml").write_text("id: cards\n")
    (folder / "cards" / "scenarios" / "release.yaml").write_text(SCENARIO)
    running = ControlPlane(folder / "home")
    running.start()
    running.wait_for_node()
    with running.client() as client:
        client.add_project(folder / "cards")
        for version in ("v1", "v2"):
            client.publish(make_package(folder, version))
        client.deploy("merchants", "v1")
        run = client.run_scenario("cards", "release", parameters={"secret_plan": "buy"})
        assert run.outcome is RunOutcome.SUCCESS, run.message
    yield running
    running.clear()


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane) -> Iterator[Client]:
    with control_plane.client() as client:
        yield client


def caller(control_plane: ControlPlane, admin: Client, name: str, **roles: Any) -> Client:
    """Somebody with a key, and these roles on objects of these kinds."""
    admin.create_user(name, password=False)
    for place, role in roles.items():
        kind, _, target = place.partition("_")
        admin.grant_role(role, f"{kind}:{target}", f"user:{name}")
    made = admin.create_key("test", user=name)
    return Client(url=control_plane.server.url, key=made.key)


def kinds(found: Any) -> list[str]:
    return [link.kind for link in found.chain]


def test_an_admin_is_told_with_which_key_somebody_came(admin: Client) -> None:
    found = admin.why_mapping(DEPLOYMENT)

    assert kinds(found) == ["mapping", "update", "step", "run", "person", "version"]
    assert found.chain[4].evidence["key"]
    assert found.chain[4].evidence["address"] == "127.0.0.1"


def test_who_may_not_see_the_project_is_told_that_a_scenario_did_it_and_no_more(
    control_plane: ControlPlane, admin: Client
) -> None:
    with caller(control_plane, admin, "eve", service_merchants="view", infrastructure_local="view") as eve:
        found = eve.why_mapping(DEPLOYMENT)
        with pytest.raises(NotFound, match="there is no run 1"):
            eve.why_run(1)
        with pytest.raises(NotFound, match="there is no run 1"):
            eve.why_step(1, "go")
        with pytest.raises(NotFound, match="no project"):
            eve.why_model("cards", "fraud")

    assert kinds(found) == ["mapping", "update", "hidden", "version"]
    assert "buy" not in str(found)
    assert "secret_plan" not in str(found)


def test_who_may_see_the_project_is_told_who_but_not_with_which_key(
    control_plane: ControlPlane, admin: Client
) -> None:
    with caller(control_plane, admin, "ada", project_cards="view", infrastructure_local="view") as ada:
        found = ada.why_run(1)
        step = ada.why_step(1, "go")
        version = ada.why_version("merchants", "v2")

    assert kinds(found) == ["run", "person"]
    assert found.chain[1].evidence == {}
    assert found.chain[1].by
    assert kinds(step) == ["step", "run", "person"]
    assert kinds(version)[0] == "version"


def test_what_is_not_there_names_the_nearest(admin: Client) -> None:
    with pytest.raises(NotFound, match="did you mean 'go'"):
        admin.why_step(1, "goo")
    with pytest.raises(NotFound, match="is not published; there is: v1, v2"):
        admin.why_version("merchants", "v3")
    with pytest.raises(NotFound, match=f"did you mean '{DEPLOYMENT}'"):
        admin.why_mapping("merchants-on-locl")
    with pytest.raises(NotFound, match="there is no run 99"):
        admin.why_run(99)
