"""Runs of scenarios: what started one, how each step fared and why, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Literal

import msgspec
from msgspec import Struct

from scoreline.core.names import shortened
from scoreline.core.scenario import Scenario
from scoreline.errors import Invalid


class RunOutcome(Enum):
    """How a run ended."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    """Somebody ended it."""


class StepRunOutcome(Enum):
    """How a step of a run ended."""

    RUNNING = "RUNNING"
    WAITING = "WAITING"
    """For an approval, or for its next try."""
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    SKIPPED = "SKIPPED"
    """Its condition did not hold."""

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self not in (StepRunOutcome.RUNNING, StepRunOutcome.WAITING)


TriggerKind = Literal[
    "manual", "time", "dataset_changed", "sql_changed", "after_scenario", "webhook", "run_scenario", "resume"
]


class Fire(Struct, frozen=True, kw_only=True):
    """What started a run."""

    kind: TriggerKind
    id: str = ""
    """Of the trigger: stays while its definition does."""
    name: str = ""
    due_at: str | None = None
    """When a time trigger was due, ISO 8601, UTC."""
    reason: str = ""
    """In words: what was seen."""
    parameters: dict[str, Any] = {}
    """What the caller or the webhook gave."""
    run: int | None = None
    """The run that led to it: of the scenario that was followed, that ran this one, or that is resumed."""


class Effect(Struct, frozen=True, kw_only=True):
    """Something that a step brought about, by which it is found again."""

    kind: Literal["model_version", "active_version", "evaluation", "version", "published", "update", "run"]
    target: str
    """`model/t2`, `store/evaluation`, `service/v3`, the number of an update or of a run."""


class StepRun(Struct, frozen=True, kw_only=True):
    """One step of a run."""

    position: int
    """In the scenario, from 0."""
    step: str
    """Its id."""
    kind: str
    name: str = ""
    outcome: StepRunOutcome
    attempt: int = 1
    """Which try this is, from 1."""
    why: str = ""
    """Why it ran, or why it did not."""
    message: str = ""
    """What went wrong, or what it found, in one sentence."""
    inputs: dict[str, Any] = {}
    """What it was to do, with `${…}` replaced."""
    outputs: dict[str, Any] = {}
    effects: tuple[Effect, ...] = ()
    started_at: str | None = None
    """ISO 8601, UTC; None: it did not run."""
    finished_at: str | None = None


class ScenarioRun(Struct, frozen=True, kw_only=True):
    """One execution of a scenario. Its definition is kept as it was when it began."""

    id: int
    project: str
    """Key of the project in the control plane."""
    scenario: str
    definition: Scenario
    fire: Fire
    by: str
    """Who ran it; of a trigger, the scenario itself."""
    started_at: str
    finished_at: str | None = None
    outcome: RunOutcome = RunOutcome.RUNNING
    message: str = ""
    """Why it ended so."""
    variables: dict[str, Any] = {}
    steps: tuple[StepRun, ...] = ()
    """The last try of each step that was reached, in order."""
    resumed_from: int | None = None
    abort_by: str | None = None
    """Who asked for its end."""

    @property
    def cause(self) -> str:
        """By what name its deeds are noted."""
        return f"run:{self.id}"


def step_run(run: ScenarioRun, step: str) -> StepRun | None:
    """The last try of a step, or None when it was not reached."""
    return next((one for one in run.steps if one.step == step), None)


def names_of(
    run: ScenarioRun, steps: Iterable[StepRun], outcome: StepRunOutcome, failed: bool
) -> dict[str, Any]:
    """What conditions and texts of a run may name, as plain JSON."""
    return {
        **run.variables,
        "always": True,
        "never": False,
        "no_failure": not failed,
        "some_failure": failed,
        "outcome": outcome.value,
        "variables": run.variables,
        "steps": {
            one.step: {
                "outcome": one.outcome.value,
                "ran": one.started_at is not None,
                "message": one.message,
                "output": one.outputs,
            }
            for one in steps
        },
        "trigger": {
            "kind": run.fire.kind,
            "name": run.fire.name,
            "due_at": run.fire.due_at,
            "reason": run.fire.reason,
            "parameters": run.fire.parameters,
        },
        "run": {"id": run.id, "by": run.by, "started_at": run.started_at, "message": run.message},
        "scenario": {"id": run.scenario, "name": run.definition.name or run.scenario},
        "project": run.project,
    }


RESERVED = frozenset(
    ("always", "never", "no_failure", "some_failure", "outcome", "variables", "steps", "trigger", "run")
) | {"scenario", "project"}
"""Names that no variable can have."""


def check_variables(names: Iterable[str]) -> None:
    """Raise Invalid for a name that no variable of a run can have."""
    for name in names:
        if not name.isidentifier() or name.startswith("__") or len(name) > 128:
            raise Invalid(f"{shortened(name)} cannot be a variable; use letters, digits and _")
        if name in RESERVED:
            raise Invalid(f"{name!r} has a meaning of its own in scenarios; choose another name")


def to_json(run: ScenarioRun) -> dict[str, Any]:
    """A run as plain JSON, for whoever is told of it."""
    plain: dict[str, Any] = msgspec.to_builtins(run)
    plain.pop("definition")
    return plain
