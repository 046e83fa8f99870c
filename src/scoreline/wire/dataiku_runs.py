"""Runs of scenarios as clients of Dataiku read them (`DSSScenarioRun`, `DSSTriggerFire`).

A run has the same number here; the fire of a trigger is named by the run that it led to.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRun, StepRunOutcome
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_deployer import Future, FuturePayload
from scoreline.wire.dataiku_steps import step_type
from scoreline.wire.dataiku_triggers import trigger_type

CANCELLED = "cancelled"
"""The run of a trigger's fire that led to none, since the scenario was running."""
MANUAL = "manual"
FUTURE = "run-"
"""How the ids of the futures that are runs begin."""


class RunTrigger(Struct, frozen=True, kw_only=True):
    """A trigger."""

    id: str
    type: str
    name: str = ""
    params: dict[str, Any] = {}


class TriggerFire(Struct, frozen=True, kw_only=True, rename="camel"):
    """What started a run."""

    trigger: RunTrigger
    run_id: str
    """Names this fire, not the run."""
    cancelled: bool = False
    timestamp: int = 0
    reason: str = ""
    """In words. Ours."""


class ScenarioOfRun(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which scenario ran."""

    id: str
    name: str
    project_key: str
    marked_as_test: bool = False


class Thrown(Struct, frozen=True, kw_only=True):
    """An error."""

    clazz: str
    title: str
    message: str
    stack: str = ""
    code: str
    fixability: str = "UNKNOWN"


class Result(Struct, frozen=True, kw_only=True):
    """How something ended."""

    outcome: str
    thrown: Thrown | UnsetType = UNSET
    message: str = ""
    """Why. Ours."""


class Run(Struct, frozen=True, kw_only=True, rename="camel"):
    """A run. While it goes on it has no result, and ends at 0."""

    run_id: str
    scenario: ScenarioOfRun
    start: int
    end: int
    trigger: TriggerFire
    result: Result | UnsetType = UNSET
    run_as_user: str
    variables: dict[str, Any]


class RunPayload(FuturePayload, frozen=True, kw_only=True, rename="camel"):
    """What a future that is a run is about."""

    project_key: str
    scenario_id: str
    run_id: str


class StepOfRun(Struct, frozen=True, kw_only=True):
    """Which step ran."""

    id: str
    name: str
    type: str


class ReportItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A build that a step has run."""

    type: str = "JOB_EXECUTED"
    job_id: str
    outcome: str
    thrown: Thrown | UnsetType = UNSET


class StepOfRunRun(Struct, frozen=True, kw_only=True, rename="camel"):
    """A step of a run that has run, or does."""

    run_id: str
    step: StepOfRun
    start: int
    end: int
    result: Result | UnsetType = UNSET
    additional_report_items: tuple[ReportItem, ...] = ()
    reason: str = ""
    """Why it ran. Ours."""


class StepNotRun(Struct, frozen=True, kw_only=True):
    """A step that was passed over. Ours."""

    step: StepOfRun
    reason: str


class RunDetails(Struct, frozen=True, kw_only=True, rename="camel"):
    """A run with its steps."""

    scenario_run: Run
    step_runs: tuple[StepOfRunRun, ...]
    steps_not_run: tuple[StepNotRun, ...]


def run_written(run: ScenarioRun) -> Run:
    """A run of ours."""
    over = run.outcome is not RunOutcome.RUNNING
    return Run(
        run_id=str(run.id),
        scenario=ScenarioOfRun(
            id=run.scenario, name=run.definition.name or run.scenario, project_key=run.project
        ),
        start=milliseconds(run.started_at),
        end=milliseconds(run.finished_at) if run.finished_at else 0,
        trigger=fire_written(run),
        result=Result(outcome=run.outcome.value, message=run.message) if over else UNSET,
        run_as_user=run.by,
        variables=run.variables,
    )


def fire_written(run: ScenarioRun) -> TriggerFire:
    """What started a run of ours."""
    fire = run.fire
    kind = trigger_type(fire.kind)
    return TriggerFire(
        trigger=RunTrigger(id=fire.id or MANUAL, type=kind, name=fire.name, params=fire.parameters),
        run_id=str(run.id),
        timestamp=milliseconds(run.started_at),
        reason=fire.reason,
    )


def cancelled_fire() -> TriggerFire:
    """What is answered to whoever wants to run a scenario that is running."""
    return TriggerFire(trigger=RunTrigger(id=MANUAL, type=MANUAL), run_id=CANCELLED, cancelled=True)


def future_written(run: ScenarioRun, *, peek: bool = False) -> Future:
    """The future that a run is: its result is the run, however that has ended."""
    over = run.outcome is not RunOutcome.RUNNING
    return Future(
        job_id=f"{FUTURE}{run.id}",
        has_result=over,
        alive=not over,
        aborted=run.outcome is RunOutcome.ABORTED,
        owner=run.by,
        start_time=milliseconds(run.started_at),
        payload=RunPayload(
            display_name=f"Scenario {run.definition.name or run.scenario}",
            project_key=run.project,
            scenario_id=run.scenario,
            run_id=str(run.id),
        ),
        result=run_written(run) if over and not peek else UNSET,
    )


def details_written(run: ScenarioRun) -> RunDetails:
    """A run of ours with its steps."""
    ran = [one for one in run.steps if one.outcome is not StepRunOutcome.SKIPPED]
    skipped = [one for one in run.steps if one.outcome is StepRunOutcome.SKIPPED]
    return RunDetails(
        scenario_run=run_written(run),
        step_runs=tuple(_step_written(run, one) for one in ran),
        steps_not_run=tuple(StepNotRun(step=_step(run, one), reason=one.why) for one in skipped),
    )


def _step_written(run: ScenarioRun, step: StepRun) -> StepOfRunRun:
    result = UNSET if not step.outcome.ended else _result(step)
    start = step.started_at or step.finished_at
    return StepOfRunRun(
        run_id=f"{run.id}-{step.position}-{step.attempt}",
        step=_step(run, step),
        start=milliseconds(start) if start else 0,
        end=milliseconds(step.finished_at) if step.finished_at else 0,
        result=result,
        additional_report_items=_items(step),
        reason=step.why,
    )


def _step(run: ScenarioRun, step: StepRun) -> StepOfRun:
    kind = step_type(run.definition.steps[step.position])
    return StepOfRun(id=step.step, name=step.name or step.step, type=kind)


def _result(step: StepRun) -> Result:
    return Result(outcome=step.outcome.value, thrown=_thrown(step), message=step.message)


def _thrown(step: StepRun) -> Thrown | UnsetType:
    if step.outcome is not StepRunOutcome.FAILED:
        return UNSET
    return Thrown(
        clazz="StepFailed",
        title=f"Step {step.name or step.step} has failed",
        message=step.message,
        code="step-failed",
    )


def _items(step: StepRun) -> tuple[ReportItem, ...]:
    """The build of a step that builds: named as the folder of its logs."""
    logs = step.outputs.get("logs")
    if not isinstance(logs, str) or not step.outcome.ended:
        return ()
    return (ReportItem(job_id=logs.rpartition("/")[2], outcome=step.outcome.value, thrown=_thrown(step)),)
