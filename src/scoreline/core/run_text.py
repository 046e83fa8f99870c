"""How a run fares, in words: what messages say that have no text of their own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRun, StepRunOutcome

_MOST_STEPS = 30
_LONGEST = 500
"""Characters of what one step says."""
_ENDINGS = {
    RunOutcome.SUCCESS: "has succeeded",
    RunOutcome.WARNING: "has ended with a warning",
    RunOutcome.FAILED: "has failed",
    RunOutcome.ABORTED: "was ended before it was done",
}


class RunText(Struct, frozen=True):
    """A title of one line, and a text of several."""

    title: str
    text: str


def run_text(run: ScenarioRun) -> RunText:
    """How a run fares: that it has begun, how far it is, or how it ended and why."""
    name = run.definition.name or run.scenario
    title = f"{name} {_fares(run)}"
    first = f"Scenario {name} of project {run.project} {_fares(run)}"
    if run.message:
        first += f": {_cut(run.message)}"
    paragraphs = (first, _cause(run), _failures(run), _steps(run))
    return RunText(title, "\n\n".join(one for one in paragraphs if one))


def _fares(run: ScenarioRun) -> str:
    if run.outcome is RunOutcome.RUNNING:
        return "goes on" if run.steps else "has begun"
    return _ENDINGS[run.outcome]


def _cause(run: ScenarioRun) -> str:
    lines = [f"Why it ran: {_cut(run.fire.reason) or run.fire.kind}"]
    lasted = f", and took {_duration(run.started_at, run.finished_at)}" if run.finished_at else ""
    lines.append(f"Run {run.id}, by {run.by}: began at {_clock(run.started_at)}{lasted}")
    return "\n".join(lines)


def _failures(run: ScenarioRun) -> str:
    failed = [step for step in run.steps if step.outcome is StepRunOutcome.FAILED]
    lines = list(_listed(failed, with_outcome=False))
    return "\n".join(["What failed:", *lines]) if lines else ""


def _steps(run: ScenarioRun) -> str:
    lines = list(_listed(list(run.steps), with_outcome=True))
    return "\n".join(["Steps:", *lines]) if lines else ""


def _listed(steps: list[StepRun], *, with_outcome: bool) -> Iterator[str]:
    for step in steps[:_MOST_STEPS]:
        told = step.why if step.outcome is StepRunOutcome.SKIPPED else step.message
        said = ([step.outcome.value] if with_outcome else []) + ([_cut(told)] if told else [])
        yield f"- {step.name or step.step}" + "".join(f": {one}" for one in said)
    if len(steps) > _MOST_STEPS:
        yield f"- … and {len(steps) - _MOST_STEPS} more"


def _clock(time: str) -> str:
    return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M:%S} UTC"


def _duration(since: str, until: str) -> str:
    seconds = max(0.0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST else one_line[: _LONGEST - 1] + "…"
