"""The tutorial from the first command to the enriched answer, against real processes.

One control plane and one node serve the whole module; the steps build on each other, so they stand in one
fixture each and the tests only look.
"""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import dataikuapi
import pytest
from dataikuapi.utils import DataikuException
from tests.acceptance.running import CommandLine

import scoreline

pytestmark = pytest.mark.slow

SERVICE, ENDPOINT, DEPLOYMENT = "fraud_detection", "predict_fraud", "fraud_detection-on-local"
CARD, MERCHANT = "C_ID_23626074d5", "M_ID_000572bc62"
SIXTH = {
    "card_id": CARD,
    "purchase_amount": 3704.17,
    "signature_provided": 0,
    "merchant_subsector_description": "luxury goods",
    "merchant_state": "Wyoming",
}
FOUR = ("signature_provided", "merchant_subsector_description", "purchase_amount", "merchant_state")
SIX = (*FOUR, "card_fico_score", "card_age")


@pytest.fixture(scope="module")
def project(built_tutorial: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Row 1: the project from its template, built."""
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(built_tutorial, folder / "fraud")
    return CommandLine(folder / "fraud", folder / "home")


@pytest.fixture(scope="module")
def v1(project: CommandLine) -> Iterator[CommandLine]:
    """Rows 3 to 6: five test queries, version v1 published and deployed."""
    project.run("test-queries", "add", SERVICE, ENDPOINT, "--from", "test_scored", "-n", "5")
    project.run("version", "create", SERVICE, "--notes", "plain")
    project.run("up", "--detach")
    try:
        project.run("publish", SERVICE, "v1")
        project.run("deploy", SERVICE, "v1")
        yield project
    finally:
        project.run("down")


@pytest.fixture(scope="module")
def answers_of_v1(v1: CommandLine) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The first rows of test_scored with what v1 says of their six features."""
    rows = _rows(v1, "test_scored", 5)
    return [(row, _query(v1, {name: row[name] for name in SIX})["result"]) for row in rows]


@pytest.fixture(scope="module")
def v2(v1: CommandLine, answers_of_v1: object) -> CommandLine:
    """Rows 10 to 13: enrichment, the sixth query, the lookup endpoint; the deployment updated to it."""
    template = files("scoreline").joinpath("templates", "real_time_apis_v2_service.yaml")
    (v1.folder / "services" / f"{SERVICE}.yaml").write_text(template.read_text())
    v1.run("test-queries", "add", SERVICE, ENDPOINT, "--from", "test_scored", "-n", "5")
    v1.run("version", "create", SERVICE, "--notes", "enriched")
    v1.run("publish", SERVICE)
    v1.run("update", DEPLOYMENT, "v2")
    return v1


@pytest.fixture(scope="module")
def dataiku(v2: CommandLine) -> dataikuapi.APINodeClient:
    """The public client of another product, unmodified."""
    return dataikuapi.APINodeClient(_node_url(v2), SERVICE)


def _rows(project: CommandLine, dataset: str, count: int) -> list[dict[str, Any]]:
    sample = project.json("dataset", "show", dataset, "--rows", str(count))["sample"]
    assert len(sample) == count
    return sample


def _query(project: CommandLine, record: dict[str, Any], endpoint: str = ENDPOINT) -> dict[str, Any]:
    return json.loads(project.run("query", DEPLOYMENT, endpoint, json.dumps(record)))


def _node_url(project: CommandLine) -> str:
    infrastructures = project.json("status")["infrastructures"]
    return str(infrastructures[0]["nodes"][0]["url"])


def _table_row(project: CommandLine, table: str, key: str, value: str) -> dict[str, str]:
    """The row as it stands in the file, read without any of our code."""
    with gzip.open(project.folder / "data" / f"{table}.csv.gz", "rt") as file:
        return next(row for row in csv.DictReader(file) if row[key] == value)


# From the command line


def test_a_second_build_finds_everything_up_to_date(project: CommandLine) -> None:
    result = project.json("build", "--all")

    assert {outcome["status"] for outcome in result["outcomes"]} == {"up_to_date"}
    assert len(result["outcomes"]) == 7


def test_a_recipe_that_breaks_is_named_with_its_input(project: CommandLine, tmp_path: Path) -> None:
    broken = CommandLine(tmp_path / "broken", tmp_path / "home")
    CommandLine(tmp_path, tmp_path / "home").run("init", "broken", "--template", "real-time-apis")
    sql = broken.folder / "recipes" / "prepare_transactions.sql"
    sql.write_text(sql.read_text().replace("merchant_info.state", "merchant_info.stat"))

    result = broken.json("build", "transactions_prepared", exit_code=1)

    failed = [outcome for outcome in result["outcomes"] if outcome["status"] == "failed"]
    assert [outcome["recipe"] for outcome in failed] == ["prepare_transactions"]
    assert "stat" in failed[0]["error"]


def test_the_model_shows_metrics_features_and_parity(project: CommandLine) -> None:
    shown = project.json("model", "show", "predict_authorized_flag")

    version = shown["version"]
    assert shown["active"] == version["id"] == "t1"
    assert 0.75 < version["metrics"]["auc"] < 0.95
    assert {"log_loss", "precision", "recall"} <= set(version["metrics"])
    assert [feature["name"] for feature in shown["signature"]["features"]] == [
        "signature_provided",
        "merchant_subsector_description",
        "purchase_amount",
        "merchant_state",
        "card_fico_score",
        "card_age",
    ]
    assert version["parity"]["passed"] is True
    assert version["parity"]["rows"] + version["parity"]["built_rows"] >= 10_000


def test_the_five_test_queries_are_answered_in_process(v1: CommandLine) -> None:
    outcomes = v1.json("test-queries", SERVICE)

    assert len(outcomes) >= 5
    for outcome in outcomes:
        assert outcome["passed"]
        if outcome["endpoint"] == ENDPOINT:
            assert set(outcome["answer"]["result"]["probas"]) == {"0", "1"}


def test_the_deployment_is_healthy_and_tells_one_url_per_endpoint(v2: CommandLine) -> None:
    shown = v2.json("deployment", "show", DEPLOYMENT)

    assert shown["health"] == "HEALTHY"
    assert shown["version"] == "v2"
    assert [endpoint["id"] for endpoint in shown["endpoints"]] == [ENDPOINT, "merchant_lookup"]
    assert all(len(endpoint["urls"]) == 1 for endpoint in shown["endpoints"])


def test_the_nodes_answer_is_the_scored_datasets(
    answers_of_v1: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for row, answer in answers_of_v1:
        assert answer["prediction"] == str(row["prediction"])
        assert answer["probas"]["1"] == pytest.approx(row["proba_1"], abs=1e-9)


def test_the_sixth_query_shows_the_values_that_stand_in_the_table(v2: CommandLine) -> None:
    expected = _table_row(v2, "cardholder_info", "internal_card_mapping", CARD)

    answer = _query(v2, SIXTH)

    assert answer["apiContext"]["serviceGeneration"] == "v2"
    enriched = answer["result"]["postEnrichment"]
    assert enriched["card_fico_score"] == int(expected["fico_score"])
    assert enriched["card_age"] == int(expected["age"])


def test_a_query_cut_to_four_features_and_its_card_gets_the_same_prediction(
    v2: CommandLine, answers_of_v1: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    for row, before in answers_of_v1:
        cut = {name: row[name] for name in (*FOUR, "card_id")}

        after = _query(v2, cut)["result"]

        assert {name: after[name] for name in ("prediction", "probas", "probaPercentile")} == {
            name: before[name] for name in ("prediction", "probas", "probaPercentile")
        }


def test_the_merchant_is_told_with_all_columns_of_the_table(v2: CommandLine) -> None:
    expected = _table_row(v2, "merchant_info", "merchant_id", MERCHANT)
    del expected["merchant_id"]

    found = _query(v2, {"merchant_id": MERCHANT}, "merchant_lookup")["results"][0]["data"]

    assert {name: str(value) for name, value in found.items()} == expected
    assert isinstance(found["latitude"], float)


def test_an_unknown_merchant_is_answered_as_configured(v2: CommandLine) -> None:
    result = _query(v2, {"merchant_id": "M_ID_nobody"}, "merchant_lookup")["results"][0]

    assert result["found"] is False
    assert set(result["data"].values()) == {None}


def test_the_test_queries_are_answered_by_the_node_itself(v2: CommandLine) -> None:
    run = v2.json("test-queries", "--deployment", DEPLOYMENT)

    assert len(run) == 7
    assert all(answer["passed"] for answer in run)


def test_the_history_names_who_when_from_and_to(v2: CommandLine) -> None:
    *_, second, first = v2.json("deployment", "history", DEPLOYMENT)

    assert (first["from_version"], first["to_version"]) == (None, "v1")
    assert (second["from_version"], second["to_version"]) == ("v1", "v2")
    assert second["outcome"] == "SUCCESS"
    assert second["by"]
    assert second["started_at"] <= second["finished_at"]


def test_a_curl_line_as_pasted_prints_the_prediction(v2: CommandLine) -> None:
    url = f"{_node_url(v2)}/public/api/v1/{SERVICE}/{ENDPOINT}/predict"
    body = json.dumps({"features": SIXTH})

    done = subprocess.run(["curl", "-sS", url, "-d", body], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["result"]["prediction"] in ("0", "1")


# From Python


def test_python_does_what_the_commands_do(v2: CommandLine, tmp_path: Path) -> None:
    script = """
import json, sys
import scoreline

project = scoreline.open_project(sys.argv[1])
built = project.build()
outcomes = project.test_queries("fraud_detection")
manifest = project.create_version("fraud_detection", "from_python", release_notes="made by a program")
deployment = "fraud_detection-on-local"
with scoreline.Client() as client:
    client.publish(project.package("fraud_detection", "from_python"))
    update = client.update(deployment, "from_python")
    answer = client.query(deployment, "predict_fraud", json.loads(sys.argv[2]))
    run = client.run_test_queries(deployment)
    health = client.deployment(deployment).health
    client.update(deployment, "v2")
print(json.dumps([built.ok, [o.passed for o in outcomes], manifest.version, update.outcome.value,
                  answer, run.passed, health.value]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(v2.folder), json.dumps(SIXTH)],
        cwd=tmp_path,
        env=dict(v2.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    built, passed, version, outcome, answer, run_passed, health = json.loads(done.stdout.splitlines()[-1])

    assert built
    assert passed == [True] * 7
    assert (version, outcome, run_passed, health) == ("from_python", "SUCCESS", True, "HEALTHY")
    assert answer["apiContext"]["serviceGeneration"] == "from_python"
    assert answer["result"]["postEnrichment"]["card_age"] == 59


def test_pythons_errors_name_what_is_wrong(v2: CommandLine) -> None:
    with (
        scoreline.Client(home=v2.home) as client,
        pytest.raises(scoreline.NotFound, match="did you mean 'predict_fraud'"),
    ):
        client.query(DEPLOYMENT, "predict_fruad", SIXTH)


# Through the unmodified client of Dataiku's API node


def test_dataikus_client_gets_the_same_prediction_with_and_without_the_enrichable_features(
    dataiku: dataikuapi.APINodeClient, answers_of_v1: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    for row, before in answers_of_v1:
        with_them = dataiku.predict_record(ENDPOINT, {name: row[name] for name in SIX})
        without = dataiku.predict_record(ENDPOINT, {name: row[name] for name in (*FOUR, "card_id")})

        assert with_them["result"]["probas"] == without["result"]["probas"] == before["probas"]
        assert with_them["result"]["prediction"] == without["result"]["prediction"] == before["prediction"]


def test_dataikus_client_predicts_several_records(
    dataiku: dataikuapi.APINodeClient, answers_of_v1: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    records = [{"features": {name: row[name] for name in SIX}} for row, _ in answers_of_v1]

    results = dataiku.predict_records(ENDPOINT, records)["results"]

    assert [result["prediction"] for result in results] == [
        before["prediction"] for _, before in answers_of_v1
    ]


def test_dataikus_client_looks_up_a_merchant_and_misses_one(
    dataiku: dataikuapi.APINodeClient, v2: CommandLine
) -> None:
    expected = _table_row(v2, "merchant_info", "merchant_id", MERCHANT)

    hit = dataiku.lookup_record("merchant_lookup", {"merchant_id": MERCHANT})
    miss = dataiku.lookup_record("merchant_lookup", {"merchant_id": "M_ID_nobody"})

    assert hit["data"]["subsector_description"] == expected["subsector_description"]
    assert hit["data"]["state"] == expected["state"]
    assert set(miss["data"].values()) == {None}


def test_dataikus_client_raises_its_own_exception_with_a_readable_message(
    dataiku: dataikuapi.APINodeClient,
) -> None:
    with pytest.raises(DataikuException, match=r"purchase_amount.*expected a number"):
        dataiku.predict_record(ENDPOINT, {"purchase_amount": "much"})
    with pytest.raises(DataikuException, match="has no endpoint 'predict_frod'"):
        dataiku.predict_record("predict_frod", {})
