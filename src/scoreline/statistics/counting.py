"""Counts of rows by category and by range, made by DuckDB in one pass over each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from scoreline.storage.queries import Select

Columns = Mapping[str, np.ndarray[Any, Any]]
"""By name: doubles with NaN for missing (numeric), or texts with "" for missing (category)."""
MISSING = -1
_AT_ONCE = 10  # columns in one query: bounds the memory of their copies


def is_category(values: np.ndarray[Any, Any]) -> bool:
    """Whether a column holds texts."""
    return bool(values.dtype == object)


def count_categories(columns: Columns, select: Select) -> dict[str, dict[str, int]]:
    """Rows by category for each column; missing ones under ""."""
    found: dict[str, dict[str, int]] = {name: {} for name in columns}
    for names in _groups(columns):
        queries = [
            f"SELECT {at} AS place, v{at} AS value, count(*) AS n FROM given GROUP BY value"  # noqa: S608
            for at in range(len(names))
        ]
        for place, value, count in _rows(queries, [columns[name] for name in names], select):
            found[names[place]][value or ""] = count
    return found


def count_ranges(
    columns: Columns, bounds: Mapping[str, Sequence[float]], select: Select
) -> dict[str, dict[int, int]]:
    """Rows by range for each column: the place of the first bound that is not less, or MISSING."""
    found: dict[str, dict[int, int]] = {name: {} for name in columns}
    for names in _groups(columns):
        queries = [
            f"SELECT {at} AS place, {_range(at, bounds[name])} AS value, count(*) AS n "  # noqa: S608
            "FROM given GROUP BY value"
            for at, name in enumerate(names)
        ]
        for place, value, count in _rows(queries, [columns[name] for name in names], select):
            found[names[place]][value] = count
    return found


def _range(at: int, bounds: Sequence[float]) -> str:
    cases = "".join(f" WHEN v{at} <= '{bound!r}'::DOUBLE THEN {place}" for place, bound in enumerate(bounds))
    return f"CASE WHEN v{at} IS NULL THEN {MISSING}{cases} ELSE {len(bounds)} END"


def _rows(
    queries: list[str], values: list[np.ndarray[Any, Any]], select: Select
) -> list[tuple[int, Any, int]]:
    table = pa.table({f"v{at}": _arrow(column) for at, column in enumerate(values)})
    counted = select(" UNION ALL ".join(queries), {"given": table})
    return list(zip(*(column.to_pylist() for column in counted.columns), strict=True))


def _arrow(values: np.ndarray[Any, Any]) -> pa.Array[Any]:
    if is_category(values):
        return pa.array(values, pa.string())
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null


def _groups(columns: Columns) -> list[list[str]]:
    names = list(columns)
    return [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
