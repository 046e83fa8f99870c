"""What one value of a record means."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.errors import Invalid
from scoreline.scoring.values import to_category, to_number

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (2.5, 2.5),
        (True, 1.0),
        (False, 0.0),
        ("3704.17", 3704.17),
        ("-1429", -1429.0),
        ("1e3", 1000.0),
        (" .5 ", 0.5),
        ("+7.", 7.0),
        (2**53 + 1, float(2**53)),
    ],
)
def test_numbers_booleans_and_text_that_holds_a_number_are_numbers(value: object, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize("value", [None, "", "  ", "\t\n"])
def test_nothing_and_blank_text_are_missing(value: object) -> None:
    assert math.isnan(to_number(value))
    assert to_category(value) == ""


@pytest.mark.parametrize(
    "value",
    [
        *("twelve", "nan", "inf", "-Infinity", "1_000", "0x10", "1,5", "١٢", "1e999", "1 2"),
        *([1], {"a": 1}, math.nan, math.inf, -math.inf, 10**400, b"1"),
    ],
)
def test_what_is_no_number_is_refused_by_the_feature_s_name_without_its_value(value: object) -> None:
    with pytest.raises(Invalid) as refusal:
        to_number(value, "amount")

    assert refusal.value.code == "invalid-record"
    assert "'amount'" in refusal.value.message
    assert "expected" in refusal.value.message
    assert "twelve" not in refusal.value.message


@pytest.mark.parametrize(
    ("value", "category"),
    [
        ("West", "West"),
        (" padded ", " padded "),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (0.25, "0.25"),
        (1e22, "10000000000000000000000"),
        (1e-7, "1e-07"),
    ],
)
def test_a_category_is_text_whatever_its_type_in_the_record(value: object, category: str) -> None:
    assert to_category(value) == category


@pytest.mark.parametrize("value", [[1], {"a": 1}, math.nan, math.inf, 10**400, b"x"])
def test_what_is_no_category_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match="'channel'") as refusal:
        to_category(value, "channel")

    assert refusal.value.code == "invalid-record"


@given(JSON_VALUES)
def test_any_value_of_json_is_a_number_missing_or_refused(value: object) -> None:
    number: object = None
    with contextlib.suppress(Invalid):
        number = to_number(value)

    assert number is None or (isinstance(number, float) and not math.isinf(number))


@given(JSON_VALUES)
def test_any_value_of_json_is_a_category_or_refused(value: object) -> None:
    category: object = None
    with contextlib.suppress(Invalid):
        category = to_category(value)

    assert category in (None, "") or (isinstance(category, str) and category.strip())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_is_the_same_number(value: float) -> None:
    assert to_number(repr(value)) == value
