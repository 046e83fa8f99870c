"""Steps give no more than what the project reader knows of, so that a condition is never refused wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.automation.dated_project import write_dated

from scoreline.automation.step_result import Task
from scoreline.automation.studio_steps import perform
from scoreline.core.scenario_outputs import OUTPUTS
from scoreline.core.scenario_step import Step
from scoreline.storage.connections import Connections
from scoreline.storage.project_files import read_project

STEPS: list[dict[str, Any]] = [
    {"kind": "build", "items": ["prepared"]},
    {"kind": "train", "model": "fraud"},
    {"kind": "evaluate", "store": "quality"},
    {"kind": "run_checks", "store": "quality"},
    {"kind": "compute_metrics", "dataset": "payments"},
    {"kind": "activate_version", "model": "fraud", "version": "t1"},
    {"kind": "create_version", "service": "fraud_detection"},
    {"kind": "sql", "query": "SELECT count(*) FROM payments", "inputs": ["payments"]},
    {"kind": "sql", "query": "SELECT 1", "connection": "bank"},
]


@pytest.mark.slow
def test_what_steps_give_is_known_beforehand(tmp_path: Path) -> None:
    folder = write_dated(
        tmp_path / "cards", rows=40, files={"connections/bank.yaml": "url: sqlite:///bank.db\n"}
    )
    with Connections(read_project(folder).connections, folder, {}).open("bank"):
        pass

    for place, plain in enumerate(STEPS):
        step: Any = msgspec.convert({"id": "a", **plain}, Step)
        scratch = tmp_path / str(place)
        scratch.mkdir()
        result = perform(Task(project=str(folder), work=step, by="ann"), scratch, lambda _line: None)
        assert result.outcome != "FAILED", (plain, result)
        assert result.outputs
        assert set(result.outputs) <= OUTPUTS[step.kind], plain
