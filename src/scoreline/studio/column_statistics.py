"""Statistics of the columns of a table, by DuckDB, at a bounded cost whatever the size of the table."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.column_statistics import Bar, ColumnStatistics, DatasetStatistics
from scoreline.core.schema import Column, ColumnType
from scoreline.storage.columns import schema_of
from scoreline.storage.queries import Select, selecting

MOST_ROWS = 250_000
MOST_COLUMNS = 200
_RANGES = 20
_FEW = 12
"""Different numbers that have a bar each, as categories have."""
_DAYS = 3 * 86_400.0
"""Seconds beyond which ranges of dates are told by the day."""
_QUANTILES = ("0.05", "0.25", "0.5", "0.75", "0.95")
_NUMBERS = """
SELECT count(*) - count(v) AS missing, count(DISTINCT v) AS different, min(v) AS low, max(v) AS high,
    avg(v) AS mean, stddev_pop(v) AS deviation,
    quantile_cont(v, 0.05) AS "q0.05", quantile_cont(v, 0.25) AS "q0.25", quantile_cont(v, 0.5) AS "q0.5",
    quantile_cont(v, 0.75) AS "q0.75", quantile_cont(v, 0.95) AS "q0.95"
FROM t
"""


def column_statistics(dataset_id: str, table: pa.Table, scratch: Path) -> DatasetStatistics:
    """What the rows of a table say of its columns; `scratch` is a folder for what does not fit in memory."""
    schema = schema_of(table)
    looked_at = table.select([column.name for column in schema[:MOST_COLUMNS]])
    if len(table) > MOST_ROWS:
        places = np.linspace(0, len(table) - 1, MOST_ROWS).round().astype(np.int64)
        looked_at = looked_at.take(pa.array(places))
    with selecting(scratch) as select:
        columns = tuple(_Column(column, looked_at, select).statistics() for column in schema[:MOST_COLUMNS])
    return DatasetStatistics(
        id=dataset_id,
        rows=len(table),
        looked_at=len(looked_at),
        columns=columns,
        left_out=max(0, len(schema) - MOST_COLUMNS),
    )


class _Column:
    """One column, asked about."""

    def __init__(self, column: Column, table: pa.Table, select: Select) -> None:
        self._column = column
        # By a name of our own: that of the column may be anything.
        self._table = pa.table({"v": table.column(column.name)})
        self._select = select

    def statistics(self) -> ColumnStatistics:
        match self._column.type:
            case ColumnType.INT | ColumnType.DOUBLE:
                return self._of_numbers()
            case ColumnType.DATE:
                return self._of_dates()
            case _:
                return self._of_values()

    def _rows(self, sql: str, **others: pa.Table) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._select(sql, {"t": self._table, **others}).to_pylist()
        return rows

    def _of_numbers(self) -> ColumnStatistics:
        doubles = pc.cast(self._table["v"], pa.float64())
        self._table = pa.table({"v": pc.if_else(pc.is_finite(doubles), doubles, None)})
        (told,) = self._rows(_NUMBERS)
        low, high = told["low"], told["high"]
        return ColumnStatistics(
            name=self._column.name,
            type=self._column.type,
            missing=told["missing"],
            distinct=told["different"],
            minimum=low,
            maximum=high,
            mean=told["mean"],
            deviation=told["deviation"],
            quantiles={} if low is None else {name: told[f"q{name}"] for name in _QUANTILES},
            bars=self._few_numbers() if told["different"] <= _FEW else self._ranges(low, high, _number),
        )

    def _few_numbers(self) -> tuple[Bar, ...]:
        found = self._rows("SELECT v, count(*) AS n FROM t WHERE v IS NOT NULL GROUP BY v ORDER BY v")
        return tuple(Bar(label=f"{row['v']:.15g}", rows=row["n"]) for row in found)

    def _of_dates(self) -> ColumnStatistics:
        is_day = pa.types.is_date32(self._table.schema.field("v").type)
        as_text = _day if is_day else _moment
        self._table = self._select("SELECT epoch(v)::DOUBLE AS v FROM t", {"t": self._table})
        (told,) = self._rows(_NUMBERS)
        low, high = told["low"], told["high"]
        return ColumnStatistics(
            name=self._column.name,
            type=self._column.type,
            missing=told["missing"],
            distinct=told["different"],
            minimum=None if low is None else as_text(low),
            maximum=None if low is None else as_text(high),
            bars=() if low is None else self._ranges(low, high, _day if high - low > _DAYS else as_text),
        )

    def _of_values(self) -> ColumnStatistics:
        (told,) = self._rows(
            "SELECT count(v) AS there, count(*) - count(v) AS missing, count(DISTINCT v) AS different FROM t"
        )
        found = self._rows(
            "SELECT left(v::VARCHAR, 80) AS label, count(*) AS n FROM t WHERE v IS NOT NULL "
            "GROUP BY v ORDER BY n DESC, v LIMIT 12"
        )
        return ColumnStatistics(
            name=self._column.name,
            type=self._column.type,
            missing=told["missing"],
            distinct=told["different"],
            bars=tuple(Bar(label=row["label"], rows=row["n"]) for row in found),
            others=told["there"] - sum(row["n"] for row in found),
        )

    def _ranges(self, low: float, high: float, as_text: Callable[[float], str]) -> tuple[Bar, ...]:
        width = (high - low) / _RANGES
        if not 0 < width < float("inf"):
            (row,) = self._rows("SELECT count(v) AS n FROM t")
            return (Bar(label=as_text(low), rows=row["n"]),)
        spread = pa.table({"low": [low], "width": [width], "most": [_RANGES - 1]})
        found = self._rows(
            "SELECT least(floor((v - low) / width)::INT, most) AS place, count(*) AS n FROM t, s "
            "WHERE v IS NOT NULL GROUP BY place",
            s=spread,
        )
        counts = {row["place"]: row["n"] for row in found}
        edges = [low + width * at for at in range(_RANGES)] + [high]
        return tuple(
            Bar(label=f"{as_text(edges[at])} – {as_text(edges[at + 1])}", rows=counts.get(at, 0))
            for at in range(_RANGES)
        )


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e4 or abs(value) >= 1e15 else f"{value:.0f}"


def _day(seconds: float) -> str:
    return _instant(seconds).date().isoformat()


def _moment(seconds: float) -> str:
    return f"{_instant(seconds):%Y-%m-%dT%H:%M}"


def _instant(seconds: float) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=seconds)
