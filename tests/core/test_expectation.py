"""A test query passes when the answer holds what is expected."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.expectation import difference

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(json_values)
def test_a_value_is_as_itself(value: Any) -> None:
    assert difference(value, value) is None


@settings(max_examples=40)
@given(st.dictionaries(st.text(), json_values), st.dictionaries(st.text(), json_values))
def test_an_answer_may_hold_more_than_is_expected(expected: dict[str, Any], more: dict[str, Any]) -> None:
    assert difference(expected, {**more, **expected}) is None


@pytest.mark.parametrize(
    ("expected", "given_", "said"),
    [
        ({"prediction": "1"}, {"prediction": "0"}, "result.prediction differs from what is expected"),
        ({"prediction": "1"}, {"prediction": 1}, "result.prediction differs from what is expected"),
        ({"ignored": True}, {"ignored": 1}, "result.ignored differs from what is expected"),
        (
            {"probas": {"1": 0.5}},
            {"probas": {"1": 0.5 + 1e-8}},
            "result.probas.1 differs from what is expected",
        ),
        ({"probas": {"1": 0.5}}, {"probas": {}}, "result.probas.1 is not there"),
        ({"data": {"state": "Ohio"}}, {"data": None}, "result.data is no object"),
        ({"rows": [1, 2]}, {"rows": [1]}, "result.rows is no list of 2"),
        ({"rows": [1, 2]}, {"rows": [1, 3]}, "result.rows[1] differs from what is expected"),
        ({"a": None}, {"a": 0}, "result.a differs from what is expected"),
        ({"a": 1}, None, "result is no object"),
    ],
)
def test_a_difference_is_named_by_its_place(expected: Any, given_: Any, said: str) -> None:
    assert difference(expected, given_) == said


def test_numbers_are_equal_within_a_billionth_whatever_their_type() -> None:
    assert difference({"a": 1, "b": 0.3}, {"a": 1.0, "b": 0.1 + 0.2}) is None
    assert difference({"a": float("inf")}, {"a": float("inf")}) is None
