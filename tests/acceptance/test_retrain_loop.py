"""Rows 14 to 16 of the tutorial: drift is found, the model retrained, a version made and deployed, by itself.

One built project and one control plane serve the whole module. Each run builds on the one before, so they
stand in one fixture each, in this order: without drift, from the command line, from Python, and through the
unmodified client of another product. The tests only look.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dataikuapi
import msgspec
import pytest
import yaml
from tests.acceptance.running import CommandLine
from tests.acceptance.template import generator

import scoreline
from scoreline.core.deployment import UpdateOutcome
from scoreline.core.scenario_run import RunOutcome
from scoreline.core.scenario_step import CreateVersionStep, UpdateDeploymentStep
from scoreline.wire.control import SERVER_FILE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SERVICE, ENDPOINT, DEPLOYMENT = "fraud_detection", "predict_fraud", "fraud_detection-on-local"
MODEL, STORE = "predict_authorized_flag", "evaluation_of_predict_authorized_flag"
TEMPLATE, COPY, PYTHONS = "retrain_model", "retrain_model_and_deploy_api", "from_python"
PROJECT = "real-time-apis"
RECORD = {
    "purchase_amount": 3704.17,
    "signature_provided": 0,
    "merchant_subsector_description": "luxury goods",
    "merchant_state": "Wyoming",
    "card_fico_score": 679,
    "card_age": 59,
}
ADDED_STEPS = """
  # Freezes the service with its new model version. Where there is a version of that id, a number is added.
  - kind: create_version
    id: create_version
    when: steps.train.outcome == "SUCCESS"
    service: fraud_detection
    version: auto_deploy_api
    unique: true
    variable: versionid
    release_notes: Made by run ${run.id}, since ${steps.checks.message}
    publish: true

  - kind: update_deployment
    id: update_deployment
    when: steps.create_version.outcome == "SUCCESS"
    deployment: fraud_detection-on-local
    version: ${versionid}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The project with v1 deployed, and a control plane that knows it."""
    folder = tmp_path_factory.mktemp("retrain")
    CommandLine(folder, folder / "home").run("init", "fraud", "--template", "real-time-apis")
    inside = CommandLine(folder / "fraud", folder / "home")
    inside.run("build", "test_scored")
    inside.run("test-queries", "add", SERVICE, ENDPOINT, "--from", "test_scored", "-n", "5")
    inside.run("version", "create", SERVICE)
    inside.run("up", "--detach", "--project", ".")
    try:
        inside.run("publish", SERVICE, "v1")
        inside.run("deploy", SERVICE, "v1")
        yield inside
    finally:
        inside.run("down")


@pytest.fixture(scope="module")
def copied(project: CommandLine) -> CommandLine:
    """Row 14 from the command line: the scenario is duplicated, and two steps are added to its file."""
    project.run("scenario", "duplicate", TEMPLATE, COPY)
    file = project.folder / "scenarios" / f"{COPY}.yaml"
    file.write_text(file.read_text() + ADDED_STEPS)
    project.run("check")
    return project


@pytest.fixture(scope="module")
def without_drift(copied: CommandLine) -> dict[str, Any]:
    """A run on new transactions that do not drift."""
    generator().generate(copied.folder, "small", 42, drifting=False)
    try:
        return copied.json("scenario", "run", COPY)
    finally:
        generator().generate(copied.folder, "small", 42)


@pytest.fixture(scope="module")
def first(copied: CommandLine, without_drift: object) -> dict[str, Any]:
    """Row 15 from the command line."""
    return copied.json("scenario", "run", COPY)


@pytest.fixture(scope="module")
def client(project: CommandLine) -> Iterator[scoreline.Client]:
    with scoreline.Client(home=project.home) as opened:
        yield opened


@pytest.fixture(scope="module")
def second(client: scoreline.Client, first: object) -> Any:
    """Rows 14 and 15 from Python: the scenario is duplicated, changed and run."""
    made = client.duplicate_scenario(PROJECT, TEMPLATE, PYTHONS)
    steps = (
        *made.definition.steps,
        CreateVersionStep(
            id="create_version",
            when='steps.train.outcome == "SUCCESS"',
            service=SERVICE,
            version="auto_deploy_api",
            variable="versionid",
            release_notes="Made by run ${run.id}, since ${steps.checks.message}",
        ),
        UpdateDeploymentStep(
            id="update_deployment",
            when='steps.create_version.outcome == "SUCCESS"',
            deployment=DEPLOYMENT,
            version="${versionid}",
        ),
    )
    client.save_scenario(
        PROJECT, PYTHONS, msgspec.structs.replace(made.definition, steps=steps), revision=made.revision
    )
    lines: list[str] = []
    run = client.run_scenario(PROJECT, PYTHONS, progress=lines.append)
    return run, lines


@pytest.fixture(scope="module")
def dataiku(project: CommandLine) -> Iterator[dataikuapi.DSSClient]:
    """The public client of another product, unmodified."""
    server = json.loads((project.home / SERVER_FILE).read_bytes())
    client = dataikuapi.DSSClient(server["url"], server["key"])
    yield client
    client._session.close()


@pytest.fixture(scope="module")
def third(dataiku: dataikuapi.DSSClient, second: object) -> Any:
    """Rows 14 and 15 through that client."""
    theirs = dataiku.get_project(PROJECT)
    raw = theirs.get_scenario(TEMPLATE).get_settings().get_raw()
    scenario = theirs.create_scenario("Retrain Model & Deploy API by Dataiku", "step_based", raw)
    settings = scenario.get_settings()
    settings.raw_steps.append(
        {
            "id": "create_version",
            "type": "prepare_lambda_package",
            "runConditionType": "RUN_CONDITIONALLY",
            "runConditionExpression": 'stepOutcome_train == "SUCCESS"',
            "params": {
                "serviceId": SERVICE,
                "packageId": "auto_deploy_api",
                "transmogrify": True,
                "targetVariable": "versionid",
                "releaseNotes": "Made by run ${run.id}, since ${steps.checks.message}",
                "publishToAPIDeployer": True,
            },
        }
    )
    settings.raw_steps.append(
        {
            "id": "update_deployment",
            "type": "update_apideployer_deployment",
            "runConditionType": "RUN_CONDITIONALLY",
            "runConditionExpression": 'stepOutcome_create_version == "SUCCESS"',
            "params": {"deploymentId": DEPLOYMENT, "newVersionId": "${versionid}", "isFullUpdate": False},
        }
    )
    settings.save()
    return scenario, scenario.run_and_wait()


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["outcome"] for step in run["steps"]}


def generation(client: scoreline.Client) -> str:
    answer = client.query(DEPLOYMENT, ENDPOINT, RECORD)
    return str(answer["apiContext"]["serviceGeneration"])


# Without drift


def test_without_drift_nothing_is_trained_made_or_deployed_and_the_run_says_why(
    project: CommandLine, without_drift: dict[str, Any]
) -> None:
    steps = {step["step"]: step for step in without_drift["steps"]}

    assert without_drift["outcome"] == "SUCCESS"
    assert outcomes(without_drift) == {
        "evaluate": "SUCCESS",
        "checks": "SUCCESS",
        "newly_known": "SKIPPED",
        "learn": "SKIPPED",
        "train": "SKIPPED",
        "create_version": "SKIPPED",
        "update_deployment": "SKIPPED",
    }
    assert steps["checks"]["message"] == "all 5 checks are OK"
    assert steps["train"]["why"] == "nothing before it has failed"
    assert "steps.train.outcome is SKIPPED" in steps["create_version"]["why"]
    assert "steps.create_version.outcome is SKIPPED" in steps["update_deployment"]["why"]
    shown = project.run("run", "show", str(without_drift["id"]))
    assert "steps.train.outcome is SKIPPED" in shown


# Row 15


def test_the_first_run_finds_drift_retrains_and_deploys(first: dict[str, Any]) -> None:
    steps = {step["step"]: step for step in first["steps"]}

    assert first["outcome"] == "SUCCESS"
    assert outcomes(first) == {
        "evaluate": "SUCCESS",
        "checks": "FAILED",
        "newly_known": "SUCCESS",
        "learn": "SUCCESS",
        "train": "SUCCESS",
        "create_version": "SUCCESS",
        "update_deployment": "SUCCESS",
    }
    checks = steps["checks"]["outputs"]
    assert checks["checks"]["Data drift"] == "ERROR"
    assert "signature_provided" in checks["columns"]
    assert steps["train"]["why"] == "checks has failed; it resets the failure"
    assert steps["train"]["outputs"]["version"] == "t2"
    assert steps["create_version"]["outputs"]["version"] == "auto_deploy_api"
    assert steps["create_version"]["outputs"]["models"] == {MODEL: "t2"}
    assert first["variables"]["versionid"] == "auto_deploy_api"
    assert "auto_deploy_api is live" in steps["update_deployment"]["message"].replace("'", "")


def test_each_step_has_its_log_its_outcome_and_its_duration(
    project: CommandLine, first: dict[str, Any]
) -> None:
    for step in first["steps"]:
        assert step["started_at"] <= step["finished_at"]
    logs = {
        name: project.run("run", "log", str(first["id"]), "--step", name)
        for name in ("train", "update_deployment")
    }

    assert "train_predict_authorized_flag built in" in logs["train"]
    assert "update" in logs["update_deployment"]
    assert "step train SUCCESS" not in logs["train"]
    assert "train: SUCCESS" in project.run("run", "log", str(first["id"]))


def test_what_is_known_by_now_is_learned_from(project: CommandLine, first: dict[str, Any]) -> None:
    learned = {step["step"]: step for step in first["steps"]}["learn"]["outputs"]

    settings = yaml.safe_load((project.folder / "project.yaml").read_text())
    assert settings["variables"]["new_from"] > "2018-05-01"
    assert "2018-05-01" < learned["train_until"] < learned["new_from"] < "2018-06-01"
    shown = project.json("model", "show", MODEL, "--version", "t2")
    before = project.json("model", "show", MODEL, "--version", "t1")
    assert shown["version"]["data"]["rows"]["given"] > before["version"]["data"]["rows"]["given"]


def test_the_second_run_is_told_while_it_goes_and_makes_another_version(second: Any) -> None:
    run, lines = second

    assert run.outcome is RunOutcome.SUCCESS
    by_id = {step.step: step for step in run.steps}
    assert by_id["checks"].outputs["checks"]["Data drift"] == "ERROR"
    assert by_id["train"].outputs["version"] == "t3"
    assert run.variables["versionid"] == "auto_deploy_api1"
    assert any(line.startswith("train begins: checks has failed") for line in lines)
    assert any(line.startswith("update_deployment SUCCESS") for line in lines)


def test_dataikus_client_runs_it_too_and_makes_the_next_version(third: Any) -> None:
    scenario, run = third

    assert run.outcome == "SUCCESS"
    assert scenario.get_last_runs()[0].id == run.id
    assert scenario.get_current_run() is None
    steps = {step["step"]["id"]: step for step in run.get_details().steps}
    assert {name: step.outcome for name, step in steps.items()} == {
        "evaluate": "SUCCESS",
        "checks": "FAILED",
        "newly_known": "SUCCESS",
        "learn": "SUCCESS",
        "train": "SUCCESS",
        "create_version": "SUCCESS",
        "update_deployment": "SUCCESS",
    }
    assert "Data drift" in run.get_details().first_error_details["message"]
    assert run.get_info()["variables"]["versionid"] == "auto_deploy_api2"
    assert "auto_deploy_api2 answers" in run.get_log("update_deployment")


def test_dataikus_client_aborts_a_run(third: Any) -> None:
    scenario, _ = third

    run = scenario.run().wait_for_scenario_run()
    scenario.abort()
    run.wait_for_completion(no_fail=True)

    assert run.outcome == "ABORTED"
    assert [one.outcome for one in scenario.get_last_runs()] == ["ABORTED", "SUCCESS"]


def test_all_ways_make_the_same_scenario(client: scoreline.Client, third: Any) -> None:
    made = {name: client.scenario(PROJECT, name).definition for name in (COPY, PYTHONS, third[0].id)}

    assert third[0].id == "retrain_model_and_deploy_api_by_dataiku"
    assert made[COPY].steps == made[PYTHONS].steps == made[third[0].id].steps


# Row 16


def test_every_version_is_still_there_and_the_newest_answers(
    project: CommandLine, client: scoreline.Client, third: object
) -> None:
    designed = [one["manifest"]["version"] for one in project.json("version", "list", SERVICE)]
    published = client.service(SERVICE).versions

    assert set(designed) >= {"v1", "auto_deploy_api", "auto_deploy_api1", "auto_deploy_api2"}
    assert {one.version: one.models for one in published} == {
        "v1": {MODEL: "t1"},
        "auto_deploy_api": {MODEL: "t2"},
        "auto_deploy_api1": {MODEL: "t3"},
        "auto_deploy_api2": {MODEL: "t4"},
    }
    assert project.json("model", "show", MODEL)["active"] == "t4"
    assert generation(client) == "auto_deploy_api2"
    history = client.updates(DEPLOYMENT)
    assert [(one.to_version, one.outcome) for one in reversed(history)] == [
        ("v1", UpdateOutcome.SUCCESS),
        ("auto_deploy_api", UpdateOutcome.SUCCESS),
        ("auto_deploy_api1", UpdateOutcome.SUCCESS),
        ("auto_deploy_api2", UpdateOutcome.SUCCESS),
    ]
    assert history[1].by == f"scenario {PYTHONS} (run 3)"


def test_a_roll_back_brings_the_version_before_and_any_other(
    project: CommandLine, client: scoreline.Client, third: object
) -> None:
    client.roll_back(DEPLOYMENT)
    assert generation(client) == "auto_deploy_api1"
    project.run("update", DEPLOYMENT, "v1")
    answer = json.loads(project.run("query", DEPLOYMENT, ENDPOINT, json.dumps(RECORD)))
    assert answer["apiContext"]["serviceGeneration"] == "v1"
    client.update(DEPLOYMENT, "auto_deploy_api2")
    assert generation(client) == "auto_deploy_api2"


# Why


def test_why_a_version_is_live_leads_from_the_mapping_to_the_drifted_columns_and_to_who_ran_it(
    project: CommandLine, client: scoreline.Client, second: Any
) -> None:
    client.update(DEPLOYMENT, "auto_deploy_api")
    resumed = client.resume_run(second[0].id, "update_deployment")

    found = client.why_mapping(DEPLOYMENT)

    assert [(link.kind, link.id) for link in found.chain] == [
        ("mapping", DEPLOYMENT),
        ("update", str(client.updates(DEPLOYMENT)[0].id)),
        *((("step", f"{resumed.id}/{step}")) for step in reversed([one.step for one in resumed.steps])),
        ("run", str(resumed.id)),
        ("person", resumed.by),
        ("run", str(second[0].id)),
        ("person", second[0].by),
    ]
    checks = next(link for link in found.chain if link.id == f"{resumed.id}/checks")
    assert "Data drift: data_drift 0.6" in checks.said
    drift = {check["check"]: check for check in checks.evidence["outputs"]["checks"]}
    assert "signature_provided" in drift["Drift of features"]["columns"]
    assert drift["Data drift"]["value"] > 0.6
    text = project.run("why", "mapping", DEPLOYMENT)
    assert text.splitlines()[0].startswith(f"auto_deploy_api1 answers on {DEPLOYMENT}")
    assert "ended FAILED: Data drift" in text


def test_why_a_version_a_model_and_a_step_are_told(project: CommandLine, first: dict[str, Any]) -> None:
    run = first["id"]

    version = project.json("why", "version", SERVICE, "auto_deploy_api")["chain"]
    by_hand = project.json("why", "version", SERVICE, "v1")["chain"]
    model = project.json("why", "model", MODEL, "t2")["chain"]
    skipped = project.run("why", "step", str(run - 1), "create_version")
    ended = project.run("why", "run", str(run))

    assert [link["id"] for link in version[:3]] == [
        f"{SERVICE}/auto_deploy_api",
        f"{run}/create_version",
        f"{run}/train",
    ]
    assert version[0]["evidence"]["models"][MODEL]["version"] == "t2"
    assert [link["kind"] for link in by_hand] == ["version", "person", "model_version"]
    assert model[0]["evidence"]["data_digest"]
    assert model[1]["id"] == f"{run}/train"
    assert "did not run: steps.train.outcome" in skipped.splitlines()[0]
    assert f"run {run} of {COPY} ended SUCCESS" in ended.splitlines()[0]
    assert "step checks of run" in ended
