"""Columns of tables as the values that training and scoring share: `scoring.values` for many rows."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.names import did_you_mean
from scoreline.errors import Invalid
from scoreline.scoring.values import to_category, to_number
from scoreline.storage.columns import canonical

Handling = Literal["numeric", "category"]
Column = Any  # pyarrow.ChunkedArray, whose stubs are generic in what only the data knows

GREATEST_NUMBER = float(np.finfo(np.float32).max)
"""The trees of scikit-learn compare float32: a greater number would be infinite to them."""


def used_columns(table: pa.Table, used: Mapping[str, str], *, dataset: str) -> pa.Table:
    """The columns named in `used` (name -> what it is used as), in the types of `storage.columns`.

    Raises Invalid, with the nearest name, for a column that is not there, and for values of no such type.
    """
    for name, what in used.items():
        if name not in table.column_names:
            raise Invalid(
                f"dataset {dataset!r} has no column {name!r}, the {what}; "
                f"{did_you_mean(name, table.column_names)}",
                code="no-such-column",
            )
    return canonical(table.select(list(used)), f"dataset {dataset!r}")


def feature_frame(table: pa.Table, handlings: Mapping[str, Handling], *, dataset: str) -> pd.DataFrame:
    """The features of a table of `used_columns`, in the order of `handlings`.

    Numeric features are float64 with NaN for missing, categories object columns of text with "" for missing.
    Raises Invalid, naming the dataset and the feature, when a column holds what it must not.
    """
    columns = {}
    for name, handling in handlings.items():
        read = numeric_values if handling == "numeric" else category_values
        values = read(table[name], name, dataset=dataset)
        columns[name] = pd.Series(values, dtype=values.dtype, copy=False)  # else pandas makes it its own text
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def numeric_values(
    column: Column, name: str, *, dataset: str, advice: str = "or handle it as a category"
) -> np.ndarray[Any, Any]:
    """A column as float64 with NaN for missing. Raises Invalid if a value is not a finite number."""
    kind = column.type
    what = "something else"
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        wrong = np.abs(numbers) > GREATEST_NUMBER
        what = "a number that is infinite or beyond ±3.4e38"
    else:
        numbers, wrong = _by_distinct_value(column, to_number, np.nan, np.float64)
        wrong = wrong | (np.abs(numbers) > GREATEST_NUMBER)
    if wrong.any():
        raise _wrong_values(name, "numeric", wrong, what, advice, dataset)
    return numbers


def category_values(column: Column, name: str, *, dataset: str) -> np.ndarray[Any, Any]:
    """A column as text with "" for missing. Raises Invalid if a value is infinite."""
    texts, wrong = _by_distinct_value(column, to_category, "", object)
    if wrong.any():
        raise _wrong_values(name, "category", wrong, "an infinite number", "or leave it out", dataset)
    return texts


def record_value(value: Any) -> Any:
    """A value of a table as a record (JSON) holds it: dates as ISO 8601 text."""
    if isinstance(value, datetime.date):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _by_distinct_value(
    column: Column, convert: Callable[[Any], Any], missing: Any, kind: Any
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Convert each distinct value once: the values of all rows, and which rows could not be converted."""
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


def _wrong_values(
    name: str, handling: str, wrong: np.ndarray[Any, Any], what: str, instead: str, dataset: str
) -> Invalid:
    count, first = int(wrong.sum()), int(wrong.argmax()) + 1
    held = f"{count} rows hold {what}, the first is row {first}" if count > 1 else f"row {first} holds {what}"
    return Invalid(
        f"column {name!r} of dataset {dataset!r} is {handling}, but {held}; clean it in a recipe, {instead}",
        code="wrong-values",
    )
