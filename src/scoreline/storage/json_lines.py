"""JSON lines as a table: one object a line, plain or gzipped."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from scoreline.core.schema import Column, ColumnType, Schema
from scoreline.errors import Invalid
from scoreline.storage.columns import NotOfType, from_text, shortened

_BATCH = 20_000
_Row = dict[str, Any]
_MISSING = (None, "")
_ARTICLE = {ColumnType.INT: "an int"}


def read_json_lines(files: Sequence[tuple[Path, str]], declared: Schema | None) -> pa.Table:
    """All rows of (file, name to show) pairs; null, "" and an absent key are missing.

    Without declared columns: a column whose values are of one kind has its type, ints among doubles are
    doubles, anything else is text (lists and objects as JSON). Raises Invalid naming file and row.
    """
    schema = declared if declared is not None else _sniff(files)
    batches = []
    places: list[tuple[str, int, int]] = []
    for file, name in files:
        rows = _rows(file, name)
        for first in itertools.count(1, _BATCH):
            batch = list(itertools.islice(rows, _BATCH))
            if not batch:
                break
            places.append((name, first, len(batch)))
            batches.append([_column(batch, column, name, first, declared is not None) for column in schema])
    columns = [
        _as_column([batch[at] for batch in batches], column, places) for at, column in enumerate(schema)
    ]
    return pa.table(columns, names=[column.name for column in schema])


def _rows(file: Path, name: str) -> Iterator[_Row]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
        number = 0
        for line in lines:
            if not line.strip():
                continue
            number += 1
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise Invalid(f"{name}, row {number}: not a JSON object: {str(error)[:120]}") from error


def _sniff(files: Iterable[tuple[Path, str]]) -> Schema:
    kinds: dict[str, set[type]] = {}
    for file, name in files:
        for row in _rows(file, name):
            for key, value in row.items():
                seen = kinds.setdefault(key, set())
                if value not in _MISSING:
                    seen.add(type(value))
    return tuple(Column(name, _kind(seen)) for name, seen in kinds.items())


def _kind(seen: set[type]) -> ColumnType:
    if seen == {bool}:
        return ColumnType.BOOLEAN
    if seen == {int}:
        return ColumnType.INT
    if seen and seen <= {int, float}:
        return ColumnType.DOUBLE
    return ColumnType.STRING


def _column(rows: list[_Row], column: Column, name: str, first: int, strict: bool) -> list[object]:
    values: list[object] = []
    for at, row in enumerate(rows):
        value = row.get(column.name)
        if value in _MISSING:
            values.append(None)
            continue
        fitting = _fit(value, column.type, strict)
        if fitting is None:
            expected = _ARTICLE.get(column.type, f"a {column.type.value}")
            raise Invalid(
                f"{name}, row {first + at}, column {column.name}: {shortened(value)} is not {expected}"
            )
        values.append(fitting)
    return values


def _fit(value: object, kind: ColumnType, strict: bool) -> object | None:
    """The value in the type, or None when it is not of it."""
    match kind:
        case ColumnType.STRING if isinstance(value, str):
            return value
        case ColumnType.STRING if not strict:
            return json.dumps(value, ensure_ascii=False)
        case ColumnType.BOOLEAN if isinstance(value, bool):
            return value
        case ColumnType.INT if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value) if value == int(value) and -(2**63) <= value < 2**63 else None
        case ColumnType.DOUBLE if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        case ColumnType.DATE if isinstance(value, str):
            return value
    return None


def _as_column(
    batches: list[list[object]], column: Column, places: Sequence[tuple[str, int, int]]
) -> pa.ChunkedArray:
    kinds = {
        ColumnType.INT: pa.int64(),
        ColumnType.DOUBLE: pa.float64(),
        ColumnType.BOOLEAN: pa.bool_(),
    }
    kind = kinds.get(column.type, pa.string())
    values = pa.chunked_array([pa.array(batch, kind) for batch in batches], kind)
    if column.type is not ColumnType.DATE:
        return values
    try:
        return from_text(values, column)
    except NotOfType as error:
        name, row = _place(places, error.row)
        raise Invalid(f"{name}, row {row}, {error}") from error


def _place(places: Sequence[tuple[str, int, int]], row: int) -> tuple[str, int]:
    """File and row (from 1) of the row at an index of all batches: (file, first row, rows) together."""
    for name, first, rows in places:
        if row < rows:
            return name, first + row
        row -= rows
    raise AssertionError(row)
