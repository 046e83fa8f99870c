"""The second example, on tables that people measured: from its folder to answers over HTTP."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from tests.acceptance.running import CommandLine

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "real-tables"
SERVICE, DEPLOYMENT = "real_tables", "real_tables-on-local"
OF_PATIENT = ("age", "sex")
LABORATORY = ("flavanoids", "hue", "od280_od315", "proline")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The example prepared, built, published and deployed."""
    folder = tmp_path_factory.mktemp("second")
    copied = folder / "real-tables"
    shutil.copytree(EXAMPLE, copied, ignore=shutil.ignore_patterns("data", ".scoreline"))
    subprocess.run([sys.executable, "prepare.py"], cwd=copied, check=True)
    project = CommandLine(copied, folder / "home")
    project.run("build", "--all")
    project.run("version", "create", SERVICE)
    project.run("up", "--detach")
    try:
        project.run("publish", SERVICE)
        project.run("deploy", SERVICE, "v1")
        yield project
    finally:
        project.run("down")


@pytest.fixture(scope="module")
def node(example: CommandLine) -> Iterator[httpx.Client]:
    """A plain HTTP client of the service."""
    url = example.json("status")["infrastructures"][0]["nodes"][0]["url"]
    with httpx.Client(base_url=f"{url}/public/api/v1/{SERVICE}", timeout=60) as client:
        yield client


def _ask(node: httpx.Client, endpoint: str, record: dict[str, Any]) -> dict[str, Any]:
    answer = node.post(f"/{endpoint}/predict", json={"features": record})
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _sample(example: CommandLine, dataset: str) -> list[dict[str, Any]]:
    return example.json("dataset", "show", dataset, "--rows", "1000")["sample"]


def test_both_models_are_honest_and_better_than_guessing(example: CommandLine) -> None:
    regression = example.json("model", "show", "progression")["version"]
    multiclass = example.json("model", "show", "cultivar")["version"]

    assert 0.3 < regression["metrics"]["r2"] < 0.7
    assert 0.9 < multiclass["metrics"]["accuracy"] <= 1
    assert regression["parity"]["passed"]
    assert multiclass["parity"]["passed"]


def test_every_patient_is_enriched_to_the_value_of_the_scored_dataset(
    example: CommandLine, node: httpx.Client
) -> None:
    for row in _sample(example, "measurements_scored"):
        result = _ask(node, "predict_progression", _without(row, (*OF_PATIENT, "progression", "prediction")))

        assert result["prediction"] == pytest.approx(row["prediction"], abs=1e-9)
        assert {name: result["postEnrichment"][name] for name in OF_PATIENT} == {
            name: row[name] for name in OF_PATIENT
        }


def test_every_wine_is_enriched_to_the_probabilities_of_the_scored_dataset(
    example: CommandLine, node: httpx.Client
) -> None:
    rows = _sample(example, "wines_scored")
    assert len(rows) == 178
    for row in rows:
        record = _without(row, LABORATORY)
        record["bottle"] = record.pop("sample")

        result = _ask(node, "predict_cultivar", record)

        assert result["prediction"] == row["prediction"]
        assert sum(result["probas"].values()) == pytest.approx(1)
        for cultivar, probability in result["probas"].items():
            assert probability == pytest.approx(row[f"proba_{cultivar}"], abs=1e-9)


def test_an_unknown_patient_is_refused_by_name_of_the_lookup(node: httpx.Client) -> None:
    answer = node.post("/predict_progression/predict", json={"features": {"patient_id": 1, "bmi": 30}})

    assert answer.status_code == 400
    assert answer.json()["code"] == "no-lookup-match"
    assert "patients" in answer.json()["message"]


def test_a_record_without_a_required_feature_is_not_scored(node: httpx.Client) -> None:
    result = _ask(node, "predict_progression", {"patient_id": 1001})

    assert result["ignored"] is True
    assert result["ignoreReason"] == "IGNORED_BY_MODEL"


def test_a_patient_is_looked_up_by_number_and_by_text(node: httpx.Client) -> None:
    measured = load_diabetes(as_frame=True, scaled=False).frame.iloc[0]
    for key in (1001, "1001", 1001.0):
        answer = node.post("/patient_lookup/lookup", json={"data": {"patient_id": key}}).json()

        assert answer["results"][0]["data"] == {"age": int(measured["age"]), "sex": int(measured["sex"])}


def test_the_test_queries_with_expected_answers_pass_on_the_node(example: CommandLine) -> None:
    outcomes = example.json("test-queries", "--deployment", DEPLOYMENT)

    assert len(outcomes) == 3
    assert all(outcome["passed"] for outcome in outcomes)


def test_the_tables_are_scikit_learns(example: CommandLine) -> None:
    analyses = pd.read_parquet(example.folder / "data" / "analyses.parquet")
    wines = pd.read_json(example.folder / "data" / "wines.jsonl.gz", lines=True)
    original = load_wine(as_frame=True).frame

    assert analyses["proline"].tolist() == original["proline"].tolist()
    assert wines["alcohol"].tolist() == original["alcohol"].tolist()
    assert json.loads(wines["cultivar"].value_counts().to_json()) == {
        "grignolino": 71,
        "barolo": 59,
        "barbera": 48,
    }
