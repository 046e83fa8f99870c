"""Steps that work on the project's folder. They run in a process of their own (`step_process`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from scoreline.automation.data_steps import compute_metrics, look, run_python, run_sql
from scoreline.automation.step_result import StepResult, Task, failed
from scoreline.core.evaluation_check import CheckRun, Outcome
from scoreline.core.names import did_you_mean
from scoreline.core.recipe import TrainRecipe
from scoreline.core.scenario_run import Effect
from scoreline.core.scenario_step import (
    ActivateVersionStep,
    BuildStep,
    ComputeMetricsStep,
    CreateVersionStep,
    EvaluateStep,
    MessageStep,
    PythonStep,
    RunChecksStep,
    SetVariablesStep,
    SqlStep,
    TrainStep,
)
from scoreline.core.scenario_trigger import DatasetTrigger, SqlTrigger
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.build import build
from scoreline.studio.build_events import BuildEvent, RecipeOutcome
from scoreline.studio.evaluation_stores import check_store
from scoreline.studio.packaging import create_version
from scoreline.studio.versions import version_ids

Say = Callable[[str], None]


def perform(task: Task, folder: Path, say: Say) -> StepResult:
    """Do what a task says; `folder` is the step's own. Raises what the studio raises."""
    project = Path(task.project)
    match task.work:
        case BuildStep() as step:
            return _build(project, step.items, task, say, force=step.force)
        case TrainStep() as step:
            return _train(project, step, task, say)
        case EvaluateStep() as step:
            return _evaluate(project, step, task, say)
        case RunChecksStep() as step:
            return checked(check_store(project, step.store, step.evaluation), say)
        case ActivateVersionStep() as step:
            return _activate(project, step, say)
        case CreateVersionStep() as step:
            return _create_version(project, step, task, say)
        case SetVariablesStep() as step:
            return _set_project_variables(project, step, say)
        case ComputeMetricsStep() as step:
            return compute_metrics(project, step, say)
        case SqlStep() as step:
            return run_sql(project, step, folder, say)
        case PythonStep() as step:
            return run_python(project, step, task.variables, say)
        case MessageStep() as step:
            from scoreline.automation.message_step import send_message

            return send_message(step.message, task.messages, say)
        case DatasetTrigger() | SqlTrigger() as trigger:
            return look(project, trigger, folder)
        case _:
            raise Invalid(f"a step of kind {task.work.kind!r} does not run in a process of its own")


def _build(folder: Path, items: Sequence[str], task: Task, say: Say, *, force: bool = False) -> StepResult:
    found = build(
        folder,
        items,
        force=force,
        by=task.by,
        say=say,
        progress=lambda event: _tell(event, say),
        environment=os.environ,
    )
    outcomes = {one.recipe: one.status for one in found.outcomes}
    outputs: dict[str, Any] = {
        "recipes": outcomes,
        "rows": {name: rows for one in found.outcomes for name, rows in one.rows.items()},
        "logs": found.logs,
    }
    wrong = [one for one in found.outcomes if one.status == "failed"]
    if not found.ok:
        told = "; ".join(f"recipe {one.recipe!r}: {one.error}" for one in wrong[:3])
        return failed(told or "something that it needs has no output", outputs=outputs)
    built = sum(one.status == "built" for one in found.outcomes)
    return StepResult(message=f"{built} built, {len(found.outcomes) - built} up to date", outputs=outputs)


def _tell(event: BuildEvent, say: Say) -> None:
    if event.kind == "started":
        say(f"{event.recipe}: {event.reason}")
    elif event.outcome is not None:
        say(_told(event.outcome))


def _told(outcome: RecipeOutcome) -> str:
    if outcome.status == "failed":
        return f"{outcome.recipe} failed: {outcome.error}"
    if outcome.status == "skipped":
        return f"{outcome.recipe} skipped: {outcome.reason}"
    if outcome.status == "up_to_date":
        return f"{outcome.recipe} is up to date"
    rows = ", ".join(f"{name} {count} rows" for name, count in outcome.rows.items())
    return f"{outcome.recipe} built in {outcome.seconds:.1f} s" + (f": {rows}" if rows else "")


def _train(folder: Path, step: TrainStep, task: Task, say: Say) -> StepResult:
    project = read_project(folder)
    _named(step.model, project.models, "saved model")
    trains = [
        name
        for name, recipe in project.recipes.items()
        if isinstance(recipe, TrainRecipe) and recipe.model == step.model
    ]
    if not trains:
        raise Invalid(f"nothing trains the model {step.model!r}: it has no train recipe", code="not-made")
    built = _build(folder, (step.model,), task, say, force=True)
    if built.outcome != "SUCCESS":
        return built
    version = ModelStore(Workspace(folder).model(step.model)).active_version()
    measured = f"{version.metric} {version.metrics[version.metric]:.4g}"
    return StepResult(
        message=f"version {version.id} of {step.model} is active: {measured}",
        outputs={
            **built.outputs,
            "model": step.model,
            "version": version.id,
            "digest": version.digest,
            "metrics": version.metrics,
        },
        effects=(
            Effect(kind="model_version", target=f"{step.model}/{version.id}"),
            Effect(kind="active_version", target=f"{step.model}/{version.id}"),
        ),
    )


def _evaluate(folder: Path, step: EvaluateStep, task: Task, say: Say) -> StepResult:
    project = read_project(folder)
    _named(step.store, project.evaluation_stores, "evaluation store")
    built = _build(folder, (step.store,), task, say, force=True)
    if built.outcome != "SUCCESS":
        return built
    found = Evaluations(Workspace(folder).evaluations(step.store)).read()
    return StepResult(
        message=f"evaluation {found.id} of {found.rows} rows",
        outputs={
            **built.outputs,
            "store": step.store,
            "evaluation": found.id,
            "metrics": found.metrics,
        },
        effects=(Effect(kind="evaluation", target=f"{step.store}/{found.id}"),),
    )


def checked(found: CheckRun, say: Say) -> StepResult:
    """How a step fares that has held the checks of a store against an evaluation."""
    for result in found.results:
        say(f"{result.outcome.value} {result.check}: {result.message}")
    if not found.results:
        return StepResult(outcome="WARNING", message=f"evaluation store {found.store!r} has no checks")
    wrong = [result for result in found.results if result.outcome is found.outcome]
    told = "; ".join(f"{result.check}: {result.message}" for result in wrong[:3])
    told += f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    outputs = {
        "store": found.store,
        "evaluation": found.evaluation,
        "outcome": found.outcome.value,
        "checks": {result.check: result.outcome.value for result in found.results},
        "values": {result.check: result.value for result in found.results},
        "columns": sorted({name for result in found.results for name in result.columns}),
        "results": msgspec.to_builtins(found.results),
    }
    match found.outcome:
        case Outcome.ERROR:
            return failed(told, outputs=outputs)
        case Outcome.OK:
            return StepResult(message=f"all {len(found.results)} checks are OK", outputs=outputs)
        case _:
            return StepResult(outcome="WARNING", message=told, outputs=outputs)


def _activate(folder: Path, step: ActivateVersionStep, say: Say) -> StepResult:
    project = read_project(folder)
    _named(step.model, project.models, "saved model")
    store = ModelStore(Workspace(folder).model(step.model))
    before = store.active()
    version = step.version if step.version != "previous" else _previous(store, step.model, before)
    store.activate(version)
    say(f"{version} is active; before it was {before}")
    return StepResult(
        message=f"version {version} of {step.model} is active",
        outputs={"model": step.model, "version": version, "before": before},
        effects=(Effect(kind="active_version", target=f"{step.model}/{version}"),),
    )


def _previous(store: ModelStore, model: str, active: str | None) -> str:
    ids = store.ids()
    older = ids[ids.index(active) + 1 :] if active in ids else ()
    if not older:
        raise Conflict(f"model {model!r} has no version before {active!r}", code="nothing-before")
    return older[0]


def _create_version(folder: Path, step: CreateVersionStep, task: Task, say: Say) -> StepResult:
    made = None
    while made is None:
        taken = (*version_ids(Workspace(folder), step.service), *task.taken)
        version = chosen_version(step, taken)
        try:
            made = create_version(
                folder,
                step.service,
                version,
                release_notes=step.release_notes,
                by=task.by,
                progress=say,
                environment=os.environ,
            )
        except Conflict as error:
            if error.code != "version-exists" or not (step.unique or step.version is None):
                raise  # else somebody else has just made one of that id
    models = {name: model.version for name, model in made.models.items()}
    say(f"{step.service} {made.version}, digest {made.digest[:12]}")
    return StepResult(
        message=f"version {made.version} of {step.service} is made",
        outputs={
            "service": step.service,
            "version": made.version,
            "digest": made.digest,
            "models": models,
            "archive": str(Workspace(folder).versions(step.service) / f"{made.version}.zip"),
        },
        effects=(Effect(kind="version", target=f"{step.service}/{made.version}"),),
        variables={step.variable: made.version} if step.variable else {},
    )


def chosen_version(step: CreateVersionStep, versions: Sequence[str]) -> str | None:
    """The id of a new version: the one wanted, with a number where it is taken and may not be doubled."""
    if step.version is None or not step.unique:
        return step.version
    taken = {name.casefold() for name in versions}
    if step.version.casefold() not in taken:
        return step.version
    number = 1
    while f"{step.version}{number}".casefold() in taken:
        number += 1
    return f"{step.version}{number}"


def _set_project_variables(folder: Path, step: SetVariablesStep, say: Say) -> StepResult:
    files = ProjectFiles(folder)
    since = files.revision(None)
    settings = read_project(folder).settings
    after = {**settings.variables, **step.variables}
    if after != settings.variables:
        files.save(None, "", msgspec.structs.replace(settings, variables=after), since=since)
    for name, value in step.variables.items():
        say(f"{name} = {value}")
    return StepResult(
        message=f"{', '.join(step.variables)} set in the project",
        outputs=dict(step.variables),
        variables=dict(step.variables),
    )


def _named(name: str, known: Mapping[str, object], noun: str) -> None:
    if name not in known:
        raise NotFound(f"the project has no {noun} {name[:40]!r}; {did_you_mean(name, known)}")
