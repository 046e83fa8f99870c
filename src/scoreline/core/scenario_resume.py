"""Resuming: what a run takes over from an earlier one, of which it goes on from some step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scoreline.core.names import did_you_mean, shortened
from scoreline.core.scenario_run import ScenarioRun, StepRun, StepRunOutcome
from scoreline.core.scenario_step import CreateVersionStep, SetVariablesStep, Step
from scoreline.errors import Conflict, NotFound


def steps_before(old: ScenarioRun, step: str) -> tuple[StepRun, ...]:
    """The steps of an ended run that come before one of its steps, as they went.

    Raises NotFound for a step that the scenario did not have, and Conflict when the run has not come as far,
    or was ended before.
    """
    ids = [one.id for one in old.definition.steps]
    if step not in ids:
        raise NotFound(
            f"run {old.id} has no step {shortened(step)}; {did_you_mean(step, ids)}", code="no-such-step"
        )
    before = old.steps[: ids.index(step)]
    aborted = next((one.step for one in before if one.outcome is StepRunOutcome.ABORTED), None)
    if len(before) < ids.index(step) or aborted is not None:
        last = aborted or (ids[len(old.steps)] if len(old.steps) < len(ids) else ids[-1])
        raise Conflict(
            f"run {old.id} has not come as far as step {step!r}; resume it from {last!r}, or from one before",
            code="not-reached",
        )
    return before


def variables_before(
    old: ScenarioRun, before: Iterable[StepRun], project: Mapping[str, Any]
) -> dict[str, Any]:
    """The variables of a run as these steps of it have left them; `project` has those of the project."""
    kept = tuple(before)
    later = old.steps[len(kept) :]
    undone = _set_by(old.definition.steps, later).keys()
    given = {} if old.fire.kind == "webhook" else old.fire.parameters
    at_first = {**project, **old.definition.variables, **given, **_set_by(old.definition.steps, kept)}
    return {
        name: at_first[name] if name in undone else value
        for name, value in old.variables.items()
        if name not in undone or name in at_first
    }


def taken_over(run: ScenarioRun, step: StepRun) -> bool:
    """Whether a step of a run is one of the run that it resumes: it had ended before this one began."""
    return run.resumed_from is not None and (step.finished_at or run.started_at) < run.started_at


def _set_by(steps: tuple[Step, ...], fared: Iterable[StepRun]) -> dict[str, Any]:
    """The variables that steps have set."""
    found: dict[str, Any] = {}
    for one in fared:
        match steps[one.position]:
            case SetVariablesStep():
                found |= one.outputs
            case CreateVersionStep(variable=str(name)) if "version" in one.outputs:
                found[name] = one.outputs["version"]
    return found
