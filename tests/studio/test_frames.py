"""Columns of tables become the same values as the values of records."""

from __future__ import annotations

import datetime
import decimal
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import Invalid
from scoreline.scoring.values import to_category, to_number
from scoreline.storage.tables import plain_values
from scoreline.studio.frames import feature_frame, used_columns

COLUMNS = {
    "text": (pa.string(), st.text(max_size=12)),
    "spaces": (pa.string(), st.text(alphabet=" \t\n", max_size=3)),
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "double": (pa.float64(), st.floats(-3e38, 3e38)),
    "float": (pa.float32(), st.floats(-(2.0**120), 2.0**120, width=32)),
    "boolean": (pa.bool_(), st.booleans()),
    "decimal": (pa.decimal128(18, 4), st.decimals(-(10**9), 10**9, places=4)),
    "day": (pa.date32(), st.dates()),
    "moment": (pa.timestamp("us"), st.datetimes()),
    "numeral": (
        pa.string(),
        st.one_of(st.integers(-(10**12), 10**12).map(str), st.floats(-1e30, 1e30).map(repr)),
    ),
}
NUMBERS = ("int", "double", "float", "boolean", "decimal", "numeral", "spaces")


@st.composite
def column(draw: st.DrawFn, kinds: tuple[str, ...]) -> pa.Table:
    kind, values = COLUMNS[draw(st.sampled_from(kinds))]
    drawn = draw(st.lists(st.none() | values, max_size=20))
    return pa.table({"x": pa.array(drawn, kind)})


def frame_of(table: pa.Table, handling: str):
    return feature_frame(used_columns(table, {"x": "feature"}, dataset="d"), {"x": handling}, dataset="d")


def record_values(table: pa.Table) -> list[object]:
    """The values as a lookup or a client would send them."""
    canonical = used_columns(table, {"x": "feature"}, dataset="d")
    return plain_values(canonical["x"].combine_chunks())


@settings(max_examples=150)
@given(column(tuple(COLUMNS)))
def test_a_category_column_has_the_values_that_its_records_have(table):
    expected = [to_category(value) for value in record_values(table)]

    found = frame_of(table, "category")["x"]

    assert found.dtype == object
    assert found.tolist() == expected


@settings(max_examples=150)
@given(column(NUMBERS))
def test_a_numeric_column_has_the_values_that_its_records_have(table):
    expected = np.array([to_number(value) for value in record_values(table)], dtype=np.float64)

    found = frame_of(table, "numeric")["x"]

    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.to_numpy(), expected)


def test_whole_doubles_are_the_categories_of_ints():
    doubles = pa.table({"x": pa.array([0.0, 1.0, None, 2.5])})

    assert frame_of(doubles, "category")["x"].tolist() == ["0", "1", "", "2.5"]


def test_a_dictionary_column_is_read_as_its_values():
    table = pa.table({"x": pa.array(["b", None, "a", "b"]).dictionary_encode()})

    assert frame_of(table, "category")["x"].tolist() == ["b", "", "a", "b"]


def test_a_sliced_and_chunked_column_is_read_in_order():
    table = pa.concat_tables([pa.table({"x": ["1", "2", "3"]}), pa.table({"x": ["4", ""]})]).slice(1)

    found = frame_of(table, "numeric")["x"].tolist()

    assert found[:3] == [2.0, 3.0, 4.0]
    assert math.isnan(found[3])


def test_an_empty_table_gives_an_empty_frame():
    assert len(frame_of(pa.table({"x": pa.array([], pa.string())}), "numeric")) == 0


def test_text_in_a_numeric_feature_is_counted_and_its_first_row_named_but_not_shown():
    table = pa.table({"x": ["1", "secret", None, "2", "nan", "inf"]})

    with pytest.raises(Invalid) as caught:
        frame_of(table, "numeric")

    assert "'x' of dataset 'd' is numeric, but 3 rows hold something else" in caught.value.message
    assert "first is row 2" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e39, -1e300])
def test_a_number_that_trees_cannot_compare_is_refused(value):
    with pytest.raises(Invalid, match="row 2 holds a number that is infinite or beyond"):
        frame_of(pa.table({"x": [1.0, value]}), "numeric")


def test_a_date_is_no_number():
    with pytest.raises(Invalid, match="row 1 holds something else"):
        frame_of(pa.table({"x": [datetime.date(2024, 5, 6)]}), "numeric")


def test_an_infinite_category_is_refused():
    with pytest.raises(Invalid, match="row 1 holds an infinite number"):
        frame_of(pa.table({"x": [math.inf]}), "category")


def test_a_missing_column_is_named_with_the_nearest_one():
    table = pa.table({"purchase_amount": [1.0], "other": [2]})

    with pytest.raises(
        Invalid, match=r"no column 'purchase_amout', the feature; did you mean 'purchase_amount'"
    ):
        used_columns(table, {"purchase_amout": "feature"}, dataset="d")


def test_lists_are_refused_by_the_column_that_holds_them():
    with pytest.raises(Invalid, match="column x: values of type list"):
        used_columns(pa.table({"x": [[1, 2]]}), {"x": "feature"}, dataset="d")


def test_decimals_are_numbers():
    table = pa.table({"x": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2))})

    assert frame_of(table, "numeric")["x"].tolist()[0] == 1.5
