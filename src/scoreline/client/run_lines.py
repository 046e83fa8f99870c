"""How a run goes, as lines for whoever watches it: what has changed since it was looked at last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from scoreline.core.scenario_run import StepRunOutcome
from scoreline.wire.control_scenarios import Run, RunOfStep


def lines_between(before: Run | None, after: Run) -> Iterator[str]:
    """One line for each step that has begun, waits or has ended meanwhile."""
    known = {one.step: one for one in before.steps} if before is not None else {}
    for step in after.steps:
        if step != known.get(step.step) and not _taken_over(after, step):
            yield from _lines(after, step, known.get(step.step))


def seconds_of(step: RunOfStep) -> str:
    """How long a step took, or a dash."""
    if step.started_at is None or step.finished_at is None:
        return "-"
    took = datetime.fromisoformat(step.finished_at) - datetime.fromisoformat(step.started_at)
    return f"{max(0.0, took.total_seconds()):.1f}"


def _lines(run: Run, step: RunOfStep, before: RunOfStep | None) -> Iterator[str]:
    name = f"{step.step} (try {step.attempt})" if step.attempt > 1 else step.step
    is_new = before is None or before.attempt != step.attempt
    if is_new and step.started_at is not None:
        yield f"{name} begins: {step.why}"
    match step.outcome:
        case StepRunOutcome.RUNNING:
            return
        case StepRunOutcome.WAITING:
            yield f"{name} WAITING: {step.message}"
            yield f"next: scoreline run approve {run.id} {step.step}, or reject"
        case StepRunOutcome.SKIPPED:
            yield f"{name} SKIPPED: {step.why}"
        case _:
            took = f" after {seconds_of(step)} s" if step.started_at is not None else ""
            yield f"{name} {step.outcome.value}{took}" + (f": {step.message}" if step.message else "")


def _taken_over(run: Run, step: RunOfStep) -> bool:
    return run.resumed_from is not None and (step.finished_at or run.started_at) < run.started_at
