"""The template's scenario on a virtual clock: thirty days, the same each time, and nothing changed by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from tests.acceptance.template import generator
from tests.automation.dated_project import fingerprint

import scoreline

pytestmark = pytest.mark.slow

COMMAND = [
    "scenario",
    "dry-run",
    "retrain_model",
    "--from",
    "2018-05-01",
    "--to",
    "2018-05-30",
    "--window",
    "7",
]


@pytest.fixture
def project(built_tutorial: Path, tmp_path: Path) -> Path:
    shutil.copytree(built_tutorial, tmp_path / "fraud")
    return tmp_path / "fraud"


def test_thirty_days_are_the_same_each_time_and_begin_with_the_drift(project: Path) -> None:
    before = fingerprint(project)

    first, second = (_dry_run(project, seed) for seed in ("1", "2"))

    assert first == second
    assert fingerprint(project) == before
    days = json.loads(first)["days"]
    assert len(days) == 30
    trained = [day["day"] for day in days if day["trained"]]
    assert trained[0] == "2018-05-01"
    # Few rows of the first days make up the first windows; from the second week on nothing is new.
    assert all(day < "2018-05-15" for day in trained)
    checks = next(step for step in days[0]["steps"] if step["step"] == "checks")
    assert checks["outcome"] == "FAILED"
    assert "signature_provided" in checks["message"]


def test_without_drift_nothing_would_be_trained(project: Path) -> None:
    generator().generate(project, "small", 42, drifting=False)

    run = scoreline.dry_run(project, "retrain_model", date(2018, 5, 8), date(2018, 5, 14), window=7)

    assert [day.trained for day in run.days] == [()] * 7
    assert {day.outcome for day in run.days} <= {"SUCCESS", "WARNING"}


def _dry_run(project: Path, seed: str) -> bytes:
    command = [sys.executable, "-m", "scoreline", *COMMAND, "--json", "--project", str(project)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, env=environment, check=True, capture_output=True).stdout
