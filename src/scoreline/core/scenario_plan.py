"""What a run does next: a pure function of its scenario and of the steps that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from scoreline.core.expression import is_true, parse_expression
from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRun, StepRunOutcome, names_of
from scoreline.core.scenario_step import Step
from scoreline.errors import Invalid

_SEVERITY = (StepRunOutcome.SUCCESS, StepRunOutcome.WARNING, StepRunOutcome.FAILED, StepRunOutcome.ABORTED)


class Standing(Struct, frozen=True, kw_only=True):
    """How a run stands after some of its steps."""

    outcome: StepRunOutcome
    """The worst of the steps that count."""
    failed: tuple[str, ...] = ()
    """Ids of the steps whose failure counts."""
    message: str = ""
    """Of the step that counts most."""


class RunStep(Struct, frozen=True, kw_only=True):
    """Run this step now."""

    position: int
    step: Step
    why: str


class SkipStep(Struct, frozen=True, kw_only=True):
    """Pass over this step."""

    position: int
    step: Step
    why: str


class FailStep(Struct, frozen=True, kw_only=True):
    """The condition of this step cannot be told, so it has failed."""

    position: int
    step: Step
    why: str


class EndRun(Struct, frozen=True, kw_only=True):
    """All steps are over."""

    outcome: RunOutcome
    message: str


Decision = RunStep | SkipStep | FailStep | EndRun


def decide(run: ScenarioRun) -> Decision:
    """What comes next in a run none of whose steps is going on."""
    position = len(run.steps)
    now = standing(run.definition.steps, run.steps)
    if position >= len(run.definition.steps):
        return EndRun(outcome=RunOutcome(now.outcome.value), message=now.message)
    step = run.definition.steps[position]
    if not step.enabled:
        return SkipStep(position=position, step=step, why="it is not enabled")
    names = names_of(run, run.steps, now.outcome, bool(now.failed))
    try:
        holds = is_true(parse_expression(step.when), names)
    except Invalid as error:
        return FailStep(
            position=position, step=step, why=f"its condition {step.when!r} cannot be told: {error.message}"
        )
    why = _why(step.when, holds, now, names)
    if not holds:
        return SkipStep(position=position, step=step, why=why)
    if step.reset_failure and now.failed:
        why += "; it resets the failure"
    return RunStep(position=position, step=step, why=why)


def standing(steps: Sequence[Step], runs: Sequence[StepRun]) -> Standing:
    """How a run stands: what failed before a step that resets failures does not count."""
    outcome = StepRunOutcome.SUCCESS
    failed: list[str] = []
    message = ""
    for step, fared in zip(steps, runs, strict=False):
        if fared.outcome is StepRunOutcome.SKIPPED or not fared.outcome.ended:
            continue
        if step.reset_failure and fared.started_at is not None:
            outcome, failed, message = StepRunOutcome.SUCCESS, [], ""
        counted = fared.outcome
        if counted is StepRunOutcome.FAILED:
            if step.proceed_on_failure:
                counted = StepRunOutcome.WARNING
            else:
                failed.append(step.id)
        if _SEVERITY.index(counted) > _SEVERITY.index(outcome):
            outcome, message = counted, f"{step.label}: {fared.message}" if fared.message else step.label
    return Standing(outcome=outcome, failed=tuple(failed), message=message)


def _why(when: str, holds: bool, now: Standing, names: dict[str, Any]) -> str:
    """Why a step runs or does not, in words."""
    failed = ", ".join(now.failed)
    told = {
        "always": "it always runs",
        "never": "it never runs",
        "no_failure": f"{failed} has failed" if failed else "nothing before it has failed",
        "some_failure": f"{failed} has failed" if failed else "nothing before it has failed",
    }.get(when.strip())
    if told is not None:
        return told
    seen = ", ".join(
        f"{name} is {_shown(value)}"
        for name in sorted(parse_expression(when).names())
        if (value := _looked_up(name, names)) is not None
    )
    holding = "holds" if holds else "does not hold"
    return f"{when} {holding}" + (f": {seen}" if seen else "")


def _looked_up(name: str, names: dict[str, Any]) -> Any:
    value: Any = names
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str | int | float | bool) else None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"
