"""Explanations name what caused a thing, with its evidence, and nothing that whoever asks may not see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.automation.running import Running, running
from tests.deployer.packages import make_package
from tests.deployer.planes import running_plane
from tests.studio.small_project import trained, write_project

from scoreline.automation.why import Sees
from scoreline.core.deployment import UpdateKind
from scoreline.core.scenario_run import Fire
from scoreline.core.why import Explanation, Link
from scoreline.errors import NotFound
from scoreline.storage.catalog_audit import Actor, acting
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.packaging import create_version
from scoreline.wire import control

EVERYTHING = Sees(project=lambda _: True, audit=True)
NO_PROJECT = Sees(project=lambda _: False, audit=False)

CURED = """
steps:
  - {id: look, kind: python, code: "def run(v): raise ValueError('too hot')"}
  - {id: read, kind: python, when: always, code: "def run(v): return {'degrees': 40}"}
  - {id: other, kind: set_variables, variables: {unused: 1}, when: always}
  - {id: choose, kind: set_variables, variables: {least: "${steps.read.output.degrees}"}, when: always}
  - {id: cool, kind: set_variables, variables: {to: "${least}"}, when: some_failure, reset_failure: true}
  - {id: tell, kind: set_variables, variables: {told: true}, when: steps.cool.ran}
  - {id: rest, kind: set_variables, variables: {x: 1}, when: some_failure}
"""
DEPLOYS = """
variables: {wanted: v2}
steps:
  - {id: go, kind: update_deployment, deployment: merchants-on-local, version: "${wanted}", when: always}
"""


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as found:
        yield found


def ids(found: Explanation) -> list[str]:
    return [f"{link.kind} {link.id}" for link in found.chain]


def link(found: Explanation, kind: str) -> Link:
    return next(one for one in found.chain if one.kind == kind)


def test_a_step_is_told_with_the_steps_that_led_to_it_and_no_others(cards: Running) -> None:
    cards.scenario("cure", CURED)
    run = cards.run("cure")

    found = cards.automation.reasons.step(run, "tell", EVERYTHING)

    assert ids(found) == [
        f"step {run.id}/tell",
        f"step {run.id}/cool",
        f"step {run.id}/choose",
        f"step {run.id}/read",
        f"step {run.id}/look",
        f"run {run.id}",
        "person ann",
    ]
    said = [link.said for link in found.chain]
    assert said[0] == (
        f"step tell of run {run.id} ended SUCCESS: told set; it ran since steps.cool.ran holds: "
        "steps.cool.ran is true"
    )
    assert said[1].endswith("it ran since look has failed; it resets the failure")
    assert "ended FAILED: ValueError: too hot" in said[4]
    assert found.chain[3].evidence["outputs"] == {"degrees": 40}
    assert said[-1] == "ann ran it by hand"


def test_a_step_that_did_not_run_says_why(cards: Running) -> None:
    cards.scenario("cure", CURED)
    run = cards.run("cure")

    found = cards.automation.reasons.step(run, "rest", EVERYTHING)

    assert found.chain[0].said == f"step rest of run {run.id} did not run: nothing before it has failed"
    assert found.chain[0].evidence["when"] == "some_failure"


def test_a_run_tells_what_failed_what_reset_it_and_who_ran_it(cards: Running) -> None:
    cards.scenario("cure", CURED)
    run = cards.run("cure")

    found = cards.automation.reasons.run(run, EVERYTHING)

    assert ids(found) == [f"run {run.id}", f"step {run.id}/cool", f"step {run.id}/look", "person ann"]
    assert found.chain[0].said == f"run {run.id} of cure ended SUCCESS"


def test_a_step_that_was_not_reached_is_told_with_what_ended_the_run(cards: Running) -> None:
    cards.scenario(
        "wait", "steps: [{id: ask, kind: approval}, {id: go, kind: stop_scenario, scenario: wait}]"
    )
    run = cards.start("wait")
    cards.waits(run, "ask")
    early = cards.automation.reasons.step(cards.runs.one(run.id), "go", EVERYTHING)
    cards.runs.abort(run.id, "bob")
    run = cards.ended(run)

    found = cards.automation.reasons.step(run, "go", EVERYTHING)

    assert early.chain[0].said == f"step go of run {run.id} is not reached yet"
    assert found.chain[0].said == f"step go of run {run.id} was not reached"
    assert [one.said for one in found.chain if one.kind == "person"] == [
        "bob has ended it",
        "ann ran it by hand",
    ]
    with pytest.raises(NotFound, match=rf"run {run.id} has no step 'goo'; did you mean 'go'"):
        cards.automation.reasons.step(run, "goo", EVERYTHING)


def test_what_a_scenario_ran_leads_back_to_the_one_that_ran_that(cards: Running) -> None:
    cards.scenario("inner", "steps: [{id: a, kind: set_variables, variables: {done: true}}]")
    cards.scenario("outer", "steps: [{id: start, kind: run_scenario, scenario: inner}]")
    outer = cards.run("outer")
    inner = cards.runs.one(outer.steps[0].outputs["run"])

    found = cards.automation.reasons.step(inner, "a", EVERYTHING)

    assert ids(found) == [
        f"step {inner.id}/a",
        f"run {inner.id}",
        f"step {outer.id}/start",
        f"run {outer.id}",
        "person ann",
    ]


def test_a_trigger_and_a_resumed_run_lead_back_to_the_runs_before(cards: Running) -> None:
    cards.scenario("first", "steps: [{id: a, kind: set_variables, variables: {done: true}}]")
    cards.scenario("next", "steps: [{id: b, kind: set_variables, variables: {done: true}}]")
    first = cards.run("first")
    fire = Fire(kind="after_scenario", id="abc", name="follow", reason="run 1 ended SUCCESS", run=first.id)
    second = cards.ended(cards.runs.start("cards", "next", fire, by="scoreline"))
    third = cards.ended(cards.runs.start_from(second.id, "b", "bob"))

    found = cards.automation.reasons.run(third, EVERYTHING)

    assert ids(found) == [
        f"run {third.id}",
        "person bob",
        f"run {second.id}",
        "trigger abc",
        f"run {first.id}",
        "person ann",
    ]
    assert link(found, "trigger").said == (
        f"trigger 'follow' (after_scenario) started run {second.id}: run 1 ended SUCCESS"
    )
    assert f"bob resumed it: run {second.id} again, from step b" in found.chain[1].said


def test_of_a_mapping_the_step_of_the_run_is_told_or_who_did_it_by_hand(tmp_path: Path) -> None:
    with running_plane(tmp_path / "home") as plane, running(tmp_path, plane) as cards:
        plane.nodes()
        plane.publish(make_package(tmp_path, "v1"), make_package(tmp_path, "v2"))
        plane.deploy("merchants", "v1")
        reasons = cards.automation.reasons
        by_hand = reasons.mapping("merchants-on-local", EVERYTHING)
        cards.scenario("deploy", DEPLOYS)
        run = cards.run("deploy")
        assert run.outcome.value == "SUCCESS", run.message

        by_run = reasons.mapping("merchants-on-local", EVERYTHING)
        hidden = reasons.mapping("merchants-on-local", NO_PROJECT)

    assert ids(by_hand) == ["mapping merchants-on-local", "update 1", "person ann", "version merchants/v1"]
    assert by_hand.chain[0].said == "v1 answers on merchants-on-local"
    assert by_hand.chain[2].said == "ann updated it by hand"
    assert by_hand.chain[3].said == "merchants v1 was made, and published by ann"
    assert by_hand.chain[3].by == "somebody"

    assert ids(by_run) == [
        "mapping merchants-on-local",
        "update 2",
        f"step {run.id}/go",
        f"run {run.id}",
        "person ann",
        "version merchants/v2",
    ]
    assert by_run.chain[1].said == "update 2 (light) brought v2 live instead of v1"
    assert by_run.chain[1].path == "/api/v1/deployments/merchants-on-local/updates/2"
    assert by_run.chain[1].evidence["to"]["entries"][0] == {"generation": "v2", "proba": 1.0}

    assert ids(hidden) == ["mapping merchants-on-local", "update 2", "hidden ", "version merchants/v2"]
    assert str(run.definition) not in str(hidden)


def test_several_generations_are_each_told(tmp_path: Path) -> None:
    with running_plane(tmp_path / "home") as plane, running(tmp_path, plane) as cards:
        plane.nodes()
        plane.publish(make_package(tmp_path, "v1"), make_package(tmp_path, "v2"))
        plane.deploy("merchants", "v1")
        steps = "steps: [{id: split, kind: set_mapping, deployment: merchants-on-local, shares: "
        cards.scenario("ab", steps + "[{version: v1, share: 0.25}, {version: v2, share: 0.75}]}]")
        assert cards.run("ab").outcome.value == "SUCCESS"
        plane.succeeded(
            plane.deployments.update("merchants-on-local", control.NewUpdate(kind=UpdateKind.FULL), "bob")
        )

        found = cards.automation.reasons.mapping("merchants-on-local", EVERYTHING)

    assert found.chain[0].said == "v1 25 %, v2 75 % answer on merchants-on-local"
    assert [one.id for one in found.chain if one.kind == "version"] == ["merchants/v1", "merchants/v2"]
    assert link(found, "person").said == "bob updated it by hand"


def test_what_a_person_did_by_hand_names_who_and_when(tmp_path: Path) -> None:
    with running(tmp_path) as cards:
        write_project(cards.folder)
        trained(cards.folder)
        trained(cards.folder, seed=7)
        create_version(
            cards.folder, "fraud_detection", "v1", by="ann", progress=lambda _: None, environment={}
        )
        reasons, audit = cards.automation.reasons, cards.plane.control.audit
        newest = reasons.model("cards", "fraud", None, EVERYTHING)
        with acting(Actor(name="bob", key="laptop", address="192.0.2.7")):
            ModelStore(Workspace(cards.folder).model("fraud")).activate("t1")
            audit.record("activate model version", "project:cards", after={"model": "fraud", "version": "t1"})

        by_hand = reasons.model("cards", "fraud", None, EVERYTHING)
        without_audit = reasons.model("cards", "fraud", None, Sees(project=lambda _: True, audit=False))
        version = reasons.project_version("cards", "fraud_detection", "v1", EVERYTHING)

    assert [one.said for one in newest.chain] == [
        f"version t2 of fraud is active; it {newest.chain[0].said.split('; it ')[1]}",
        "tester built it by hand",
    ]
    assert ids(by_hand) == ["model_version fraud/t1", "person bob", "person tester"]
    assert by_hand.chain[1].said == "bob made it active by hand"
    assert (by_hand.chain[1].evidence["key"], by_hand.chain[1].evidence["address"]) == ("laptop", "192.0.2.7")
    assert by_hand.chain[1].at
    assert without_audit.chain[1].by == "bob"
    assert without_audit.chain[1].evidence == {}
    assert ids(version) == ["version fraud_detection/v1", "person ann", "model_version fraud/t2"]
    assert version.chain[0].said == "fraud_detection v1 was made of fraud t2"
    assert set(version.chain[0].evidence["lookups"])
    assert version.chain[2].evidence["data_digest"]


def test_who_publishes_what_another_one_made_is_named_too(tmp_path: Path) -> None:
    with running_plane(tmp_path / "home") as plane, running(tmp_path, plane) as cards:
        plane.publish(make_package(tmp_path, "v1"))

        found = cards.automation.reasons.version("merchants", "v1", EVERYTHING)

    assert ids(found) == ["version merchants/v1", "person ann", "person somebody"]
    assert [one.said for one in found.chain[1:]] == [
        "ann published merchants v1 by hand",
        "somebody made it by hand",
    ]


def test_what_is_not_there_is_not_explained(cards: Running) -> None:
    reasons = cards.automation.reasons
    with pytest.raises(NotFound, match="no deployment 'nothing'"):
        reasons.mapping("nothing", EVERYTHING)
    with pytest.raises(NotFound, match="merchants 'v9' is not published"):
        reasons.version("merchants", "v9", EVERYTHING)
    with pytest.raises(NotFound, match="has no model 'fraud'"):
        reasons.model("cards", "fraud", None, EVERYTHING)
