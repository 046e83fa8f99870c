"""Runs of scenarios for tests of what is said of them."""

from __future__ import annotations

from typing import Any

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import Fire, RunOutcome, ScenarioRun, StepRun, StepRunOutcome

STEPS = (
    StepRun(
        position=0,
        step="build",
        kind="build",
        outcome=StepRunOutcome.SUCCESS,
        message="2 built, 1 up to date",
        started_at="2026-03-01T02:00:00.000+00:00",
        finished_at="2026-03-01T02:01:00.000+00:00",
    ),
    StepRun(
        position=1,
        step="drift",
        kind="run_checks",
        name="Check the drift",
        outcome=StepRunOutcome.FAILED,
        message="amount has drifted: p-value 0.001",
        started_at="2026-03-01T02:01:00.000+00:00",
        finished_at="2026-03-01T02:03:12.000+00:00",
    ),
    StepRun(
        position=2,
        step="deploy",
        kind="update_deployment",
        outcome=StepRunOutcome.SKIPPED,
        why="drift has failed",
        finished_at="2026-03-01T02:03:12.000+00:00",
    ),
)


def made_run(**changes: Any) -> ScenarioRun:
    """A run that has failed, but for what is changed."""
    fields: dict[str, Any] = {
        "id": 7,
        "project": "fraud",
        "scenario": "retrain",
        "definition": Scenario(name="Retrain Model"),
        "fire": Fire(kind="time", reason="it was due at 02:00 UTC"),
        "by": "scenario retrain",
        "started_at": "2026-03-01T02:00:00.000+00:00",
        "finished_at": "2026-03-01T02:03:12.000+00:00",
        "outcome": RunOutcome.FAILED,
        "message": "Check the drift: amount has drifted: p-value 0.001",
        "steps": STEPS,
    }
    return ScenarioRun(**(fields | changes))
