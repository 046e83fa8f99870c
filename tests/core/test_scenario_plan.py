"""What a run does next follows from its scenario and from the steps that have ended, and it says why."""

from __future__ import annotations

from typing import Any

import pytest

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_plan import Decision, EndRun, FailStep, RunStep, SkipStep, decide
from scoreline.core.scenario_run import Fire, RunOutcome, ScenarioRun, StepRun, StepRunOutcome
from scoreline.core.scenario_step import SetVariablesStep

AT = "2030-01-01T00:00:00.000+00:00"


def step(id_: str, **more: Any) -> SetVariablesStep:
    return SetVariablesStep(id=id_, variables={}, **more)


def next_of(
    *steps: SetVariablesStep,
    went: tuple[str, ...] = (),
    outputs: dict[str, dict[str, Any]] | None = None,
    **run: Any,
) -> Decision:
    """What comes after the first steps, whose outcomes are given."""
    fared = tuple(
        StepRun(
            position=position,
            step=one.id,
            kind=one.kind,
            outcome=StepRunOutcome(outcome),
            message=f"{one.id} says so" if outcome in ("FAILED", "WARNING") else "",
            outputs=(outputs or {}).get(one.id, {}),
            started_at=None if outcome == "SKIPPED" else AT,
            finished_at=AT,
        )
        for position, (one, outcome) in enumerate(zip(steps, went, strict=False))
    )
    return decide(
        ScenarioRun(
            id=1,
            project="cards",
            scenario="nightly",
            definition=Scenario(steps=steps),
            fire=Fire(kind="manual", reason="ann ran it", parameters={"day": 3}),
            by="ann",
            started_at=AT,
            steps=fared,
            **run,
        )
    )


def test_a_step_without_a_condition_runs_while_nothing_has_failed() -> None:
    first = next_of(step("a"), step("b"))
    second = next_of(step("a"), step("b"), went=("WARNING",))
    after_failure = next_of(step("a"), step("b"), went=("FAILED",))

    assert (type(first), first.position) == (RunStep, 0)  # type: ignore[union-attr]
    assert isinstance(second, RunStep)
    assert second.why == "nothing before it has failed"
    assert isinstance(after_failure, SkipStep)
    assert after_failure.why == "a has failed"


@pytest.mark.parametrize(
    ("when", "went", "runs", "why"),
    [
        ("some_failure", "FAILED", True, "a has failed"),
        ("some_failure", "SUCCESS", False, "nothing before it has failed"),
        ("always", "FAILED", True, "it always runs"),
        ("never", "SUCCESS", False, "it never runs"),
        ("steps.a.outcome == 'FAILED'", "FAILED", True, "holds: steps.a.outcome is FAILED"),
        ("steps.a.outcome == 'FAILED'", "WARNING", False, "does not hold: steps.a.outcome is WARNING"),
        ("outcome == 'WARNING'", "WARNING", True, "holds: outcome is WARNING"),
        ("not steps.a.ran", "SKIPPED", True, "holds: steps.a.ran is false"),
        ("steps.a.output.rows > limit", "SUCCESS", True, "limit is 3, steps.a.output.rows is 7"),
        ("trigger.parameters.day == 3 and some_failure", "FAILED", True, "trigger.parameters.day is 3"),
        ('steps["a"].output["rows"] < 1', "SUCCESS", False, "steps.a.output.rows is 7"),
    ],
)
def test_a_condition_decides_and_the_reason_names_what_it_has_seen(
    when: str, went: str, runs: bool, why: str
) -> None:
    decided = next_of(
        step("a"),
        step("b", when=when),
        went=(went,),
        outputs={"a": {"rows": 7}},
        variables={"limit": 3},
    )

    assert isinstance(decided, RunStep if runs else SkipStep)
    assert why in decided.why
    if when not in ("always", "never", "some_failure"):
        assert decided.why.startswith(when)


@pytest.mark.parametrize(
    "when", ["steps.c.outcome == 'FAILED'", "steps.a.output.rows > 'x'", "steps.a.message", "a b"]
)
def test_a_condition_that_cannot_be_told_fails_its_step(when: str) -> None:
    decided = next_of(step("a"), step("b", when=when), went=("SUCCESS",), outputs={"a": {"rows": 7}})

    assert isinstance(decided, FailStep)
    assert decided.why.startswith(f"its condition {when!r} cannot be told: ")


def test_a_step_that_is_not_enabled_is_passed_over_whatever_its_condition() -> None:
    decided = next_of(step("a", enabled=False, when="always"))

    assert isinstance(decided, SkipStep)
    assert decided.why == "it is not enabled"


def test_a_run_ends_as_the_worst_of_its_steps() -> None:
    steps = (step("a"), step("b", name="The second", when="always"), step("c", when="always"))

    well = next_of(*steps, went=("SUCCESS", "SUCCESS", "SKIPPED"))
    warned = next_of(*steps, went=("SUCCESS", "WARNING", "SUCCESS"))
    failed = next_of(*steps, went=("WARNING", "FAILED", "SUCCESS"))

    assert [one.outcome.value for one in (well, warned, failed) if isinstance(one, EndRun)] == [
        "SUCCESS",
        "WARNING",
        "FAILED",
    ]
    assert isinstance(failed, EndRun)
    assert failed.message == "The second: b says so"


def test_a_failure_to_be_proceeded_on_counts_as_a_warning() -> None:
    steps = (step("a", proceed_on_failure=True), step("b"))

    following = next_of(*steps, went=("FAILED",))
    end = next_of(*steps, went=("FAILED", "SUCCESS"))

    assert isinstance(following, RunStep)
    assert following.why == "nothing before it has failed"
    assert isinstance(end, EndRun)
    assert (end.outcome.value, end.message) == ("WARNING", "a: a says so")


def test_a_step_that_resets_failures_makes_those_before_it_count_no_more() -> None:
    steps = (step("check"), step("cure", when="some_failure", reset_failure=True), step("deploy"))

    cure = next_of(*steps, went=("FAILED",))
    deploy = next_of(*steps, went=("FAILED", "SUCCESS"))
    end = next_of(*steps, went=("FAILED", "SUCCESS", "SUCCESS"))

    assert isinstance(cure, RunStep)
    assert cure.why == "check has failed; it resets the failure"
    assert isinstance(deploy, RunStep)
    assert isinstance(end, EndRun)
    assert end.outcome.value == "SUCCESS"


def test_a_cure_that_fails_or_does_not_run_resets_nothing() -> None:
    steps = (step("check"), step("cure", when="some_failure", reset_failure=True), step("deploy"))
    never = (step("check"), step("cure", when="never", reset_failure=True), step("deploy"))

    failed = next_of(*steps, went=("FAILED", "FAILED"))
    skipped = next_of(*never, went=("FAILED", "SKIPPED"))

    assert isinstance(failed, SkipStep)
    assert failed.why == "cure has failed"
    assert isinstance(skipped, SkipStep)
    assert skipped.why == "check has failed"


def test_a_scenario_without_steps_succeeds() -> None:
    assert next_of() == EndRun(outcome=RunOutcome.SUCCESS, message="")
