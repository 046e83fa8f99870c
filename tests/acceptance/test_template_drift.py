"""The template's new transactions drift, and the checks of its evaluation store say so: by exit codes too."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.running import CommandLine
from tests.acceptance.template import generator

pytestmark = pytest.mark.slow

STORE = "evaluation_of_predict_authorized_flag"
OK, ERROR, WARNING, EMPTY = 0, 1, 8, 9


@pytest.fixture(scope="module")
def project(built_tutorial: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder = tmp_path_factory.mktemp("drift")
    shutil.copytree(built_tutorial, folder / "fraud")
    return CommandLine(folder / "fraud", folder / "home")


def results(project: CommandLine, exit_code: int) -> dict[str, dict[str, Any]]:
    checked = project.json("evaluation", "run-checks", STORE, exit_code=exit_code)
    assert checked["store"] == STORE
    return {result["check"]: result for result in checked["results"]}


def test_the_drift_check_fails_and_names_the_columns(project: CommandLine) -> None:
    found = results(project, ERROR)

    drift = found["Data drift"]
    assert (drift["outcome"], drift["metric"]) == ("ERROR", "data_drift")
    assert drift["value"] > 0.6
    assert "signature_provided" in drift["message"]
    assert set(found["Drift of features"]["columns"]) == {
        "purchase_amount",
        "signature_provided",
        "merchant_subsector_description",
    }
    assert found["Missing values"]["outcome"] == "OK"


def test_an_evaluation_is_shown_with_metrics_drift_and_where_it_is_from(project: CommandLine) -> None:
    shown = project.json("evaluation", "show", STORE)["evaluation"]

    assert (shown["model"], shown["model_version"]) == ("predict_authorized_flag", "t1")
    assert (shown["rows"], shown["scored"]) == (4_000, 4_000)
    assert shown["measured"] == 2_666
    assert 0.75 < shown["metrics"]["auc"] < 0.95
    assert shown["reference"]["kind"] == "test_rows"
    assert shown["drift"]["performance"]["log_loss"]["change"] > 0
    assert shown["performance"]["roc"]["x"]
    text = project.run("evaluation", "show", STORE)
    assert "purchase_amount" in text
    assert "Data drift" in text


def test_without_drift_every_check_is_ok(project: CommandLine) -> None:
    generator().generate(project.folder, "small", 42, drifting=False)
    try:
        project.run("build", STORE)

        assert {found["outcome"] for found in results(project, OK).values()} == {"OK"}
    finally:
        generator().generate(project.folder, "small", 42)
    project.run("build", STORE)
    listed = project.json("evaluation", "list", STORE)
    assert [one["outcome"] for one in listed] == ["ERROR", "OK", "ERROR"]
    assert listed[0]["numbers"] == listed[2]["numbers"]


@pytest.mark.soak
def test_the_full_size_drifts_too(tmp_path: Path) -> None:
    outside = CommandLine(tmp_path, tmp_path / "home")
    outside.run("init", "fraud", "--template", "real-time-apis", "--size", "full")
    project = replace(outside, folder=tmp_path / "fraud")
    project.run("build", STORE, within=3_000)

    found = results(project, ERROR)

    assert found["Data drift"]["outcome"] == "ERROR"
    evaluation = json.loads(project.run("evaluation", "show", STORE, "--json"))["evaluation"]
    assert evaluation["rows"] == 40_000
    assert evaluation["drift"]["classifier"]["rows"] == 10_000
