"""Whatever is sent to the control API, it answers as its description says: no status and no body besides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.deployer.packages import make_package
from tests.deployer.processes import ControlPlane

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_step import SetVariablesStep
from scoreline.studio.projects import create_project

ROOT = Path(__file__).parents[2]
NOTE = SetVariablesStep(id="note", variables={"noted": True})


@pytest.mark.slow
def test_no_answer_is_other_than_described(tmp_path: Path, repetitions: Callable[..., int]) -> None:
    control_plane = ControlPlane(tmp_path / "home")
    control_plane.start()
    try:
        control_plane.wait_for_node()
        with control_plane.client() as client:
            client.publish(make_package(tmp_path))
            client.deploy("merchants", "v1")
            create_project(tmp_path / "cards")
            client.add_project(tmp_path / "cards")
            client.create_scenario("cards", "retrain", Scenario(steps=(NOTE,)))
            client.run_scenario("cards", "retrain")
        server = control_plane.server
        with httpx.Client(headers={"Authorization": f"Bearer {server.key}"}, timeout=60) as api:
            assert api.post(f"{server.url}/api/v1/groups", json={"name": "team"}).status_code == 201

        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json"),
                *("--header", f"Authorization: Bearer {server.key}"),
                *("--checks", "status_code_conformance,content_type_conformance,response_schema_conformance"),
                *("--exclude-path", "/api/v1/events"),  # it does not end
                *("--exclude-path", "/api/v1/runs/{run}/events"),
                *("--exclude-path", "/api/v1/me/password"),
                *("--exclude-path", "/api/v1/session"),  # guesses at passwords have to wait
                *("--phases", "examples,coverage,fuzzing", "--request-timeout", "30"),
                *("--max-examples", str(repetitions(quick=5, whole=200))),  # of each operation
                *("--max-time", str(repetitions(quick=25, whole=3_000))),  # seconds
                *("--generation-database", "none", "--suppress-health-check", "all", "--no-color"),
                *("--continue-on-failure", "--seed", "1"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.rest.schemathesis_hooks",
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
            capture_output=True,
            text=True,
            timeout=3_600,
        )

        assert run.returncode == 0, run.stdout[-8000:]
        passed = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
        assert passed, run.stdout[-2000:]
        assert int(passed[2]) > 100
        assert "Traceback" not in control_plane.log
    finally:
        control_plane.clear()
