"""Reporters: telling somebody that a run has begun or ended. What fails here fails no run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scoreline.automation.detached import DetachedStep
from scoreline.automation.run_folder import RunFolder
from scoreline.automation.step_result import Task
from scoreline.core.expression import is_true, parse_expression
from scoreline.core.message_filling import filled
from scoreline.core.scenario import Reporter
from scoreline.core.scenario_run import RunOutcome, ScenarioRun, StepRunOutcome, names_of, to_json
from scoreline.core.scenario_step import MessageStep
from scoreline.errors import ScorelineError

_LONGEST = 60.0
"""Seconds for one message."""


class Reporting:
    """Sends the messages of reporters, each once."""

    def __init__(self, project_folder: Callable[[str], Path], messages: Mapping[str, Any]) -> None:
        self._project_folder = project_folder
        self._messages = messages

    def report(self, run: ScenarioRun, at: str, folder: RunFolder) -> None:
        """Send what the reporters of a scenario are to send at its `start` or `end`."""
        for position, reporter in enumerate(run.definition.reporters):
            if reporter.at != at:
                continue
            name = f"reporter {position + 1}"
            try:
                told = self._send(run, reporter, folder, f"report-{position}")
            except ScorelineError as error:
                told = f"not sent: {error.message}"
            if told:
                folder.say(f"{name}: {told}")

    def _send(self, run: ScenarioRun, reporter: Reporter, folder: RunFolder, name: str) -> str:
        names = report_names(run)
        if not is_true(parse_expression(reporter.when), names):
            return ""
        task = Task(
            project=str(self._project_folder(run.project)),
            work=MessageStep(id="report", message=filled(reporter.message, run, names)),
            by=run.by,
            variables=names,
            messages=dict(self._messages),
        )
        deadline = time.monotonic() + _LONGEST
        detached = DetachedStep(folder.folder / name)
        result = detached.run(task, repeatable=False, may_go_on=lambda: time.monotonic() < deadline)
        if result is None:
            detached.kill()
            return f"not sent within {_LONGEST:g} seconds"
        return result.message


def report_names(run: ScenarioRun) -> dict[str, Any]:
    """What the messages of a run may name: as its steps, and `run` as a whole."""
    ended = run.outcome is not RunOutcome.RUNNING
    outcome = StepRunOutcome(run.outcome.value) if ended else StepRunOutcome.SUCCESS
    names = names_of(run, run.steps, outcome, run.outcome is RunOutcome.FAILED)
    return {**names, "outcome": run.outcome.value, "run": to_json(run)}
