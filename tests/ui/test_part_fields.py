"""Forms of steps, triggers and reporters: what is shown and sent again says the same, whatever the kind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.datastructures import FormData

from scoreline.core.scenario import Reporter
from scoreline.core.scenario_step import STEP_KINDS as KINDS
from scoreline.core.scenario_step import Step
from scoreline.core.scenario_trigger import Trigger
from scoreline.errors import InvalidProject, Problem
from scoreline.ui.forms import Form
from scoreline.ui.part_fields import Field, read, scalar, scalar_text, shown
from scoreline.ui.part_kinds import REPORTER_KINDS, STEP_COURSE, STEP_KINDS, STEP_OWN, TRIGGER_KINDS
from scoreline.ui.scenario import Wrong, wrongs

STEPS: list[dict[str, Any]] = [
    {"kind": "build", "items": ["a", "b"], "force": True, "retries": 2, "retry_delay": 0.5, "timeout": 60},
    {"kind": "train", "model": "fraud", "when": "some_failure", "reset_failure": True},
    {"kind": "evaluate", "store": "quality", "when": 'steps.a.outcome == "FAILED"'},
    {"kind": "compute_metrics", "dataset": "payments", "proceed_on_failure": True},
    {"kind": "run_checks", "store": "quality", "evaluation": "e1", "name": "Checks <b>"},
    {"kind": "activate_version", "model": "fraud", "version": "t1"},
    {
        "kind": "create_version",
        "service": "s",
        "version": "v",
        "unique": False,
        "variable": "made",
        "release_notes": "two\nlines",
        "publish": False,
        "published_service": "t",
    },
    {"kind": "update_deployment", "deployment": "d", "version": "${made}", "update": "full", "rolling": True},
    {
        "kind": "set_mapping",
        "deployment": "d",
        "shares": [{"version": "v1", "share": 0.7}, {"version": "${made}", "share": "${rest}"}],
    },
    {"kind": "run_test_queries", "deployment": "d", "endpoint": "e"},
    {"kind": "sql", "query": "SELECT 1\n  FROM a\n", "inputs": ["a"], "repeatable": True},
    {"kind": "python", "code": "def run(variables):\n    return {}\n", "function": "run"},
    {
        "kind": "set_variables",
        "variables": {"a": 1, "b": "1", "c": "text", "d": True, "e": 0.5, "f": "true", "g": '"quoted"'},
        "scope": "project",
    },
    {"kind": "run_scenario", "scenario": "other", "parameters": {"n": 3}, "wait": False},
    {"kind": "stop_scenario", "scenario": "other"},
    {"kind": "approval", "text": "Ship it?"},
    {
        "kind": "message",
        "message": {
            "kind": "webhook",
            "url": "${env:HOOK}",
            "method": "PUT",
            "headers": {"X-A": "1"},
            "body": {"text": ["${a}", 1, None]},
            "secret": "${secret:s}",
        },
    },
]
TRIGGERS: list[dict[str, Any]] = [
    {"kind": "time", "name": "night", "cron": "0 3 * * *", "zone": "Europe/Paris", "grace": 5},
    {"kind": "dataset_changed", "datasets": ["a", "b"], "every": 30},
    {"kind": "sql_changed", "query": "SELECT 1", "connection": "bank"},
    {"kind": "after_scenario", "scenario": "other", "outcomes": ["FAILED"]},
    {"kind": "webhook", "name": "bank"},
]
REPORTERS: list[dict[str, Any]] = [
    {
        "at": "start",
        "message": {"kind": "mail", "to": ["a@b.ch"], "from": "c@d.ch", "subject": "s", "text": "t"},
    },
    {"when": 'outcome == "FAILED"', "message": {"kind": "slack", "url": "${env:S}", "text": "t"}},
    {"when": "some_failure", "message": {"kind": "teams", "url": "${env:T}", "title": "a", "text": "t"}},
]


def sent(fields: tuple[Field, ...], values: dict[str, Any]) -> Form:
    """What a browser sends of the fields as they are shown."""
    data: list[tuple[str, str]] = []
    for field in fields:
        value = values[field.name]
        match field.type:
            case "flag":
                data += [(field.name, "1")] if value else []
            case "variables" | "headers" | "shares":
                first, second = ("version", "share") if field.type == "shares" else ("name", "value")
                for key, text in value or [("", "")]:
                    data += [(f"{field.name}:{first}", key), (f"{field.name}:{second}", text)]
            case "choices" | "lines":
                data += [(field.name, text) for text in value or [""]]
            case "boxes":
                data += [(field.name, text) for text in value]
            case "when":
                data += [(field.name, value[0]), (f"{field.name}:condition", value[1])]
            case _:
                data.append((field.name, str(value).replace("\n", "\r\n")))
    return Form(FormData(data))


def again(fields: tuple[Field, ...], plain: dict[str, Any]) -> dict[str, Any]:
    found, errors = read(fields, sent(fields, shown(fields, plain)))
    assert errors == {}
    return found


def test_every_kind_of_step_has_a_form() -> None:
    assert sorted(kind.id for kind in STEP_KINDS) == list(KINDS)
    assert {one["kind"] for one in STEPS} == set(KINDS)


@pytest.mark.parametrize("plain", STEPS, ids=lambda plain: str(plain["kind"]))
def test_a_step_that_is_shown_and_saved_is_the_same(plain: dict[str, Any]) -> None:
    kind = next(kind for kind in STEP_KINDS if kind.id == plain["kind"])
    step = msgspec.convert({"id": "it", **plain}, Step)  # type: ignore[call-overload]

    found = again((*STEP_OWN, *kind.fields, *STEP_COURSE), msgspec.to_builtins(step))

    assert msgspec.convert({**found, "kind": kind.id}, Step) == step  # type: ignore[call-overload]


@pytest.mark.parametrize("plain", TRIGGERS, ids=lambda plain: str(plain["kind"]))
def test_a_trigger_that_is_shown_and_saved_is_the_same(plain: dict[str, Any]) -> None:
    kind = next(kind for kind in TRIGGER_KINDS if kind.id == plain["kind"])
    trigger = msgspec.convert(plain, Trigger)  # type: ignore[call-overload]

    found = again(kind.fields, msgspec.to_builtins(trigger))

    assert msgspec.convert({**found, "kind": kind.id}, Trigger) == trigger  # type: ignore[call-overload]


@pytest.mark.parametrize("plain", REPORTERS, ids=lambda plain: str(plain["message"]["kind"]))
def test_a_reporter_that_is_shown_and_saved_is_the_same(plain: dict[str, Any]) -> None:
    reporter = msgspec.convert(plain, Reporter)

    found = again(REPORTER_KINDS[0].fields, msgspec.to_builtins(reporter))

    assert msgspec.convert(found, Reporter) == reporter


@pytest.mark.parametrize(
    "value", [1, -0.5, True, False, "", "a b", "1", "true", "null", '"x"', "[1]", "1e400"]
)
def test_a_value_is_typed_as_it_is_shown(value: str | float) -> None:
    assert scalar(scalar_text(value)) == value


def test_what_the_control_api_complains_of_has_its_place() -> None:
    error = InvalidProject(
        [
            Problem(
                "scenarios/night.yaml", 12, "steps[2].model: there is no saved model 'x'; did you mean 'y'?"
            ),
            Problem(
                "scenarios/night.yaml", 14, "steps[3].shares[0].share: must be a number of 0 to 1, not 2"
            ),
            Problem("scenarios/night.yaml", 2, "variables.a-b: 'a-b' cannot be a variable"),
            Problem("datasets/d.yaml", 0, "is missing"),
        ]
    )

    found = wrongs(error, "night")

    assert found == [
        Wrong(part="", message="datasets/d.yaml: is missing"),
        Wrong(part="variables", field="a", message="'a-b' cannot be a variable"),
        Wrong(
            part="steps", position=2, field="model", message="there is no saved model 'x'; did you mean 'y'?"
        ),
        Wrong(part="steps", position=3, field="shares", message="must be a number of 0 to 1, not 2"),
    ]
