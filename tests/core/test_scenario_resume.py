"""A run that resumes another takes over what came before its step, and the variables as they were then."""

from __future__ import annotations

from typing import Any

import pytest

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_resume import steps_before, taken_over, variables_before
from scoreline.core.scenario_run import Fire, ScenarioRun, StepRun, StepRunOutcome
from scoreline.core.scenario_step import CreateVersionStep, SetVariablesStep, Step
from scoreline.errors import Conflict, NotFound

STEPS: tuple[Step, ...] = (
    SetVariablesStep(id="first", variables={}),
    CreateVersionStep(id="freeze", service="fraud", variable="version"),
    SetVariablesStep(id="second", variables={}),
    SetVariablesStep(id="last", variables={}),
)


def run(*went: tuple[str, dict[str, Any]], **more: Any) -> ScenarioRun:
    """A run whose first steps went so, with these outputs."""
    steps = tuple(
        StepRun(
            position=position,
            step=STEPS[position].id,
            kind=STEPS[position].kind,
            outcome=StepRunOutcome(outcome),
            outputs=outputs,
            started_at=at(position),
            finished_at=at(position + 1),
        )
        for position, (outcome, outputs) in enumerate(went)
    )
    given: dict[str, Any] = {
        "id": 7,
        "project": "cards",
        "scenario": "nightly",
        "definition": Scenario(steps=STEPS, variables={"own": 1}),
        "fire": Fire(kind="manual", parameters={"day": "monday"}),
        "by": "ann",
        "started_at": at(0),
        "steps": steps,
    }
    return ScenarioRun(**{**given, **more})


def at(minute: int) -> str:
    return f"2030-01-01T00:{minute:02}:00.000+00:00"


def test_steps_before_one_are_taken_over_as_they_went() -> None:
    old = run(("SUCCESS", {}), ("WARNING", {}), ("FAILED", {}))

    assert [one.outcome.value for one in steps_before(old, "second")] == ["SUCCESS", "WARNING"]
    assert steps_before(old, "first") == ()
    assert len(steps_before(old, "last")) == 3


def test_what_a_run_has_not_reached_cannot_be_passed_over() -> None:
    with pytest.raises(Conflict, match="resume it from 'second', or from one before") as refused:
        steps_before(run(("SUCCESS", {}), ("SUCCESS", {})), "last")
    with pytest.raises(Conflict, match="resume it from 'freeze'"):
        steps_before(run(("SUCCESS", {}), ("ABORTED", {})), "second")
    with pytest.raises(NotFound, match="did you mean 'second'"):
        steps_before(run(("SUCCESS", {})), "secon")

    assert refused.value.code == "not-reached"


def test_variables_are_as_those_steps_left_them() -> None:
    old = run(
        ("SUCCESS", {"own": 2, "day": "tuesday"}),
        ("SUCCESS", {"version": "v1"}),
        ("SUCCESS", {"own": 3, "shop": "mall", "only": True}),
        variables={"own": 3, "day": "tuesday", "version": "v1", "shop": "mall", "only": True, "kept": 0},
    )
    project = {"shop": "corner", "kept": 9}

    before_last = variables_before(old, old.steps[:3], project)
    before_second = variables_before(old, old.steps[:2], project)
    before_first = variables_before(old, (), project)

    assert before_last == old.variables
    assert before_second == {"own": 2, "day": "tuesday", "version": "v1", "shop": "corner", "kept": 0}
    assert before_first == {"own": 1, "day": "monday", "shop": "corner", "kept": 0}


def test_only_what_ended_before_the_run_began_is_taken_over() -> None:
    resumed = run(("FAILED", {}), ("SUCCESS", {}), started_at=at(1), resumed_from=6)
    fresh = run(("FAILED", {}), started_at=at(1))

    assert [taken_over(resumed, one) for one in resumed.steps] == [False, False]
    later = run(("FAILED", {}), ("SUCCESS", {}), started_at=at(2), resumed_from=6)
    assert [taken_over(later, one) for one in later.steps] == [True, False]
    assert not taken_over(fresh, fresh.steps[0])
