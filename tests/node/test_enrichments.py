"""What a lookup does to a record, in each behaviour, asked of a loaded generation without HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.node.card_packages import CARDS, ENDPOINTS, SECTOR, make_package

from scoreline.core.lookup import Lookup, LookupColumn
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint
from scoreline.errors import Invalid, NotFound, ScorelineError
from scoreline.node.generation import Generation, load_generation
from scoreline.storage.archives import extract_archive


def load(folder: Path, *endpoints: Endpoint, golden: bool = True) -> Generation:
    extract_archive(make_package(folder, endpoints=endpoints, golden=golden), folder / "package")
    return load_generation(folder / "package")


def with_lookup(folder: Path, lookup: Lookup) -> Generation:
    return load(
        folder,
        PredictionEndpoint(id="score", model="fraud", enrichments=(lookup,), return_post_enrichment=True),
        LookupEndpoint(id="find", lookups=(lookup,)),
    )


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return load(tmp_path_factory.mktemp("generation"), *ENDPOINTS)


def ask(generation: Generation, endpoint: str, action: str, body: object) -> dict[str, Any]:
    return json.loads(generation.call(endpoint, action, json.dumps(body).encode()))  # type: ignore[no-any-return]


def predict(generation: Generation, endpoint: str, **features: object) -> dict[str, Any]:
    return ask(generation, endpoint, "predict", {"features": features})["result"]  # type: ignore[no-any-return]


def refusal(call: Callable[[], object]) -> ScorelineError:
    with pytest.raises(ScorelineError) as caught:
        call()
    return caught.value


CASES = [
    ("on_missing_key", {}, "LOOKUP_KEY_MISSING"),
    ("on_missing_key", {"card_id": None}, "LOOKUP_KEY_MISSING"),
    ("on_missing_key", {"card_id": " "}, "LOOKUP_KEY_MISSING"),
    ("on_no_match", {"card_id": "C_unknown"}, "NO_LOOKUP_MATCH"),
    ("on_no_match", {"card_id": ["C_1"]}, "NO_LOOKUP_MATCH"),
    ("on_several_matches", {"card_id": "C_twice"}, "MULTIPLE_LOOKUP_MATCHES"),
]


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_an_abnormal_lookup_can_leave_its_columns_empty(
    tmp_path: Path, case: str, record: dict[str, object], reason: str
) -> None:
    found = with_lookup(tmp_path, replace(CARDS, **{case: "leave_empty"}))

    result = predict(found, "score", **record)
    looked_up = ask(found, "find", "lookup", {"data": record})["results"]

    assert result["ignored"] is False
    assert result["postEnrichment"] == {**record, "age": None, "card_score": None}
    assert looked_up == [{"data": {"age": None, "card_score": None}, "found": False}]


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_an_abnormal_lookup_can_ignore_the_record(
    tmp_path: Path, case: str, record: dict[str, object], reason: str
) -> None:
    found = with_lookup(tmp_path, replace(CARDS, **{case: "ignore_record"}))

    result = predict(found, "score", **record)
    looked_up = ask(found, "find", "lookup", {"data": record})["results"][0]

    for answer in (result, looked_up):
        assert answer["ignored"] is True
        assert answer["ignoreReason"] == reason
        assert "'cards' by card_id" in answer["message"]
    assert looked_up["found"] is False
    assert "prediction" not in result


@pytest.mark.parametrize(("case", "record", "reason"), CASES)
def test_an_abnormal_lookup_can_be_an_error_that_fails_no_other_record(
    tmp_path: Path, case: str, record: dict[str, object], reason: str
) -> None:
    found = with_lookup(tmp_path, replace(CARDS, **{case: "error"}))
    good = {"card_id": "C_1"}

    errors = [
        refusal(lambda: predict(found, "score", **record)),
        refusal(lambda: ask(found, "find", "lookup", {"data": record})),
    ]
    batch = ask(found, "score", "predict-multi", {"items": [{"features": record}, {"features": good}]})
    looked_up = ask(found, "find", "lookup-multi", {"items": [{"data": record}, {"data": good}]})

    for error in errors:
        assert isinstance(error, Invalid)
        assert error.code == reason.lower().replace("_", "-")
    for results in (batch["results"], looked_up["results"]):
        assert results[0]["ignoreReason"] == reason
        assert "ignoreReason" not in results[1]


def test_several_matches_can_give_the_first_row(tmp_path: Path) -> None:
    found = with_lookup(tmp_path, replace(CARDS, on_several_matches="first"))

    assert predict(found, "score", card_id="C_twice")["postEnrichment"]["age"] == 40


@pytest.mark.parametrize(
    ("precedence", "held", "stands"),
    [
        ("query", 999, 999),
        ("query", 0, 0),
        ("query", None, 50),
        ("query", "", 50),
        ("lookup", 999, 50),
        ("lookup", None, 50),
    ],
)
def test_precedence_says_which_value_stands(
    tmp_path: Path, precedence: Any, held: object, stands: object
) -> None:
    found = with_lookup(tmp_path, replace(CARDS, precedence=precedence))

    assert predict(found, "score", card_id="C_1", age=held)["postEnrichment"]["age"] == stands


@pytest.mark.parametrize("precedence", ["query", "lookup"])
def test_a_lookup_that_finds_nothing_leaves_what_the_query_brought(tmp_path: Path, precedence: Any) -> None:
    found = with_lookup(tmp_path, replace(CARDS, precedence=precedence))

    assert predict(found, "score", card_id="C_unknown", age=33)["postEnrichment"]["age"] == 33


def test_a_later_enrichment_sees_the_columns_of_an_earlier_one(tmp_path: Path) -> None:
    branch = replace(CARDS, columns=(LookupColumn(column="age", name="merchant_branch"),))
    sector = replace(SECTOR, on_no_match="ignore_record")
    chain = PredictionEndpoint(id="chain", model="fraud", enrichments=(branch, sector))
    found = load(tmp_path, chain)

    result = predict(found, "chain", card_id="C_1", merchant_id="M_1")

    assert result["ignoreReason"] == "NO_LOOKUP_MATCH"  # of M_1, 50: the key was given by the first lookup


def test_what_is_not_there_is_named_with_its_neighbour(generation: Generation) -> None:
    endpoint = refusal(lambda: generation.call("plan", "predict", b"{}"))
    action = refusal(lambda: generation.call("plain", "predct", b"{}"))

    assert isinstance(endpoint, NotFound)
    assert "did you mean 'plain'?" in endpoint.message
    assert isinstance(action, NotFound)
    assert "did you mean 'predict'?" in action.message


def test_a_generation_with_another_answer_to_a_golden_row_is_not_loaded(tmp_path: Path) -> None:
    error = refusal(lambda: load(tmp_path, ENDPOINTS[1], golden=False))

    assert error.code == "golden-mismatch"


@pytest.mark.parametrize("missing", ["manifest.json", "service.json", "models/fraud/scorer.json"])
def test_a_package_folder_that_lacks_a_file_is_not_loaded(tmp_path: Path, missing: str) -> None:
    load(tmp_path, ENDPOINTS[1])
    (tmp_path / "package" / missing).unlink()

    assert missing.rpartition("/")[2] in refusal(lambda: load_generation(tmp_path / "package")).message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_answered_or_refused(generation: Generation, body: bytes) -> None:
    for endpoint, action in (("predict", "predict"), ("plain", "predict-multi"), ("both", "lookup")):
        try:
            answer = generation.call(endpoint, action, body)
        except Invalid:
            continue
        msgspec.json.decode(answer)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["C_1", "C_twice", "M_1", "gas"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["amount", "age", "sector", "card_id", "merchant_id", "merchant_branch"])


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_a_record_has_the_same_answer_alone_and_in_a_batch(
    generation: Generation, record: dict[str, object]
) -> None:
    batch = ask(generation, "predict", "predict-multi", {"items": [{"features": record}]})["results"][0]
    try:
        single = predict(generation, "predict", **record)
    except Invalid as refused:
        single = {**batch, "ignored": True, "ignoreReason": "INVALID_RECORD", "message": refused.message}

    assert single == batch
