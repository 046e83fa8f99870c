"""Dry runs on a virtual clock: what a scenario would have decided on each day of dated data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec

from scoreline.automation.dry_dates import dated_rows, evaluated_stores, found_dates, notes_on_rows
from scoreline.automation.dry_models import DryModels
from scoreline.automation.dry_steps import DryResult, DrySteps
from scoreline.automation.dry_tables import DryTables
from scoreline.automation.dry_triggers import DryTriggers
from scoreline.automation.dry_workspace import scratch_workspace
from scoreline.automation.runs import named_scenario
from scoreline.automation.step_result import StepResult, failed
from scoreline.core.dry_run import DryDay, DryRun, DryStep, check_days
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_inputs import step_inputs, with_inputs
from scoreline.core.scenario_plan import EndRun, FailStep, RunStep, SkipStep, decide, standing
from scoreline.core.scenario_run import Fire, ScenarioRun, StepRun, StepRunOutcome, names_of
from scoreline.core.scenario_step import Step
from scoreline.errors import Invalid, ScorelineError
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables


def dry_run(
    folder: str | Path,
    scenario: str,
    since: date,
    until: date,
    *,
    dates: Mapping[str, str] | None = None,
    window: int = 1,
    train: bool = False,
    reference_days: int | None = None,
    environment: Mapping[str, str] = os.environ,
    progress: Callable[[DryDay], None] = lambda _day: None,
) -> DryRun:
    """What a scenario would have decided on each day from `since` to `until`. Nothing in the project changes.

    `dates` names the column of dates of each dated dataset; None: those that what it evaluates is made of and
    that have just one. On each day there are no rows of later days. Steps look at the rows of the `window`
    that ends on the day; models learn from all up to it. Evaluations and their checks are done, as are the
    recipes before them; what has effects is said and taken to succeed. `train` trains really; else, after a
    training, evaluations compare with the rows up to that day, or with those of `reference_days`.

    The same arguments give the same result. Raises NotFound, InvalidProject and Invalid.
    """
    path = Path(folder).resolve()
    project = read_project(path)
    definition: Scenario = named_scenario(project, scenario)
    _check(since, until, window, reference_days)
    tables = open_tables(project, path, environment)
    stores = evaluated_stores(project, definition)
    columns = dict(dates) if dates is not None else found_dates(project, tables, stores)
    dated = {name: dated_rows(project, tables, name, column) for name, column in sorted(columns.items())}
    with scratch_workspace(project, path) as scratch:
        days = DryTables(project, tables, scratch, dated)
        days.day = since - timedelta(days=1)
        models = DryModels(days, scratch, window=window, really=train, reference_days=reference_days)
        triggers = DryTriggers(definition, days, scratch)
        steps = DrySteps(path, scratch, days, models, window)
        notes = [*notes_on_rows(dated, since, until, window), *triggers.notes, *models.begin(stores)]
        triggers.begin()
        made = []
        for number in range((until - since).days + 1):
            days.day = since + timedelta(days=number)
            day = _day(scenario, definition, number + 1, days, triggers, steps)
            progress(day)
            made.append(day)
    if not train and any(day.trained for day in made):
        notes.append(
            "a training that was not done is taken to cure the drift that was seen by then; "
            "training really tells"
        )
    return DryRun(
        scenario=scenario,
        since=since.isoformat(),
        until=until.isoformat(),
        window=window,
        dates=dict(sorted(columns.items())),
        trained_really=train,
        notes=tuple(notes),
        days=tuple(made),
    )


def _day(
    id_: str, scenario: Scenario, number: int, days: DryTables, triggers: DryTriggers, steps: DrySteps
) -> DryDay:
    """One day, when it is over: whatever fires on it runs the scenario once."""
    rows = {name: one.count(days.day, days.day) for name, one in days.dated.items()}
    fired = triggers.fired(days.day)
    empty = DryDay(
        day=days.day.isoformat(), rows=rows, fired=(), outcome=None, message="", steps=(), trained=()
    )
    if not fired:
        return empty
    over = datetime.combine(days.day + timedelta(days=1), time(), UTC).isoformat()
    run = ScenarioRun(
        id=number,
        project=days.project.settings.id,
        scenario=id_,
        definition=scenario,
        fire=fired[-1],
        by="dry run",
        started_at=over,
        variables={**days.project.settings.variables, **scenario.variables},
    )
    return _run_over(run, steps, msgspec.structs.replace(empty, fired=tuple(_why(one) for one in fired)))


def _run_over(run: ScenarioRun, steps: DrySteps, day: DryDay) -> DryDay:
    """A day with its run."""
    made: list[DryStep] = []
    trained: list[str] = []
    steps.begin()
    while not isinstance(decision := decide(run), EndRun):
        done, outcome = _decided(run, decision, steps)
        skipped = outcome is StepRunOutcome.SKIPPED
        step = StepRun(
            position=decision.position,
            step=decision.step.id,
            kind=decision.step.kind,
            name=decision.step.name,
            outcome=outcome,
            why="" if isinstance(decision, FailStep) else decision.why,
            message="" if skipped else done.result.message,
            outputs=done.result.outputs,
            started_at=run.started_at if isinstance(decision, RunStep) else None,
            finished_at=run.started_at,
        )
        variables = {**run.variables, **done.result.variables}
        run = msgspec.structs.replace(run, steps=(*run.steps, step), variables=variables)
        trained += [one.model for one in done.trained]
        made.append(
            DryStep(
                step=step.step,
                kind=step.kind,
                outcome=outcome,
                simulated=done.simulated,
                why=step.why,
                message=step.message,
                outputs=step.outputs,
            )
        )
    return msgspec.structs.replace(
        day,
        outcome=decision.outcome.value,
        message=decision.message,
        steps=tuple(made),
        trained=tuple(dict.fromkeys(trained)),
    )


def _decided(
    run: ScenarioRun, decision: RunStep | SkipStep | FailStep, steps: DrySteps
) -> tuple[DryResult, StepRunOutcome]:
    match decision:
        case RunStep():
            done = _performed(run, decision.step, steps)
            return done, StepRunOutcome(done.result.outcome)
        case SkipStep():
            return DryResult(StepResult()), StepRunOutcome.SKIPPED
        case FailStep():
            return DryResult(failed(decision.why)), StepRunOutcome.FAILED


def _performed(run: ScenarioRun, step: Step, steps: DrySteps) -> DryResult:
    now = standing(run.definition.steps, run.steps)
    names = names_of(run, run.steps, now.outcome, bool(now.failed))
    try:
        return steps.perform(with_inputs(step, step_inputs(step, run, names)))
    except ScorelineError as error:
        return DryResult(failed(error.message))
    except Exception as error:
        return DryResult(failed(f"unexpected {type(error).__name__}: {str(error)[:300]}"))


def _why(fire: Fire) -> str:
    return f"{fire.name}: {fire.reason}" if fire.name else fire.reason


def _check(since: date, until: date, window: int, reference_days: int | None) -> None:
    check_days(since, until)
    if window < 1 or (reference_days is not None and reference_days < 1):
        raise Invalid("a window is of one day at least")
