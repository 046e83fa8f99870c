"""Column statistics: what is told of the values of a dataset, column by column."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.schema import ColumnType


class Bar(Struct, frozen=True, kw_only=True):
    """Rows whose value is a category, or lies in a range."""

    label: str
    """The category, or `0 – 25.5`."""
    rows: int


class ColumnStatistics(Struct, frozen=True, kw_only=True):
    """The values of one column. What does not apply to its type is None."""

    name: str
    type: ColumnType
    missing: int
    distinct: int
    """Different values that are there."""
    minimum: float | str | None = None
    """Of dates: ISO 8601."""
    maximum: float | str | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: dict[str, float] = {}
    """Keys 0.05, 0.25, 0.5, 0.75, 0.95."""
    bars: tuple[Bar, ...] = ()
    """Numbers and dates: ranges of equal width, in order. Others: the most frequent values, most first."""
    others: int = 0
    """Rows with a value that has no bar."""


class DatasetStatistics(Struct, frozen=True, kw_only=True):
    """The columns of a dataset, looked at."""

    id: str
    rows: int
    looked_at: int
    """Rows that the numbers are over: all of them, or as many as may be looked at, evenly taken."""
    columns: tuple[ColumnStatistics, ...]
    left_out: int
    """Columns beyond those that may be looked at."""
