"""Messages of the control API about scenarios and their runs."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_finding import ScenarioFinding
from scoreline.core.scenario_run import Effect, Fire, RunOutcome, ScenarioRun, StepRunOutcome


class NewScenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario to be made."""

    id: str
    definition: Scenario = Scenario()


class NewDuplicate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A copy of a scenario to be made."""

    id: str


class ListedTrigger(Struct, frozen=True, kw_only=True):
    """What starts a scenario."""

    kind: str
    name: str
    enabled: bool
    what: str
    """In words: when, or of what."""
    next_due: str | None
    """When it starts the scenario next, ISO 8601, UTC; None: it does not, or not by time."""


class ListedRun(Struct, frozen=True, kw_only=True):
    """A run of a scenario, in short."""

    id: int
    by: str
    reason: str
    """What started it."""
    started_at: str
    finished_at: str | None
    outcome: RunOutcome
    message: str


class ListedScenario(Struct, frozen=True, kw_only=True):
    """A scenario of a project, and how it fares."""

    id: str
    project: str
    name: str
    description: str
    enabled: bool
    steps: int
    triggers: tuple[ListedTrigger, ...]
    next_due: str | None
    """When a time trigger starts it next."""
    running: ListedRun | None
    """The run that goes on."""
    last_run: ListedRun | None
    """The last one that has ended."""
    problem: str
    """Why its file cannot be used; empty when it can."""


class WholeScenario(Struct, frozen=True, kw_only=True):
    """A scenario with its definition."""

    scenario: ListedScenario
    definition: Scenario | None
    """None: its file is not sound."""
    revision: str
    """Of the definition: the digest of its file."""


class DeletedScenario(Struct, frozen=True, kw_only=True):
    """A scenario that is there no more."""

    id: str


class ScenarioFindings(Struct, frozen=True, kw_only=True):
    """What is wrong in a scenario, or will be when it runs."""

    findings: tuple[ScenarioFinding, ...]
    """Empty: nothing was found."""


class NewRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run a scenario."""

    parameters: dict[str, Any] = {}
    """Variables of this run."""


class NewResume(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run a scenario again as it was, from a step on."""

    step: str


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says of a step that waits for an approval."""

    approved: bool
    comment: str = ""


class RunOfStep(Struct, frozen=True, kw_only=True):
    """One step of a run: what it did, why, and how it ended."""

    step: str
    kind: str
    name: str
    position: int
    outcome: StepRunOutcome
    attempt: int
    why: str
    """Why it ran, or why it did not."""
    message: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    effects: tuple[Effect, ...]
    started_at: str | None
    finished_at: str | None


class Run(Struct, frozen=True, kw_only=True):
    """One execution of a scenario."""

    id: int
    project: str
    scenario: str
    name: str
    """Of the scenario."""
    fire: Fire
    by: str
    started_at: str
    finished_at: str | None
    outcome: RunOutcome
    message: str
    """Why it ended so."""
    variables: dict[str, Any]
    steps: tuple[RunOfStep, ...]
    """Those that were reached, in order."""
    steps_in_all: int
    ahead: tuple[str, ...]
    """Ids of the steps that were not reached."""
    resumed_from: int | None
    abort_by: str | None


class RunLog(Struct, frozen=True, kw_only=True):
    """New lines of a log of a run that goes on."""

    step: str
    """Id of the step; empty: the log of the run itself."""
    attempt: int
    lines: tuple[str, ...]


def listed_run(run: ScenarioRun) -> ListedRun:
    """A run in short."""
    return ListedRun(
        id=run.id,
        by=run.by,
        reason=run.fire.reason,
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=run.outcome,
        message=run.message,
    )


def run_message(run: ScenarioRun) -> Run:
    """A run as the control API says it."""
    return Run(
        id=run.id,
        project=run.project,
        scenario=run.scenario,
        name=run.definition.name or run.scenario,
        fire=run.fire,
        by=run.by,
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=run.outcome,
        message=run.message,
        variables=run.variables,
        steps=tuple(
            RunOfStep(
                step=one.step,
                kind=one.kind,
                name=one.name,
                position=one.position,
                outcome=one.outcome,
                attempt=one.attempt,
                why=one.why,
                message=one.message,
                inputs=one.inputs,
                outputs=one.outputs,
                effects=one.effects,
                started_at=one.started_at,
                finished_at=one.finished_at,
            )
            for one in run.steps
        ),
        steps_in_all=len(run.definition.steps),
        ahead=tuple(step.id for step in run.definition.steps[len(run.steps) :]),
        resumed_from=run.resumed_from,
        abort_by=run.abort_by,
    )
