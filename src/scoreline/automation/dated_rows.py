"""Rows with the day that each of them is of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.names import did_you_mean
from scoreline.errors import Invalid

_EPOCH = date(1970, 1, 1)
_NEVER = np.iinfo(np.int64).max


class DatedRows:
    """The rows of a dataset by the day, in UTC, of a column. Rows without a date are of no day."""

    def __init__(self, table: pa.Table, column: str, *, dataset: str) -> None:
        """Raises Invalid, naming the nearest column, when there is none of dates of that name."""
        self.column = column
        self._table = table
        self._days = _days(table, column, dataset)

    def between(self, first: date | None, last: date) -> pa.Table:
        """The rows from a day (None: from the first) to another one, that one included, in their order."""
        return self._table.filter(pa.array(self._of(first, last)))

    def count(self, first: date | None, last: date) -> int:
        """How many rows `between` gives."""
        return int(self._of(first, last).sum())

    @property
    def span(self) -> tuple[date, date] | None:
        """The first day and the last; None without any."""
        known = self._days[self._days != _NEVER]
        if not len(known):
            return None
        return _EPOCH + timedelta(days=int(known.min())), _EPOCH + timedelta(days=int(known.max()))

    @property
    def without_date(self) -> int:
        """How many rows are of no day."""
        return int((self._days == _NEVER).sum())

    def _of(self, first: date | None, last: date) -> np.ndarray[Any, Any]:
        rows: np.ndarray[Any, Any] = self._days <= _ordinal(last)
        return rows if first is None else rows & (self._days >= _ordinal(first))


def _days(table: pa.Table, column: str, dataset: str) -> np.ndarray[Any, Any]:
    if column not in table.column_names:
        raise Invalid(
            f"dataset {dataset!r} has no column {column!r}; {did_you_mean(column, table.column_names)}",
            code="no-such-column",
        )
    values = table.column(column)
    if not pa.types.is_temporal(values.type):
        raise Invalid(
            f"column {column!r} of dataset {dataset!r} is {values.type}, not dates; declare it as date in "
            f"datasets/{dataset}.yaml",
            code="no-date",
        )
    days = pc.floor_temporal(values, unit="day") if pa.types.is_timestamp(values.type) else values
    numbers = days.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return np.asarray(pc.fill_null(numbers, _NEVER))


def _ordinal(day: date) -> int:
    return (day - _EPOCH).days
