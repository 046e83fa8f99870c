"""What a lookup does when it has no key, no row or several, as each of its settings says."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.node.card_packages import CARDS, SECTOR, make_package

from scoreline.core.lookup import Lookup
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint
from scoreline.errors import Invalid
from scoreline.node.generation import Generation, load_generation

CASES = [
    ("on_missing_key", {}, "LOOKUP_KEY_MISSING"),
    ("on_missing_key", {"card_id": None}, "LOOKUP_KEY_MISSING"),
    ("on_missing_key", {"card_id": "  "}, "LOOKUP_KEY_MISSING"),
    ("on_no_match", {"card_id": "C_9"}, "NO_LOOKUP_MATCH"),
    ("on_no_match", {"card_id": ["C_1"]}, "NO_LOOKUP_MATCH"),
    ("on_several_matches", {"card_id": "C_twice"}, "MULTIPLE_LOOKUP_MATCHES"),
]
Record = dict[str, object]


def load(folder: Path, endpoints: tuple[Endpoint, ...]) -> Generation:
    with zipfile.ZipFile(make_package(folder, endpoints=endpoints)) as archive:
        archive.extractall(folder / "package")
    return load_generation(folder / "package")


def with_lookups(folder: Path, *lookups: Lookup) -> Generation:
    return load(
        folder,
        (
            PredictionEndpoint(id="score", model="fraud", enrichments=lookups, return_post_enrichment=True),
            LookupEndpoint(id="find", lookups=lookups),
        ),
    )


def predict(generation: Generation, record: Mapping[str, object]) -> dict[str, Any]:
    body = json.dumps({"features": record}).encode()
    found: dict[str, Any] = json.loads(generation.call("score", "predict", body))["result"]
    return found


def find(generation: Generation, record: Mapping[str, object]) -> dict[str, Any]:
    body = json.dumps({"data": record}).encode()
    found: dict[str, Any] = json.loads(generation.call("find", "lookup", body))["results"][0]
    return found


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_it_can_leave_its_columns_empty(tmp_path: Path, case: str, record: Record, reason: str) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, **{case: "leave_empty"}))

    scored, found = predict(generation, record), find(generation, record)

    assert scored["ignored"] is False
    assert scored["postEnrichment"] == {**record, "age": None, "card_score": None}
    assert found == {"data": {"age": None, "card_score": None}, "found": False}


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_it_can_ignore_the_record(tmp_path: Path, case: str, record: Record, reason: str) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, **{case: "ignore_record"}))

    scored, found = predict(generation, record), find(generation, record)

    assert "prediction" not in scored
    assert found["data"] == {"age": None, "card_score": None}
    for answer in (scored, found):
        assert (answer["ignored"], answer["ignoreReason"]) == (True, reason)
        assert "'cards' by card_id" in answer["message"]


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_it_can_be_an_error_that_spares_the_others_of_a_batch(
    tmp_path: Path, case: str, record: Record, reason: str
) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, **{case: "error"}))

    for call in (predict, find):
        with pytest.raises(Invalid) as caught:
            call(generation, record)
        assert caught.value.code == reason.lower().replace("_", "-")
        assert "C_" not in caught.value.message
    items = {"items": [{"features": record}, {"features": {"card_id": "C_1"}}]}
    results = json.loads(generation.call("score", "predict-multi", json.dumps(items).encode()))["results"]
    assert results[0]["ignoreReason"] == reason
    assert results[1]["postEnrichment"]["age"] == 50


def test_the_first_of_several_rows_can_be_taken(tmp_path: Path) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, on_several_matches="first"))
    assert predict(generation, {"card_id": "C_twice"})["postEnrichment"]["age"] == 40
    assert find(generation, {"card_id": "C_twice"}) == {
        "data": {"age": 40, "card_score": 1.0},
        "found": True,
    }


@pytest.mark.parametrize(
    ("precedence", "held", "stands"),
    [
        ("query", 99, 99),
        ("query", 0, 0),
        ("query", None, 50),
        ("query", " ", 50),
        ("lookup", 99, 50),
        ("lookup", None, 50),
    ],
)
def test_precedence_says_which_value_stands(
    tmp_path: Path, precedence: Any, held: object, stands: object
) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, precedence=precedence))
    assert predict(generation, {"card_id": "C_1", "age": held})["postEnrichment"]["age"] == stands


def test_a_lookup_that_finds_nothing_takes_nothing_away(tmp_path: Path) -> None:
    generation = with_lookups(tmp_path, replace(CARDS, precedence="lookup"))
    assert predict(generation, {"card_id": "C_9", "age": 33})["postEnrichment"]["age"] == 33


@pytest.mark.parametrize("record", [{"merchant_id": "M_1"}, {"merchant_branch": 1}, {}])
def test_a_key_of_several_columns_is_missing_when_one_is(tmp_path: Path, record: Record) -> None:
    generation = with_lookups(tmp_path, CARDS, replace(SECTOR, on_missing_key="ignore_record"))
    found = predict(generation, {"card_id": "C_1", **record})
    assert found["ignoreReason"] == "LOOKUP_KEY_MISSING"
    assert found["message"].endswith("by merchant_id, merchant_branch")
