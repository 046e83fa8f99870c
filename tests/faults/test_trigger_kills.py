"""Whatever kills a control plane, each due time of a trigger has its run, and none has two."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.automation.trigger_process import now
from tests.deployer.processes import wait_until

from scoreline.core.scenario_run import RunOutcome, ScenarioRun
from scoreline.deployer.home import Home
from scoreline.storage.catalog import Catalog

TEN_MINUTES = timedelta(minutes=10)
SCENARIOS = {
    "often": """
triggers: [{kind: time, cron: '*/10 * * * *', zone: Europe/Paris}]
steps:
  - {id: a, kind: set_variables, variables: {n: 1}}
  - {id: b, kind: set_variables, variables: {n: 2}}
""",
    "after": """
triggers: [{kind: after_scenario, scenario: often}]
steps: [{id: a, kind: set_variables, variables: {n: 1}}]
""",
}


@pytest.mark.slow
def test_each_due_time_and_each_ended_run_fires_once_whenever_the_process_is_killed(
    tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(5)
    for name, text in SCENARIOS.items():
        path = tmp_path / "cards" / "scenarios" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "cards" / "project.yaml").write_text("id: cards\n")
    begun = time.time()

    for _ in range(repetitions(quick=5, whole=60)):
        with _triggers(tmp_path, begun):
            time.sleep(draw.uniform(0, 1.5))
    catalog = Catalog.open(Home(tmp_path / "home").catalog)
    target = now(begun)
    with _triggers(tmp_path, begun):
        wait_until(lambda: _due(_runs(catalog, "often"))[-1:] >= [target], "what was due has run", 300)
        wait_until(lambda: _is_quiet(catalog), "every run that has ended is followed", 60)

    often, after = _runs(catalog, "often"), _runs(catalog, "after")
    due = _due(often)
    assert len(due) >= 5
    assert due == [due[0] + TEN_MINUTES * place for place in range(len(due))]
    ended = [run.id for run in often if run.outcome is RunOutcome.SUCCESS]
    assert [run.fire.run for run in after] == ended[: len(after)]
    assert len(ended) - len(after) <= 2
    assert all([step.step for step in run.steps] == ["a", "b"] for run in often if run.finished_at)
    catalog.close()


@contextlib.contextmanager
def _triggers(folder: Path, begun: float) -> Iterator[None]:
    """A process that looks at the triggers, up, and killed at the end of the block."""
    command = [sys.executable, "-m", "tests.automation.trigger_process", str(folder), repr(begun)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            yield
        finally:
            process.kill()


def _runs(catalog: Catalog, scenario: str) -> list[ScenarioRun]:
    return catalog.runs.newest(limit=100_000, project="cards", scenario=scenario)[::-1]


def _due(runs: list[ScenarioRun]) -> list[datetime]:
    return [datetime.fromisoformat(str(run.fire.due_at)) for run in runs]


def _is_quiet(catalog: Catalog) -> bool:
    often = [run for run in _runs(catalog, "often") if run.finished_at]
    return len(often) - len(_runs(catalog, "after")) <= 1
