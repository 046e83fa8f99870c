"""What an endpoint answers: to sound records, to odd ones, and to what is no query at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.node.card_packages import probability
from tests.node.processes import NodeProcess


def predict(node: NodeProcess, endpoint: str = "plain", **features: object) -> Any:
    return node.ask(f"cards/{endpoint}/predict", {"features": features})["result"]


def refusal(node: NodeProcess, path: str, body: object, status: int = 400) -> dict[str, str]:
    answer = node.post(path, body)
    assert answer.status_code == status, answer.text
    problem: dict[str, str] = answer.json()
    assert set(problem) == {"errorType", "message", "detailedMessage", "code"}
    assert problem["message"] == problem["detailedMessage"]
    assert answer.headers["content-type"] == "application/json"
    return problem


def test_a_prediction_says_class_probabilities_and_where_it_comes_from(shared_node: NodeProcess) -> None:
    answer = shared_node.post(
        "cards/plain/predict", {"features": {"amount": 900, "age": 10, "sector": "gas"}}
    )

    expected = probability(-1.0, 900, 10, "gas")
    body = answer.json()
    assert list(body) == ["result", "timing", "apiContext"]
    assert body["result"] == {
        "prediction": "yes",
        "probaPercentile": int(expected * 100),
        "probas": {"no": pytest.approx(1 - expected), "yes": pytest.approx(expected)},
        "ignored": False,
    }
    assert set(body["timing"]) == {
        "preProcessing", "wait", "enrich", "preparation", "prediction", "postProcessing",
    }  # fmt: skip
    assert all(type(value) is int and value >= 0 for value in body["timing"].values())
    assert body["apiContext"] == {
        "serviceId": "cards",
        "endpointId": "plain",
        "serviceGeneration": "v1",
    }
    assert answer.headers["DSS-API-Version"] == "1"
    assert "DSS-Version" in answer.headers


def test_a_regression_answers_a_number_without_probabilities(shared_node: NodeProcess) -> None:
    assert predict(shared_node, "value", amount=21) == {"prediction": 42.0, "ignored": False}


@pytest.mark.parametrize("absent", [{}, {"amount": None}, {"amount": ""}, {"amount": "  "}])
def test_a_missing_feature_is_filled_or_the_record_is_ignored(
    shared_node: NodeProcess, absent: dict[str, object]
) -> None:
    filled = predict(shared_node, age=30, **absent)
    ignored = predict(shared_node, "strict", sector="gas", **absent)

    assert filled["probas"]["yes"] == pytest.approx(probability(-1.0, 0, 30))
    assert ignored == {"ignored": True, "ignoreReason": "IGNORED_BY_MODEL", "message": "amount"}


@pytest.mark.parametrize(
    "value",
    ["much", "nan", "inf", "-Infinity", "1,5", "0x10", [1], {"a": 1}, 10**400, "9" * 5000],
)
def test_a_value_that_its_feature_does_not_take_is_refused_by_name(
    shared_node: NodeProcess, value: object
) -> None:
    problem = refusal(shared_node, "cards/plain/predict", {"features": {"amount": value}})

    assert problem["errorType"] == "Invalid"
    assert problem["code"] == "invalid-record"
    assert problem["message"].startswith("feature 'amount': expected a")
    assert len(problem["message"]) < 100


def test_numbers_may_come_as_text_and_truth_as_number(shared_node: NodeProcess) -> None:
    expected = predict(shared_node, amount=1, age=-1429)
    assert predict(shared_node, amount=True, age="-1429") == expected
    assert predict(shared_node, amount="1e0", age=" -1429 ") == expected


def test_an_unknown_category_is_scored_as_one_never_seen(shared_node: NodeProcess) -> None:
    for unknown in ("no such", 5, True, "luxury goods ", "X" * 10_000):
        found = predict(shared_node, amount=100, sector=unknown)
        assert found["probas"]["yes"] == pytest.approx(probability(-1.0, 100))


def test_extra_fields_are_ignored_and_shown_after_enrichment(shared_node: NodeProcess) -> None:
    extra = {"note": ["any", {"thing": None}], "other": 1.5}
    assert predict(shared_node, amount=100, **extra) == predict(shared_node, amount=100)
    shown = predict(shared_node, "predict", amount=100, **extra)["postEnrichment"]
    assert shown == {**extra, "amount": 100, "age": None, "card_score": None, "sector": None}


@pytest.mark.parametrize(
    "body",
    [
        b'{"features": {"amount": NaN}}',
        b'{"features": {"amount": Infinity}}',
        b'{"features": {"amount": -Infinity}}',
        b'{"features": {"amount": .5}}',
        b'{"features": {"amount": 01}}',
        b"{'features': {}}",
        b'{"features": {}',
        b'{"features": {}} {}',
        b"\xff\xfe{}",
        b'{"features": {"sector": "\xff"}}',
        b'{"features": {"sector": "\\ud800"}}',
        b"\x00",
        b"   ",
        b'{"features": {"x": ' + b"[" * 100_000,
        b'{"features": {"x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
        b'{"features": {}, "context": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_not_json_is_refused_in_words(shared_node: NodeProcess, body: bytes) -> None:
    problem = refusal(shared_node, "cards/plain/predict", body)
    assert problem["code"] == "bad-json"
    assert len(problem["message"]) < 300


@pytest.mark.parametrize("depth", range(150, 1050, 20))
def test_no_depth_of_nesting_is_an_internal_error(shared_node: NodeProcess, depth: int) -> None:
    body = b'{"features": {"note": ' + b"[" * depth + b"]" * depth + b"}}"
    answer = shared_node.post("cards/predict/predict", body)
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"5",
        b"null",
        b'"x"',
        b"[" * 100_000,
        b'{"features": []}',
        b'{"features": {"amount": 1e999}}',
        b'{"features": null}',
        b'{"features": {}, "dispatch": 5}',
        b'{"features": {}, "explanations": []}',
        b'{"features": {}, "dispatch": {"forcedGeneration": 2}}',
        b'{"Features": {}}',
    ],
)
def test_what_is_json_but_no_query_is_refused_in_words(shared_node: NodeProcess, body: bytes) -> None:
    problem = refusal(shared_node, "cards/plain/predict", body)
    assert problem["code"] == "bad-query"
    assert "the query is not as expected" in problem["message"]


def test_of_equal_keys_the_last_counts(shared_node: NodeProcess) -> None:
    body = b'{"features": {"amount": "x"}, "features": {"amount": 1, "amount": 500}}'
    answer = shared_node.ask("cards/plain/predict", body)
    assert answer["result"]["probas"]["yes"] == pytest.approx(probability(-1.0, 500))


def test_enrichments_follow_each_other_and_are_shown(shared_node: NodeProcess) -> None:
    record = {"card_id": "C_1", "amount": 10, "merchant_id": "M_1", "merchant_branch": "2"}
    found = predict(shared_node, "predict", **record)

    assert found["postEnrichment"] == {**record, "age": 50, "card_score": 700.5, "sector": "luxury goods"}
    assert found["probas"]["yes"] == pytest.approx(probability(-1.0, 10, 50, "luxury goods"))
    plain = predict(shared_node, amount=10, age=50, sector="luxury goods")
    assert plain["probas"] == found["probas"]


def test_what_the_query_holds_stays_and_what_it_lacks_is_looked_up(shared_node: NodeProcess) -> None:
    for blank in (None, "", "  "):
        found = predict(shared_node, "predict", card_id="C_1", age=77, card_score=blank)
        assert found["postEnrichment"]["age"] == 77
        assert found["postEnrichment"]["card_score"] == 700.5


def test_a_row_with_empty_columns_leaves_the_features_missing(shared_node: NodeProcess) -> None:
    found = predict(shared_node, "predict", card_id="C_none")
    assert found["postEnrichment"] == {"card_id": "C_none", "age": None, "card_score": None, "sector": None}
    assert found["probas"]["yes"] == pytest.approx(probability(-1.0))


def test_several_rows_of_a_key_ignore_the_record_with_the_reason(shared_node: NodeProcess) -> None:
    found = predict(shared_node, "predict", card_id="C_twice")
    assert found["ignored"] is True
    assert found["ignoreReason"] == "MULTIPLE_LOOKUP_MATCHES"
    assert found["message"] == "several rows match in 'cards' by card_id"
    assert "prediction" not in found


@pytest.mark.parametrize("key", [["C_1"], {"a": 1}, 5, 1.5, True, "K" * 100_000, "\x00", "é" * 300])
def test_a_key_of_any_kind_finds_its_row_or_none(shared_node: NodeProcess, key: object) -> None:
    found = predict(shared_node, "predict", card_id=key)
    assert found["ignored"] is False
    assert found["postEnrichment"]["age"] is None


def test_a_batch_answers_every_record_in_order(shared_node: NodeProcess) -> None:
    items: list[object] = [
        {"features": {"amount": 100}},
        {"features": {"amount": "much"}},
        {"features": {"card_id": "C_twice"}},
        5,
        {"features": 5},
        {},
        {"features": {"amount": 200}, "context": {"who": "me"}},
    ]
    answer = shared_node.ask("cards/predict/predict-multi", {"items": items})

    results = answer["results"]
    assert [one["ignored"] for one in results] == [False, True, True, True, True, True, False]
    assert results[0]["probas"]["yes"] == pytest.approx(probability(-1.0, 100))
    assert results[6]["probas"]["yes"] == pytest.approx(probability(-1.0, 200))
    assert [one.get("ignoreReason") for one in results[1:6]] == [
        "INVALID_RECORD", "MULTIPLE_LOOKUP_MATCHES", "INVALID_RECORD", "INVALID_RECORD", "INVALID_RECORD",
    ]  # fmt: skip
    assert "'amount'" in results[1]["message"]
    assert answer["apiContext"]["serviceGeneration"] == "v1"
    assert shared_node.ask("cards/plain/predict-multi", {"items": []})["results"] == []


def test_a_batch_holds_at_most_ten_thousand_records(shared_node: NodeProcess) -> None:
    items = [{"features": {}}] * 10_000
    assert len(shared_node.ask("cards/plain/predict-multi", {"items": items})["results"]) == 10_000
    problem = refusal(shared_node, "cards/plain/predict-multi", {"items": [*items, {"features": {}}]})
    assert problem["code"] == "too-many-items"


def test_a_query_string_is_a_record(shared_node: NodeProcess) -> None:
    path = "/public/api/v1/cards/plain/predict-simple"
    answers = [
        shared_node.send("GET", f"{path}?amount=250.5&age=&sector=luxury%20goods"),
        shared_node.send("GET", f"{path}?amount=1&amount=250.5&sector=luxury+goods&other=x"),
    ]
    for answer in answers:
        expected = probability(-1.0, 250.5, 0, "luxury goods")
        assert answer.json()["result"]["probas"]["yes"] == pytest.approx(expected)
    assert shared_node.send("GET", path).json()["result"]["ignored"] is False
    refused = shared_node.send("GET", f"{path}?sector=%ff")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad-query")


def test_a_query_can_force_a_generation_that_is_loaded(shared_node: NodeProcess) -> None:
    def forced(generation: str) -> dict[str, object]:
        return {"features": {}, "dispatch": {"forcedGeneration": generation}}

    answer = shared_node.ask("cards/plain/predict", forced("v2"))
    assert answer["apiContext"]["serviceGeneration"] == "v2"
    assert answer["result"]["probas"]["yes"] == pytest.approx(probability(1.0))
    batch = {"items": [{"features": {}}], "dispatch": {"forcedGeneration": "v2", "dispatchKey": "x"}}
    answer = shared_node.ask("cards/plain/predict-multi", batch)
    assert answer["results"][0]["probas"]["yes"] == pytest.approx(probability(1.0))
    problem = refusal(shared_node, "cards/plain/predict", forced("v3"), 404)
    assert problem["code"] == "no-such-generation"
    assert "v3" in problem["message"]


def test_explanations_with_nulls_are_fine_and_wanted_ones_are_refused(shared_node: NodeProcess) -> None:
    empty = {"enabled": None, "method": None, "nExplanations": None, "nMonteCarloSteps": None}
    shared_node.ask("cards/plain/predict", {"features": {}, "explanations": empty})
    wanted = {"features": {}, "explanations": {**empty, "enabled": True, "method": "ICE"}}
    assert refusal(shared_node, "cards/plain/predict", wanted)["code"] == "not-supported"


def test_a_lookup_answers_in_the_shape_of_many(shared_node: NodeProcess) -> None:
    hit = shared_node.ask("cards/merchant/lookup", {"data": {"merchant_id": "M_1", "merchant_branch": 2}})
    miss = shared_node.ask("cards/merchant/lookup", {"data": {"merchant_id": "M_9", "merchant_branch": 2}})
    keyless = shared_node.ask("cards/merchant/lookup", b'{"data": {}}')

    assert list(hit) == ["results", "timing", "apiContext"]
    assert hit["results"] == [{"data": {"sector": "luxury goods", "state": "Wyoming"}, "found": True}]
    for answer in (miss, keyless):
        assert answer["results"] == [{"data": {"sector": None, "state": None}, "found": False}]


def test_an_endpoint_of_two_lookups_answers_with_both(shared_node: NodeProcess) -> None:
    record = {"card_id": "C_2", "merchant_id": "M_3", "merchant_branch": "1"}
    both = shared_node.ask("cards/both/lookup", {"data": record})["results"]
    one = shared_node.ask("cards/both/lookup", {"data": {"card_id": "C_2"}})["results"]

    assert both == [{"data": {"age": 20, "card_score": 500.0, "sector": "gas"}, "found": True}]
    assert one == [{"data": {"age": 20, "card_score": 500.0, "sector": None}, "found": False}]


def test_many_lookups_answer_in_order_whatever_one_of_them_is(shared_node: NodeProcess) -> None:
    items = [{"data": {"card_id": "C_1"}}, {"data": {"card_id": "C_twice"}}, {"dat": {}}, None]
    results = shared_node.ask("cards/both/lookup-multi", {"items": items})["results"]

    assert results[0]["data"]["age"] == 50
    assert [one.get("ignoreReason") for one in results] == [
        None, "MULTIPLE_LOOKUP_MATCHES", "INVALID_RECORD", "INVALID_RECORD",
    ]  # fmt: skip
    assert all(set(one["data"].values()) == {None} for one in results[1:])


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("card/plain/predict", "no-such-service", "'card'"),
        ("cards/plan/predict", "no-such-endpoint", "did you mean 'plain'?"),
        ("cards/plain/predikt", "no-such-action", "did you mean 'predict'?"),
        ("cards/merchant/predict", "no-such-action", "cannot 'predict'"),
        ("cards/plain", "no-such-path", "SERVICE/ENDPOINT/ACTION"),
        ("cards/plain/predict/more", "no-such-path", "SERVICE/ENDPOINT/ACTION"),
        ("cards/" + "x" * 5000 + "/predict", "no-such-endpoint", "…"),
    ],
)
def test_what_is_not_there_is_named(shared_node: NodeProcess, path: str, code: str, word: str) -> None:
    problem = refusal(shared_node, path, {"features": {}}, 404)
    assert problem["errorType"] == "NotFound"
    assert problem["code"] == code
    assert word in problem["message"]
    assert len(problem["message"]) < 300


@pytest.mark.parametrize(
    ("method", "action", "allowed"),
    [("GET", "predict", "POST"), ("PUT", "predict", "POST"), ("POST", "predict-simple", "GET, HEAD")],
)
def test_another_method_is_refused_and_the_right_one_named(
    shared_node: NodeProcess, method: str, action: str, allowed: str
) -> None:
    answer = shared_node.send(method, f"/public/api/v1/cards/plain/{action}")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == allowed


def test_a_key_or_token_of_a_caller_does_not_matter_on_a_public_service(shared_node: NodeProcess) -> None:
    path = "/public/api/v1/cards/plain/predict"
    for value in ("Bearer abc", "Basic YWJjOg==", "nonsense"):
        answer = shared_node.send("POST", path, content=b'{"features":{}}', headers={"Authorization": value})
        assert answer.status_code == 200


def test_every_answer_is_json_that_a_strict_reader_takes(shared_node: NodeProcess) -> None:
    text = shared_node.post("cards/predict/predict", {"features": {"note": "\u2028 é \x00 </script>"}}).text
    assert json.loads(text)["result"]["postEnrichment"]["note"] == "\u2028 é \x00 </script>"
