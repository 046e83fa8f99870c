"""What is wrong in a scenario is told before it runs: all at once, where it stands, with the nearest name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scoreline.core.consistency import complaints
from scoreline.core.dataset import Dataset
from scoreline.core.model import SavedModel
from scoreline.core.project import Connection, EvaluationStore, Kind, Project, ProjectSettings
from scoreline.core.recipe import Recipe
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_checks import MOST_STEPS, MOST_TRIGGERS
from scoreline.core.scenario_outputs import OUTPUTS
from scoreline.core.scenario_step import STEP_KINDS
from scoreline.core.service import Service

RECIPES: dict[str, Any] = {
    "prepare": {"kind": "sql", "inputs": ["raw"], "output": "rows"},
    "learn": {
        "kind": "train",
        "input": "rows",
        "model": "fraud",
        "task": "binary",
        "target": "y",
        "features": {"a": {"handling": "numeric"}},
        "algorithms": [{"kind": "logistic"}],
    },
    "evaluate": {"kind": "evaluate", "input": "rows", "model": "fraud", "store": "quality"},
}
DATASETS = {"raw": {"kind": "files", "path": "data/raw.csv"}, "rows": {"kind": "managed"}}
SOUND: dict[str, Any] = {
    "variables": {"limit": 0.5},
    "triggers": [
        {"kind": "time", "cron": "0 3 * * *", "zone": "Europe/Paris"},
        {"kind": "dataset_changed", "datasets": ["raw"]},
        {"kind": "sql_changed", "query": "SELECT 1 FROM raw", "inputs": ["raw"]},
        {"kind": "sql_changed", "query": "SELECT 1", "connection": "bank"},
        {"kind": "after_scenario", "scenario": "other"},
        {"kind": "webhook"},
    ],
    "steps": [
        {"id": "build", "kind": "build", "items": ["rows", "fraud", "quality", "prepare"]},
        {"id": "evaluate", "kind": "evaluate", "store": "quality"},
        {"id": "check-drift", "kind": "run_checks", "store": "quality"},
        {
            "id": "retrain",
            "kind": "train",
            "model": "fraud",
            "when": 'steps["check-drift"].outcome == "FAILED" and steps.evaluate.output.metrics.auc < limit',
            "reset_failure": True,
        },
        {"id": "package", "kind": "create_version", "service": "api", "version": "auto", "variable": "made"},
        {"id": "ship", "kind": "update_deployment", "deployment": "api-on-local", "version": "${made}"},
        {"id": "count", "kind": "compute_metrics", "dataset": "rows"},
        {"id": "ask", "kind": "sql", "query": "SELECT ${limit}", "connection": "bank"},
        {"id": "py", "kind": "python", "code": "def run(variables):\n    return {'x': variables['limit']}\n"},
        {"id": "more", "kind": "set_variables", "variables": {"n": 1, "text": "${steps.py.output.x}"}},
        {"id": "other", "kind": "run_scenario", "scenario": "last", "parameters": {"why": "${run.id}"}},
        {"id": "stop", "kind": "stop_scenario", "scenario": "other"},
        {
            "id": "share",
            "kind": "set_mapping",
            "deployment": "api-on-local",
            "shares": [{"version": "v1", "share": 0.25}, {"version": "${made}", "share": "${limit}"}],
            "when": "always and variables.n > 0 and trigger.kind in ['time', 'manual']",
        },
        {
            "id": "tell",
            "kind": "message",
            "message": {"kind": "slack", "url": "${env:HOOK}", "text": "${made}"},
        },
        {"id": "old", "kind": "activate_version", "model": "fraud"},
        {"id": "wait", "kind": "approval", "text": "go to ${project}?"},
        {"id": "try", "kind": "run_test_queries", "deployment": "api-on-local"},
    ],
    "reporters": [
        {
            "when": 'outcome == "FAILED" and steps.ship.ran',
            "message": {
                "kind": "mail",
                "to": ["a@example.com"],
                "subject": "${scenario.name}: ${run.outcome}",
            },
        },
        {
            "at": "start",
            "message": {
                "kind": "webhook",
                "url": "https://example.com/${limit}",
                "body": {"why": "${trigger.reason}"},
            },
        },
    ],
}
OTHERS = {"other": {}, "last": {"variables": {"why": ""}}}


def said(scenario: dict[str, Any], variables: dict[str, Any] | None = None, **others: Any) -> list[str]:
    """What is said of a scenario, in a project that is sound else."""
    project = Project(
        settings=ProjectSettings(id="p", variables=variables or {}),
        connections={"bank": Connection(url="sqlite:///x")},
        datasets=msgspec.convert(DATASETS, dict[str, Dataset]),
        recipes=msgspec.convert(RECIPES, dict[str, Recipe]),
        models={"fraud": SavedModel()},
        evaluation_stores={"quality": EvaluationStore(), "unused": EvaluationStore()},
        services={"api": Service()},
        scenarios=msgspec.convert({**OTHERS, "it": scenario, **others}, dict[str, Scenario]),
    )
    found = complaints(project, {kind: list(project.of(kind)) for kind in Kind})
    return [f"{_shown(complaint.at)}: {complaint.message}" for complaint in found]


def of_step(**step: Any) -> list[str]:
    """What is said of a step that stands alone."""
    step = {"id": "a", **step}
    return [text.removeprefix("steps[0]").removeprefix(".") for text in said({"steps": [step]})]


def _shown(at: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")


def test_a_sound_scenario_with_every_kind_of_step_and_trigger_has_nothing_to_complain_about() -> None:
    assert {step["kind"] for step in SOUND["steps"]} == set(STEP_KINDS)
    assert said(SOUND) == []


def test_every_kind_of_step_says_what_it_gives() -> None:
    assert {*OUTPUTS, "python", "set_variables"} == set(STEP_KINDS)


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = said(
        {
            "variables": {"steps": 1, "a-b": 2},
            "triggers": [{"kind": "time", "cron": "61 * * * *"}],
            "steps": [
                {"id": "a.b", "kind": "build", "items": ["rwos"]},
                {"id": "x", "kind": "train", "model": "frod", "when": "steps.y.ran"},
                {"id": "x", "kind": "run_checks", "store": "quality", "when": "1 +"},
            ],
        }
    )

    assert [text.partition(":")[0] for text in found] == [
        "variables.steps",
        "variables.a-b",
        "triggers[0].cron",
        "steps[0].id",
        "steps[0].items[0]",
        "steps[1].when",
        "steps[1].model",
        "steps[2].when",
        "steps[2].id",
    ]


@pytest.mark.parametrize("id_", ["a b", "", "a.b", "-a", "ä"])
def test_a_step_has_an_id_that_conditions_can_name(id_: str) -> None:
    [found] = of_step(id=id_, kind="build")

    assert found.startswith(f"id: {id_!r} cannot be the id of a step: use 1 to 128 letters")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("steps.chek.ran", "there is no step 'chek'; did you mean 'check'?"),
        ("steps.last.ran", "step 'last' comes later, so that there is no 'steps.last.ran' yet"),
        ("steps.it.ran", "step 'it' is this step itself, so that there is no 'steps.it.ran' yet"),
        ("steps.check.outcom == 'FAILED'", "there is no 'steps.check.outcom'; did you mean 'outcome'?"),
        (
            "steps.check.output.valus.x > 1",
            "a step of kind 'run_checks' gives no 'valus'; did you mean 'values'?",
        ),
        ("steps.check.message.x", "'steps.check.message' has no parts: there is no 'steps.check.message.x'"),
        (
            "steps.check.outcome == 'FAILURE'",
            "steps.check.outcome is never 'FAILURE'; did you mean 'FAILED'?",
        ),
        ("'OK' != steps.check.outcome", "steps.check.outcome is never 'OK'; there is: ABORTED, FAILED, "),
        ("outcome in ['SUCCESS', 'warn']", "outcome is never 'warn'; did you mean 'WARNING'?"),
        ("variables.limti > 1", "there is no variable 'limti'; did you mean 'limit'?"),
        ("limti > 1", "there is no variable 'limti'; did you mean 'limit'?"),
        ("some_failur", "there is no variable 'some_failur'; did you mean 'some_failure'?"),
        ("made == 'v1'", "the variable 'made' is set by step 'last', which comes later"),
        ("trigger.nme == ''", "there is no 'trigger.nme'; did you mean 'name'?"),
        ("run.steps", "there is no 'run.steps'; there is: by, id, message, started_at"),
        ("always.x", "always has no parts: there is no 'always.x'"),
        ("steps.check-drift.ran", "there is no variable 'drift'; list it under 'variables' of the scenario"),
        ("__import__('os')", "`__import__` is no function of conditions"),
        ("", "the condition is empty"),
    ],
)
def test_a_condition_names_what_there_is_by_then(when: str, expected: str) -> None:
    steps = [
        {"id": "check", "kind": "run_checks", "store": "quality"},
        {"id": "it", "kind": "build", "when": when},
        {"id": "last", "kind": "create_version", "service": "api", "variable": "made"},
    ]

    found = said({"variables": {"limit": 1}, "steps": steps})

    assert found[0].startswith(f"steps[1].when: {expected}")


def test_a_step_that_needs_brackets_is_told_with_them() -> None:
    steps = [{"id": "check-drift", "kind": "build"}, {"id": "b", "kind": "build", "when": "steps.check.ran"}]

    [found] = said({"steps": steps})

    assert found.endswith("did you mean 'check-drift'? In a condition it is written steps[\"check-drift\"]")


def test_texts_name_variables_and_steps_that_there_are() -> None:
    assert of_step(kind="approval", text="${limit} ${steps.b.outcome} $${free}") == [
        "text: there is no variable 'limit'; list it under 'variables' of the scenario",
        "text: there is no step 'b'; there is: a",
    ]
    assert of_step(kind="approval", text="${li mit}")[0].startswith("text: '${li mit}' is no placeholder")
    assert of_step(kind="approval", text="${limit")[0].startswith("text: '${limit' has no closing brace")
    assert said({"steps": [{"id": "a", "kind": "approval", "text": "${limit}"}]}, {"limit": 3}) == []


def test_secrets_are_referenced_in_messages_and_nowhere_else() -> None:
    message = {
        "kind": "webhook",
        "url": "https://example.com",
        "headers": {"X": "${secret:k}"},
        "body": "${env:A}",
    }

    [found] = of_step(kind="message", message=message)

    assert found.startswith("message.body: a secret is for url, headers and secret only")
    assert of_step(kind="approval", text="${env:HOME}")[0].startswith("text: '${env:HOME}' is no placeholder")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"kind": "build", "items": ["raw"]}, "items[0]: nothing builds 'raw': no recipe writes it"),
        ({"kind": "build", "items": ["x"]}, "items[0]: there is no 'x' in the flow; there is: evaluate, "),
        ({"kind": "train", "model": "rows"}, "model: 'rows' is a dataset, not a saved model"),
        (
            {"kind": "evaluate", "store": "qualty"},
            "store: there is no evaluation store 'qualty'; did you mean",
        ),
        (
            {"kind": "evaluate", "store": "unused"},
            "store: nothing evaluates into 'unused': no evaluate recipe",
        ),
        (
            {"kind": "run_checks", "store": "x"},
            "store: there is no evaluation store 'x'; there is: quality, ",
        ),
        (
            {"kind": "compute_metrics", "dataset": "rwa"},
            "dataset: there is no dataset 'rwa'; did you mean 'raw'?",
        ),
        (
            {"kind": "activate_version", "model": "fraud", "version": "t 1"},
            "version: 't 1' cannot be the id of a",
        ),
        ({"kind": "activate_version", "model": "x"}, "model: there is no saved model 'x'; there is: fraud"),
        ({"kind": "create_version", "service": ""}, "service: there is no service ''; there is: api"),
        (
            {"kind": "create_version", "service": "api", "version": "a b"},
            "version: 'a b' cannot be the id of a",
        ),
        (
            {"kind": "create_version", "service": "api", "variable": "run"},
            "variable: 'run' has a meaning of its",
        ),
        (
            {"kind": "create_version", "service": "api", "variable": "v-1"},
            "variable: 'v-1' cannot be a variable",
        ),
        (
            {"kind": "update_deployment", "deployment": "", "version": "v1"},
            "deployment: '' cannot be the id of a",
        ),
        (
            {"kind": "run_test_queries", "deployment": "a b"},
            "deployment: 'a b' cannot be the id of a deployment",
        ),
        ({"kind": "sql", "query": " ", "connection": "bank"}, "query: is empty; write what to ask"),
        ({"kind": "sql", "query": "SELECT 1"}, ": needs a 'connection', or 'inputs'"),
        (
            {"kind": "sql", "query": "SELECT 1", "connection": "bnk"},
            "connection: there is no connection 'bnk'; did",
        ),
        (
            {"kind": "sql", "query": "SELECT 1", "inputs": ["x"]},
            "inputs[0]: there is no dataset 'x'; there is:",
        ),
        (
            {"kind": "sql", "query": "SELECT 1", "inputs": ["raw"], "connection": "bank"},
            "inputs: a query is asked of a connection, or of datasets, not of both",
        ),
        ({"kind": "python"}, ": needs 'code', or a 'file' of the project"),
        ({"kind": "python", "code": "def run(v): pass", "file": "x.py"}, ": has both 'code' and 'file'"),
        ({"kind": "python", "code": "def run(v):\n  retrun 1\n"}, "code: line 2: not Python: invalid syntax"),
        (
            {"kind": "python", "code": "def go(v): pass"},
            "code: line 1: has no function 'run', which the step calls",
        ),
        (
            {"kind": "python", "code": "x = 1", "function": "a b"},
            "function: must be the name of a Python function",
        ),
        (
            {"kind": "python", "file": "../x.py"},
            "file: '../x.py' is not inside of the project; name a file of it",
        ),
        (
            {"kind": "python", "file": "/etc/x.py"},
            "file: '/etc/x.py' is not inside of the project; name a file",
        ),
        ({"kind": "python", "file": "code/x.sh"}, "file: 'code/x.sh' is no .py file"),
        ({"kind": "set_variables", "variables": {}}, "variables: must name at least one variable"),
        (
            {"kind": "set_variables", "variables": {"outcome": 1}},
            "variables.outcome: 'outcome' has a meaning of",
        ),
        (
            {"kind": "run_scenario", "scenario": "lst"},
            "scenario: there is no scenario 'lst'; did you mean 'last'?",
        ),
        (
            {"kind": "run_scenario", "scenario": "last", "parameters": {"whi": 1}},
            "parameters.whi: scenario 'last' has no variable 'whi'; did you mean 'why'?",
        ),
        (
            {"kind": "stop_scenario", "scenario": "x"},
            "scenario: there is no scenario 'x'; there is: it, last, ",
        ),
        (
            {"kind": "message", "message": {"kind": "mail", "to": []}},
            "message.to: must list at least one address",
        ),
    ],
)
def test_a_step_is_whole_and_refers_to_what_there_is(step: dict[str, Any], expected: str) -> None:
    found = of_step(**step)

    assert len(found) == 1, found
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], "shares: must list at least one version and its share"),
        ([("v1", 0.5), ("v2", "0.4")], "shares: shares sum to 0.9; they must sum to 1"),
        ([("v1", "half")], "shares[0].share: 'half' is not a number of 0 to 1"),
        ([("v1", 1.5)], "shares[0].share: must be a number of 0 to 1, not 1.5"),
        ([("v1", 0.5), ("v1", 0.5)], "shares[1].version: 'v1' is listed twice"),
    ],
)
def test_the_shares_of_a_mapping_sum_to_one(shares: list[tuple[str, Any]], expected: str) -> None:
    entries = [{"version": version, "share": share} for version, share in shares]

    assert of_step(kind="set_mapping", deployment="d", shares=entries) == [expected]


def test_what_a_placeholder_stands_for_is_told_when_the_step_runs() -> None:
    names = {"x": "y"}
    steps = [
        {"id": "a", "kind": "train", "model": "${x}"},
        {"id": "b", "kind": "build", "items": ["${x}"]},
        {"id": "c", "kind": "update_deployment", "deployment": "${x} ", "version": "${x}"},
        {"id": "d", "kind": "python", "file": "code/${x}.py"},
        {"id": "e", "kind": "set_mapping", "deployment": "d", "shares": [{"version": "v", "share": "${x}"}]},
    ]

    assert said({"variables": names, "steps": steps}) == []


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"kind": "time", "cron": "0 3 * *"}, ".cron: cron '0 3 * *' is not 5 short fields"),
        ({"kind": "time", "cron": "0 0 31 2 *"}, ".cron: cron '0 0 31 2 *': its day-of-month is '31'"),
        (
            {"kind": "time", "cron": "0 3 * * *", "zone": "Europe/Pariss"},
            ".zone: there is no time zone 'Europe/P",
        ),
        ({"kind": "dataset_changed", "datasets": []}, ".datasets: must list at least one dataset"),
        ({"kind": "dataset_changed", "datasets": ["fraud"]}, ".datasets[0]: 'fraud' is a saved model, not a"),
        ({"kind": "sql_changed", "query": "SELECT 1"}, ": needs a 'connection', or 'inputs'"),
        ({"kind": "sql_changed", "query": "", "connection": "bank"}, ".query: is empty; write what to ask"),
        (
            {"kind": "after_scenario", "scenario": "othr"},
            ".scenario: there is no scenario 'othr'; did you mean",
        ),
        (
            {"kind": "after_scenario", "scenario": "other", "outcomes": []},
            ".outcomes: must list at least one",
        ),
        ({"kind": "webhook", "grace": 5}, ".grace: a webhook starts at once; leave 'grace' out"),
    ],
)
def test_a_trigger_can_fire(trigger: dict[str, Any], expected: str) -> None:
    [found] = said({"triggers": [trigger]})

    assert found.startswith(f"triggers[0]{expected}")


def test_a_placeholder_in_sql_stands_outside_of_quotes() -> None:
    sql = "SELECT 1\nWHERE a = '${trigger.name}' AND b = ${trigger.name} AND c = '$${x}'"

    [found] = of_step(kind="sql", connection="bank", query=sql)

    assert found.startswith("query: line 2: '${trigger.name}' stands within quotes; write it without them")


def test_a_trigger_stands_once() -> None:
    trigger = {"kind": "time", "cron": "0 3 * * *"}

    assert said({"triggers": [trigger, {**trigger, "enabled": False}, {**trigger, "name": "b"}]}) == [
        "triggers[1]: is the same as one before it; leave one of them out"
    ]


def test_a_reporter_at_the_start_knows_no_step() -> None:
    steps = [{"id": "a", "kind": "build"}]
    message = {"kind": "mail", "to": ["x"], "text": "${steps.a.outcome} ${run.outcom}"}

    found = said(
        {"steps": steps, "reporters": [{"at": "start", "message": message, "when": "outcome == 'OK'"}]}
    )

    assert found[0].startswith(
        "reporters[0].when: outcome is never 'OK'; there is: ABORTED, FAILED, RUNNING, "
    )
    assert found[1] == "reporters[0].message.text: there is no 'run.outcom'; did you mean 'outcome'?"
    assert found[2].startswith("reporters[0].message.text: step 'a' is")
    assert found[3].startswith("reporters[0].message.to[0]: 'x' is no mail address")


def test_scenarios_do_not_run_one_another_in_a_circle() -> None:
    def runs(other: str, **more: Any) -> dict[str, Any]:
        return {"steps": [{"id": "a", "kind": "run_scenario", "scenario": other, **more}]}

    def after(other: str, **more: Any) -> dict[str, Any]:
        return {"triggers": [{"kind": "after_scenario", "scenario": other}], **more}

    circle = "scenarios run one another in a circle, without end: "
    assert said(runs("it")) == [f": {circle}it -> it"]
    assert said(after("it")) == [f": {circle}it -> it"]
    assert said(runs("b"), b=runs("c"), c=runs("b")) == [f": {circle}b -> c -> b"]
    assert said(runs("b"), b=after("it")) == []
    assert said(after("b"), b=after("it")) == [f": {circle}it -> b -> it"]
    assert said(runs("b"), b=runs("it", enabled=False)) == []
    assert said(after("b"), b=after("it", enabled=False)) == []


def test_of_an_unsound_recipe_it_is_not_told_what_it_does_not_write() -> None:
    project = Project(
        settings=ProjectSettings(id="p"),
        models={"m": SavedModel()},
        scenarios=msgspec.convert(
            {"it": {"steps": [{"id": "a", "kind": "train", "model": "m"}]}}, dict[str, Scenario]
        ),
    )
    ids: dict[Kind, list[str]] = {kind: list(project.of(kind)) for kind in Kind}

    assert [one.message for one in complaints(project, ids)] == ["nothing trains 'm': it has no train recipe"]
    assert list(complaints(project, {**ids, Kind.RECIPE: ["unsound"]})) == []


def test_a_scenario_is_bounded_so_that_it_is_quick_to_check() -> None:
    many = {
        "triggers": [{"kind": "time", "cron": "0 3 * * *", "name": str(n)} for n in range(MOST_TRIGGERS + 1)],
        "steps": [{"id": f"s{n}", "kind": "build"} for n in range(MOST_STEPS + 1)],
    }

    assert said(many) == [
        "triggers: has more than 50",
        "steps: has more than 500; let one scenario run another",
    ]
