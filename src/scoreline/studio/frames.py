"""Columns of tables as the values that training and scoring share: `scoring.values` for many rows."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.names import did_you_mean
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid
from scoreline.scoring.values import to_category, to_number

Handling = Literal["numeric", "category"]

Column = Any  # pyarrow.ChunkedArray, whose stubs are generic in what only the data knows

GREATEST_NUMBER = float(np.finfo(np.float32).max)
"""The trees of scikit-learn compare float32: a greater number would be infinite to them."""


def feature_frame(table: pa.Table, handlings: Mapping[str, Handling], *, dataset: str) -> pd.DataFrame:
    """The features of a table, in the order of `handlings`.

    Numeric features are float64 with NaN for missing, categories object columns of text with "" for missing.
    Raises Invalid, naming the dataset and the feature, when a column is not there or holds what it must not.
    """
    for name in handlings:
        check_column(table, name, what="feature", dataset=dataset)
    columns = {
        name: numeric_values(table[name], name, dataset=dataset)
        if handling == "numeric"
        else category_values(table[name], name, dataset=dataset)
        for name, handling in handlings.items()
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def check_column(table: pa.Table, name: str, *, what: str, dataset: str) -> None:
    """Raise Invalid, naming the nearest column, unless the table has exactly one column of this name."""
    count = table.column_names.count(name)
    if count == 0:
        raise Invalid(
            f"dataset {dataset!r} has no column {name!r}, the {what}; "
            f"{did_you_mean(name, table.column_names)}",
            code="no-such-column",
        )
    if count > 1:
        raise Invalid(f"dataset {dataset!r} has {count} columns {name!r}; rename all but one")


def numeric_values(
    column: Column, name: str, *, dataset: str, advice: str = "or handle it as a category"
) -> np.ndarray[Any, Any]:
    """A column as float64 with NaN for missing. Raises Invalid if a value is not a finite number."""
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        wrong = np.isinf(numbers) | (np.abs(numbers) > GREATEST_NUMBER)
    else:
        numbers, wrong = _by_distinct_value(column, to_number, np.nan, np.float64)
        wrong = wrong | (np.abs(numbers) > GREATEST_NUMBER)
    if wrong.any():
        what = "a number that is not finite or beyond ±3.4e38" if _is_number(kind) else "something else"
        raise _wrong_values(name, "numeric", wrong, what, advice, dataset)
    return numbers


def category_values(column: Column, name: str, *, dataset: str) -> np.ndarray[Any, Any]:
    """A column as text with "" for missing. Raises Invalid if a value is a list, an object or infinite."""
    texts, wrong = _by_distinct_value(column, to_category, "", object)
    if wrong.any():
        what = "a list, an object or a number that is not finite"
        raise _wrong_values(name, "category", wrong, what, "or leave it out", dataset)
    return texts


def column_type(kind: pa.DataType) -> ColumnType:
    """What an Arrow type is in the words of a signature."""
    if pa.types.is_dictionary(kind):
        return column_type(kind.value_type)
    if pa.types.is_boolean(kind):
        return ColumnType.BOOLEAN
    if pa.types.is_integer(kind):
        return ColumnType.INT
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return ColumnType.DOUBLE
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return ColumnType.DATE
    return ColumnType.STRING


def record_value(value: Any) -> Any:
    """A value of a table as a record (JSON) holds it: dates as ISO 8601 text, NaN as null."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float) and value != value:
        return None
    return value


def _by_distinct_value(
    column: Column, convert: Callable[[Any], Any], missing: Any, kind: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Convert each distinct value once: the values of all rows, and which rows could not be converted."""
    if pa.types.is_nested(column.type):
        wrong = column.is_valid().to_numpy()
        return np.full(len(column), missing, dtype=kind), wrong
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    distinct = [record_value(value) for value in encoded.dictionary.to_pylist()]
    values = np.full(len(distinct) + 1, missing, dtype=kind)
    bad = np.zeros(len(distinct) + 1, dtype=bool)
    for place, value in enumerate(distinct):
        try:
            values[place] = convert(value)
        except Invalid:
            bad[place] = True
    indices: Any = pc.fill_null(encoded.indices, len(distinct))
    codes = indices.to_numpy()
    return values[codes], bad[codes]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _wrong_values(
    name: str, handling: str, wrong: np.ndarray[Any, Any], what: str, instead: str, dataset: str
) -> Invalid:
    count, first = int(wrong.sum()), int(wrong.argmax()) + 1
    held = f"{count} rows hold {what}, the first is row {first}" if count > 1 else f"row {first} holds {what}"
    return Invalid(
        f"column {name!r} of dataset {dataset!r} is {handling}, but {held}; clean it in a recipe, {instead}",
        code="wrong-values",
    )
