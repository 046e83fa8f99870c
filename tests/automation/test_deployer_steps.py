"""Steps that work on deployments: real nodes, those of the own project only, each update once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.automation.running import Running, outcomes, running
from tests.deployer.packages import make_package
from tests.deployer.planes import Plane, running_plane

from scoreline.core.deployment import UpdateOutcome

DEPLOYMENT = "merchants-on-local"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """`merchants` of `cards` in v1, v2, and v9, whose test query fails; and `shops` of another project."""
    folder = tmp_path_factory.mktemp("deployer-steps")
    with running_plane(folder / "home") as plane:
        plane.nodes()
        plane.publish(
            make_package(folder, "v1"),
            make_package(folder, "v2"),
            make_package(folder, "v9", expect="Nowhere"),
            make_package(folder, service="shops", project="others"),
        )
        plane.deploy("merchants", "v1")
        plane.deploy("shops", "v1")
        yield plane


@pytest.fixture
def cards(plane: Plane, tmp_path: Path) -> Iterator[Running]:
    plane.succeeded(plane.update(DEPLOYMENT, "v1"))
    with running(tmp_path, plane) as found:
        yield found


def test_a_version_and_a_mapping_are_brought_live_and_asked(cards: Running, plane: Plane) -> None:
    cards.scenario(
        "release",
        f"""
variables: {{version: v2, share: 0.25}}
steps:
  - {{id: light, kind: update_deployment, deployment: {DEPLOYMENT}, version: "${{version}}"}}
  - {{id: ask, kind: run_test_queries, deployment: {DEPLOYMENT}}}
  - id: split
    kind: set_mapping
    deployment: {DEPLOYMENT}
    shares: [{{version: v1, share: 0.75}}, {{version: "${{version}}", share: "${{share}}"}}]
""",
    )

    ended = cards.run("release")

    assert set(outcomes(ended).values()) == {"SUCCESS"}, ended.steps
    light, ask = ended.steps[:2]
    update = plane.deployments.one_update(DEPLOYMENT, light.outputs["update"])
    live = plane.deployments.one(DEPLOYMENT).live
    assert (light.outputs["version"], light.outputs["before"]["entries"][0]["generation"]) == ("v2", "v1")
    assert (update.by, update.outcome) == (f"scenario release (run {ended.id})", UpdateOutcome.SUCCESS)
    assert [(effect.kind, effect.target) for effect in light.effects] == [("update", str(update.id))]
    assert ask.outputs == {"asked": 1, "failed": 0}
    assert live is not None
    assert {one.generation: one.proba for one in live.entries} == {"v1": 0.75, "v2": 0.25}
    assert "has begun" in cards.runs.log(ended.id, "split")


def test_an_update_that_fails_fails_the_step_and_says_why(cards: Running, plane: Plane) -> None:
    cards.scenario(
        "release",
        f"""
steps:
  - {{id: bad, kind: update_deployment, deployment: {DEPLOYMENT}, version: v9}}
  - {{id: back, kind: update_deployment, deployment: {DEPLOYMENT}, version: v2, when: some_failure}}
""",
    )

    ended = cards.run("release")

    assert outcomes(ended) == {"bad": "FAILED", "back": "SUCCESS"}
    assert "differs from what is expected" in ended.steps[0].message
    assert plane.deployments.one(DEPLOYMENT).version == "v2"


def test_a_scenario_touches_deployments_of_its_own_project_only(cards: Running, plane: Plane) -> None:
    cards.scenario(
        "foreign",
        """
steps:
  - {id: update, kind: update_deployment, deployment: shops-on-local, version: v1}
  - {id: ask, kind: run_test_queries, deployment: shops-on-local, when: always}
  - {id: unknown, kind: update_deployment, deployment: merchants-on-locl, version: v1, when: always}
""",
    )
    before = plane.deployments.updates("shops-on-local", limit=10)

    ended = cards.run("foreign")

    assert set(outcomes(ended).values()) == {"FAILED"}
    assert "is of another project" in ended.steps[0].message
    assert "is of another project" in ended.steps[1].message
    assert "did you mean 'merchants-on-local'" in ended.steps[2].message
    assert plane.deployments.updates("shops-on-local", limit=10) == before


def test_a_step_that_is_begun_twice_makes_one_update(cards: Running, plane: Plane) -> None:
    steps = "".join(
        f"  - {{id: u{n}, kind: update_deployment, deployment: {DEPLOYMENT}, version: v{1 + n % 2}}}\n"
        for n in range(6)
    )
    cards.scenario("release", f"steps:\n{steps}")
    last = plane.deployments.updates(DEPLOYMENT, limit=1)[0].id
    begun = cards.start("release")

    while cards.runs.one(begun.id).finished_at is None:
        cards.comes_back()
    ended = cards.runs.one(begun.id)

    made = [one.id for one in plane.deployments.updates(DEPLOYMENT, limit=100) if one.id > last]
    assert set(outcomes(ended).values()) == {"SUCCESS"}, ended.steps
    assert sorted(made) == [step.outputs["update"] for step in ended.steps]
