"""Causes within a run: the earlier steps by which a step ran, or did not, and did what it did."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.core.expression import parse_expression
from scoreline.core.placeholders import placeholders
from scoreline.core.scenario_plan import standing
from scoreline.core.scenario_run import Effect, ScenarioRun, StepRun
from scoreline.core.scenario_step import (
    BuildStep,
    CreateVersionStep,
    EvaluateStep,
    RunChecksStep,
    SetMappingStep,
    SetVariablesStep,
    TrainStep,
    UpdateDeploymentStep,
    parameters_of,
)
from scoreline.errors import Invalid

_OF_FAILURES = frozenset(("no_failure", "some_failure", "outcome"))


def led_to(run: ScenarioRun, position: int) -> tuple[StepRun, ...]:
    """The steps that led to the one at a position, and those that led to them; the nearest first."""
    found: set[int] = set()
    left = [position]
    while left:
        for earlier in _direct(run, left.pop()):
            if earlier not in found:
                found.add(earlier)
                left.append(earlier)
    return tuple(step for step in reversed(run.steps) if step.position in found)


def made_by(step: StepRun) -> set[Effect]:
    """What a step has made, in this run or in the one from which it was taken over."""
    outputs = step.outputs
    match step.kind:
        case "evaluate" if "evaluation" in outputs:
            return {Effect(kind="evaluation", target=f"{outputs['store']}/{outputs['evaluation']}")}
        case "train" if "version" in outputs:
            return {Effect(kind="model_version", target=f"{outputs['model']}/{outputs['version']}")}
        case "create_version" if "published" in outputs:
            return {Effect(kind="published", target=f"{outputs['published']}/{outputs['version']}")}
        case _:
            return set()


def _direct(run: ScenarioRun, position: int) -> set[int]:
    fared = {step.position: step for step in run.steps if step.position < position}
    step = run.definition.steps[position]
    found: set[int] = set()
    for name in _names(run, position):
        head, _, rest = name.partition(".")
        if head == "steps":
            found |= {at for at, one in fared.items() if one.step == rest.partition(".")[0]}
        elif head in _OF_FAILURES:
            counted = standing(run.definition.steps[:position], run.steps[:position]).failed
            found |= {at for at, one in fared.items() if one.step in counted}
        else:
            found |= _setters(run, fared, rest if head == "variables" else head)
    if isinstance(step, BuildStep | EvaluateStep | TrainStep):
        found |= {at for at, one in fared.items() if _sets_project(run, one)}
    used = _used(run, position)
    return found | {at for at, one in fared.items() if used & made_by(one)}


def _names(run: ScenarioRun, position: int) -> Iterator[str]:
    """What the condition and the texts of a step name."""
    step = run.definition.steps[position]
    try:
        yield from parse_expression(step.when).names()
        yield from placeholders(parameters_of(step))
    except Invalid:
        return  # the step says itself what is wrong


def _setters(run: ScenarioRun, fared: dict[int, StepRun], variable: str) -> set[int]:
    """The step that has set a variable last, if one has."""
    name = variable.partition(".")[0]
    setters = [
        at
        for at, one in fared.items()
        if one.started_at is not None and name in _set_by(run.definition.steps[at])
    ]
    return set(sorted(setters)[-1:])


def _set_by(step: object) -> tuple[str, ...]:
    match step:
        case SetVariablesStep():
            return tuple(step.variables)
        case CreateVersionStep(variable=str(name)):
            return (name,)
        case _:
            return ()


def _sets_project(run: ScenarioRun, fared: StepRun) -> bool:
    step = run.definition.steps[fared.position]
    return isinstance(step, SetVariablesStep) and step.scope == "project" and fared.started_at is not None


def _used(run: ScenarioRun, position: int) -> set[Effect]:
    """What a step has worked on, as the step that made it notes it."""
    fared = next((one for one in run.steps if one.position == position), None)
    outputs = fared.outputs if fared else {}
    match run.definition.steps[position]:
        case RunChecksStep() if "evaluation" in outputs:
            return {Effect(kind="evaluation", target=f"{outputs['store']}/{outputs['evaluation']}")}
        case CreateVersionStep():
            models = outputs.get("models", {}).items()
            return {Effect(kind="model_version", target=f"{model}/{version}") for model, version in models}
        case UpdateDeploymentStep() | SetMappingStep():
            versions = {entry["generation"] for entry in outputs.get("mapping", {}).get("entries", ())}
            made = {effect for one in run.steps for effect in made_by(one)}
            published = {one for one in made if one.kind == "published"}
            return {one for one in published if one.target.rpartition("/")[2] in versions}
        case _:
            return set()
