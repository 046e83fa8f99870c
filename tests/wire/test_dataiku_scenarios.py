"""Scenarios as Dataiku's clients write them: what is written reads back as it was, the rest is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import yaml

from scoreline.core.scenario import Scenario
from scoreline.core.schedule import check_cron
from scoreline.errors import Invalid
from scoreline.wire.dataiku_scenarios import scenario_read, scenario_written

AT = datetime(2030, 5, 6, 7, 8, tzinfo=UTC)
ITEMS = {"train": "DATASET", "fraud": "SAVED_MODEL", "store": "MODEL_EVALUATION_STORE"}

STEPS = """
- {kind: build, id: all}
- {kind: build, id: some, items: [train, fraud]}
- {kind: build, id: forced, items: [train], force: true}
- {kind: build, id: forced_model, items: [fraud], force: true}
- {kind: build, id: named, items: ["${which}"]}
- {kind: train, id: train, model: fraud, when: some_failure, reset_failure: true}
- {kind: evaluate, id: evaluate, store: store, name: Build the store}
- {kind: compute_metrics, id: count, dataset: train}
- {kind: run_checks, id: checks, store: store, proceed_on_failure: true}
- {kind: run_checks, id: old, store: store, evaluation: e1}
- {kind: activate_version, id: back, model: fraud}
- {kind: create_version, id: make, service: fraud, version: auto, variable: made, publish: false}
- {kind: create_version, id: next, service: fraud, unique: false, release_notes: "since ${made}"}
- {kind: update_deployment, id: go, deployment: d, version: "${made}", update: full,
   when: steps.make.outcome == "SUCCESS"}
- {kind: update_deployment, id: slowly, deployment: d, version: v1, rolling: true}
- {kind: set_mapping, id: split, deployment: d,
   shares: [{version: v1, share: 0.3}, {version: v2, share: 0.7}]}
- {kind: run_test_queries, id: ask, deployment: d, endpoint: e}
- {kind: sql, id: db, connection: bank, query: "SELECT 1", timeout: 30}
- {kind: sql, id: twice, connection: bank, query: "SELECT 1", repeatable: true}
- {kind: sql, id: frames, inputs: [train], query: "SELECT 1 FROM train"}
- {kind: python, id: code, code: "def run(variables):\\n    return 1\\n", retries: 3, retry_delay: 5}
- {kind: python, id: file, file: lib/x.py}
- {kind: set_variables, id: mine, variables: {a: 1, b: text, c: true, d: 0.5}, enabled: false}
- {kind: set_variables, id: ours, scope: project, variables: {a: 1}, when: always}
- {kind: run_scenario, id: other, scenario: s2, parameters: {a: 1}}
- {kind: run_scenario, id: loose, scenario: s2, wait: false}
- {kind: stop_scenario, id: stop, scenario: s2}
- {kind: approval, id: may, text: really}
- {kind: message, id: tell,
   message: {kind: mail, to: [a@example.com, "B <b@example.com>"], subject: "${run.id}"}}
- {kind: message, id: comma, message: {kind: mail, to: ['"B, C" <b@example.com>']}}
- {kind: message, id: hook,
   message: {kind: webhook, url: "https://x/${secret:y}", headers: {a: b}, body: {c: [1]}}}
- {kind: message, id: slack, message: {kind: slack, url: "${env:SLACK}", text: hello}, when: never}
- {kind: message, id: teams, message: {kind: teams, url: "${env:TEAMS}", title: t},
   when: 'outcome in ["WARNING"]'}
- {kind: approval, id: with-dash,
   when: 'steps.make.ran and not (steps["with-dash"].ran or outcome == "FAILED")'}
- {kind: approval, id: given,
   when: 'trigger.parameters.size > 3 and steps.make.output.version != "stepOutcome_make && x"'}
"""
TRIGGERS = """
- {kind: time, cron: "*/5 * * * *"}
- {kind: time, cron: "* * * * *", zone: Europe/Paris}
- {kind: time, cron: "15 * * * *"}
- {kind: time, cron: "15 2,8,14,20 * * *"}
- {kind: time, cron: "30 3 * * *", name: nightly, grace: 60, enabled: false}
- {kind: time, cron: "30 3 * * MON,FRI", zone: America/New_York}
- {kind: time, cron: "30 3 15 * *"}
- {kind: time, cron: "30 3 L * *"}
- {kind: time, cron: "30 3 15 3,6,9,12 *"}
- {kind: time, cron: "30 3 * * 1-5"}
- {kind: time, cron: "0 3,4 * * *"}
- {kind: time, cron: "0 3 1,15 * *"}
- {kind: time, cron: "@daily"}
- {kind: dataset_changed, datasets: [train, other], every: 30}
- {kind: sql_changed, connection: bank, query: SELECT max(id) FROM t}
- {kind: sql_changed, inputs: [train], query: SELECT count(*) FROM train, every: 5}
- {kind: after_scenario, scenario: s2, outcomes: [FAILED]}
- {kind: webhook, name: hook}
"""
REPORTERS = """
- {at: start, message: {kind: slack, url: "${env:SLACK}"}}
- {when: outcome == "FAILED", message: {kind: mail, to: [a@example.com]}}
- {when: never, message: {kind: teams, url: "${env:TEAMS}", title: t, text: x}}
"""


def scenario(**parts: str) -> Scenario:
    plain = {name: yaml.safe_load(text) for name, text in parts.items()}
    return msgspec.convert(plain, Scenario)


def sent(made: Scenario, project: str = "cards") -> dict[str, Any]:
    """What a client reads, and sends back."""
    written = scenario_written(project, "s1", made, type_of=ITEMS.get, tag=None)  # type: ignore[arg-type]
    found: dict[str, Any] = json.loads(msgspec.json.encode(written))
    return found


def read(raw: dict[str, Any]) -> Scenario:
    return scenario_read("cards", "s1", raw, at=AT)


@pytest.mark.parametrize("step", yaml.safe_load(STEPS), ids=lambda step: step["id"])
def test_every_step_reads_back_as_it_was(step: dict[str, Any]) -> None:
    others = [one for one in yaml.safe_load(STEPS) if one["id"] != step["id"]]
    made = msgspec.convert({"steps": [*others, step]}, Scenario)

    assert read(sent(made)) == made


def test_steps_are_written_in_the_types_that_clients_know() -> None:
    raw = sent(scenario(steps=STEPS))
    types = {step["id"]: step["type"] for step in raw["params"]["steps"]}

    assert {types[name] for name in ("some", "forced", "train", "evaluate")} == {"build_flowitem"}
    assert types["checks"] == "check_dataset"
    assert types["count"] == "compute_metrics"
    assert types["make"] == types["next"] == "prepare_lambda_package"
    assert types["go"] == "update_apideployer_deployment"
    assert (types["db"], types["code"]) == ("exec_sql", "custom_python")
    assert (types["mine"], types["ours"]) == ("define_scenario_vars", "set_project_vars")
    assert (types["other"], types["stop"], types["tell"]) == ("run_scenario", "kill_scenario", "send_report")
    assert types["may"] == "scoreline_approval"
    assert types["forced_model"] == types["all"] == types["named"] == "scoreline_build"
    assert types["slowly"] == "scoreline_update_deployment"


def test_the_tutorials_steps_say_what_the_reference_says() -> None:
    steps = {step["id"]: step for step in sent(scenario(steps=STEPS))["params"]["steps"]}

    assert steps["train"]["params"] == {
        "builds": [{"type": "SAVED_MODEL", "itemId": "fraud"}],
        "jobType": "NON_RECURSIVE_FORCED_BUILD",
    }
    assert steps["train"]["runConditionType"] == "RUN_IF_STATUS_MATCH"
    assert steps["train"]["runConditionStatuses"] == ["FAILED"]
    assert steps["train"]["resetScenarioStatus"] is True
    assert steps["checks"]["params"]["checks"] == [{"type": "MODEL_EVALUATION_STORE", "itemId": "store"}]
    assert steps["checks"]["params"]["proceedOnFailure"] is True
    assert steps["make"]["params"] == {
        "serviceId": "fraud",
        "packageId": "auto",
        "transmogrify": True,
        "targetVariable": "made",
        "releaseNotes": "",
        "publishToAPIDeployer": False,
        "publishedServiceId": None,
    }
    assert steps["go"]["params"] == {"deploymentId": "d", "newVersionId": "${made}", "isFullUpdate": True}
    assert steps["go"]["runConditionType"] == "RUN_CONDITIONALLY"
    assert steps["go"]["runConditionExpression"] == 'stepOutcome_make == "SUCCESS"'
    assert (steps["code"]["maxRetriesOnFail"], steps["code"]["delayBetweenRetries"]) == (3, 5)
    assert (steps["ours"]["runConditionType"], steps["mine"]["enabled"]) == ("RUN_ALWAYS", False)
    assert steps["slack"]["runConditionStatuses"] == []
    assert steps["teams"]["runConditionStatuses"] == ["WARNING"]


@pytest.mark.parametrize("trigger", yaml.safe_load(TRIGGERS), ids=str)
def test_every_trigger_reads_back_as_it_was(trigger: dict[str, Any]) -> None:
    made = msgspec.convert({"triggers": [trigger]}, Scenario)

    assert read(sent(made)) == made


def test_triggers_are_written_in_the_types_that_clients_know() -> None:
    types = [trigger["type"] for trigger in sent(scenario(triggers=TRIGGERS))["triggers"]]

    assert types == [
        *["temporal"] * 9,
        *["scoreline_time"] * 4,
        "ds_modified",
        "sql_query",
        "scoreline_sql_changed",
        "follow_scenariorun",
        "scoreline_webhook",
    ]


def test_reporters_and_the_scenario_itself_read_back_as_they_were() -> None:
    made = scenario(reporters=REPORTERS, name="Nightly", variables="{a: 1}", missed="once", timeout="60")

    raw = sent(made)

    assert read(raw) == made
    assert [reporter["phase"] for reporter in raw["reporters"]] == ["START", "END", "END"]
    assert [reporter["active"] for reporter in raw["reporters"]] == [True, True, False]
    assert raw["reporters"][1]["runCondition"] == 'outcome == "FAILED"'
    assert raw["type"] == "step_based"


@pytest.mark.parametrize(
    ("params", "cron"),
    [
        ({"frequency": "Minutely", "repeatFrequency": 5}, "*/5 * * * *"),
        ({"frequency": "Hourly", "hour": 0, "minute": 10, "repeatFrequency": 1}, "10 * * * *"),
        ({"frequency": "Hourly", "hour": 5, "minute": 10, "repeatFrequency": 6}, "10 5,11,17,23 * * *"),
        ({"frequency": "Daily", "hour": 2, "minute": 0}, "0 2 * * *"),
        ({"frequency": "Weekly", "hour": 2, "daysOfWeek": ["Sunday", "Monday"]}, "0 2 * * MON,SUN"),
        (
            {"frequency": "Monthly", "hour": 2, "startingFrom": "2030-02-15T00:00:00.000+0100"},
            "0 2 15 * *",
        ),
        ({"frequency": "Monthly", "hour": 2, "monthlyRunOn": "LAST_DAY_OF_THE_MONTH"}, "0 2 L * *"),
        (
            {"frequency": "Monthly", "repeatFrequency": 6, "startingFrom": "2030-02-03T00:00:00.000+0000"},
            "0 0 3 2,8 *",
        ),
    ],
)
def test_triggers_by_time_become_cron(params: dict[str, Any], cron: str) -> None:
    raw = {"name": "s", "triggers": [{"type": "temporal", "active": True, "delay": 5, "params": params}]}

    [trigger] = read(raw).triggers

    assert (trigger.cron, trigger.zone) == (cron, "UTC")  # type: ignore[union-attr]
    check_cron(cron, "UTC")


def step(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": "a", "type": "kill_scenario", "params": {"scenarioId": "s2"}}
    return {"name": "s", "params": {"steps": [{**plain, **changes}]}}


def trigger(**changes: Any) -> dict[str, Any]:
    return {"name": "s", "triggers": [{"type": "temporal", **changes}]}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (step(whatever=3), r"params.steps\[0\] has 'whatever', which cannot be kept here"),
        (step(params={"scenarioId": "s2", "wat": 1}), r"params.steps\[0\] \(a\): params has 'wat'"),
        (step(params={"scenarioId": "s2", "projectKey": "X"}), r"\(a\): projectKey is 'X'"),
        (step(type="create_dashboard_export"), r"\(a\): type 'create_dashboard_export' cannot be kept here"),
        (step(type="scoreline_kill"), r"\(a\): type 'scoreline_kill' cannot be kept here"),
        (step(runConditionType="RUN_SOMETIMES"), r"\(a\): runConditionType 'RUN_SOMETIMES'"),
        (step(runConditionStatuses=["OK"]), r"\(a\): runConditionStatuses has 'OK'"),
        (
            step(runConditionType="RUN_CONDITIONALLY", runConditionExpression="open('x')"),
            r"\(a\): runConditionExpression: `open` is no function",
        ),
        (
            step(runConditionType="RUN_CONDITIONALLY", runConditionExpression="stepOutcome_b == 'X'"),
            r"\(a\): runConditionExpression: there is no step 'b'",
        ),
        (step(maxRetriesOnFail="often"), r"maxRetriesOnFail|int"),
        (
            step(type="check_dataset", params={"checks": [{"type": "DATASET", "itemId": "x"}]}),
            r"\(a\): checks must list exactly one item, of type MODEL_EVALUATION_STORE",
        ),
        (
            step(
                type="build_flowitem", params={"builds": [{"type": "DATASET", "itemId": "x"}], "jobType": "Y"}
            ),
            r"\(a\): jobType must be RECURSIVE_BUILD or NON_RECURSIVE_FORCED_BUILD, not 'Y'",
        ),
        (
            step(
                type="build_flowitem",
                params={"builds": [{"type": "DATASET", "itemId": "x", "partitionsSpec": "2017"}]},
            ),
            "partitionsSpec",
        ),
        (
            trigger(params={"frequency": "Minutely", "repeatFrequency": 7}),
            r"triggers\[0\]: repeatFrequency is 7",
        ),
        (trigger(params={"frequency": "Daily", "repeatFrequency": 2}), r"triggers\[0\]: .*each day: use 1"),
        (trigger(params={"frequency": "Weekly"}), r"daysOfWeek must list at least one day"),
        (trigger(params={"frequency": "Weekly", "daysOfWeek": ["Funday"]}), r"daysOfWeek has 'Funday'"),
        (
            trigger(params={"frequency": "Monthly", "monthlyRunOn": "FIRST_WEEK"}),
            r"monthlyRunOn 'FIRST_WEEK'",
        ),
        (trigger(params={"frequency": "Daily", "hour": 24}), r"hour is 24; use 0 to 23"),
        (
            trigger(params={"frequency": "Daily", "startingFrom": "2031-01-01T00:00:00.000+0000"}),
            r"startingFrom lies ahead \(2031-01-01\)",
        ),
        (trigger(type="custom_python", params={"code": "x"}), r"triggers\[0\]: type 'custom_python'"),
        (
            trigger(
                params={"frequency": "Daily"},
                graceDelaySettings={"delay": 3, "checkAgainAfterGraceDelay": False},
            ),
            "checkAgainAfterGraceDelay",
        ),
        ({"name": "s", "type": "custom_python"}, "type must be step_based"),
        ({"name": "s", "id": "other"}, "the id of a scenario cannot be changed"),
        ({"name": "s", "projectKey": "other"}, "projectKey must be the project"),
        ({"name": "s", "runAsUser": "ann"}, "the scenario has 'runAsUser'"),
        ({"name": "s", "markedAsTest": True}, "markedAsTest"),
        ({"name": "s", "params": {"script": "x"}}, "params has 'script'"),
        ({"name": "s", "reporters": [{"messaging": {"type": "twilio", "configuration": {}}}]}, "twilio"),
        (
            {
                "name": "s",
                "reporters": [
                    {
                        "messaging": {"type": "slack-scenario", "configuration": {"webhookUrl": "x"}},
                        "runConditionEnabled": True,
                        "runCondition": "outcome = 1",
                    }
                ],
            },
            r"reporters\[0\].runCondition: ",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_the_name_of_its_key(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read(raw)


def test_formulas_of_theirs_are_read_as_expressions() -> None:
    formula = "stepOutcome_a == 'FAILED' && !(outcome == 'ABORTED') || scenarioTriggerParam_size != 3"

    [_, second] = read(
        {
            "name": "s",
            "params": {
                "steps": [
                    *step(id="first", name="a")["params"]["steps"],
                    *step(id="b", runConditionType="RUN_CONDITIONALLY", runConditionExpression=formula)[
                        "params"
                    ]["steps"],
                ]
            },
        }
    ).steps

    assert " ".join(second.when.split()) == (
        "steps.first.outcome == 'FAILED' and not (outcome == 'ABORTED') or trigger.parameters.size != 3"
    )


def test_steps_without_an_id_get_one() -> None:
    first, second = step(id=""), step(id="step_1")

    read_back = read({"name": "s", "params": {"steps": first["params"]["steps"] + second["params"]["steps"]}})

    assert [one.id for one in read_back.steps] == ["step_2", "step_1"]
