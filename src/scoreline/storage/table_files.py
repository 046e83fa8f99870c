"""Files as tables: CSV, Parquet and JSON lines, plain or gzipped, one file or all of a folder."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from scoreline.core.dataset import FilesDataset
from scoreline.core.schema import Column, Schema
from scoreline.errors import Invalid
from scoreline.storage.columns import NotOfType, canonical, from_text, select, sniff
from scoreline.storage.json_lines import read_json_lines

# One thread: only then does the parser say which row is wrong.
_CSV_READING = pa.csv.ReadOptions(use_threads=False, block_size=4 << 20)


def read_files(dataset: FilesDataset, files: Sequence[Path], project: Path) -> pa.Table:
    """All rows, file after file, as a canonical table (`storage.columns`).

    With declared columns those are read, in that order, strictly; else all columns, typed by looking at all
    rows. Raises Invalid naming file, row (the first row of data is 1) and column.
    """
    names = [file.relative_to(project).as_posix() for file in files]
    try:
        match dataset.format:
            case "csv":
                texts = [_read_csv(file, name, dataset) for file, name in zip(files, names, strict=True)]
                return _typed(texts, names, dataset.columns)
            case "jsonl":
                return read_json_lines(list(zip(files, names, strict=True)), dataset.columns)
            case "parquet":
                tables = [
                    _read_parquet(f, name, dataset.columns) for f, name in zip(files, names, strict=True)
                ]
                return _together(tables, names)
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise Invalid(f"{', '.join(names[:3])}: damaged or not what its name says: {error}") from error


def _read_csv(file: Path, name: str, dataset: FilesDataset) -> pa.Table:
    """One file with every column as text, empty as missing."""
    try:
        with pa.input_stream(file, compression="gzip" if file.suffix == ".gz" else None) as stream:
            header = pa.csv.open_csv(stream, _CSV_READING, _csv_syntax(dataset)).schema.names
        _check_header(header, name, dataset.columns)
        texts = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
            include_columns=[column.name for column in dataset.columns] if dataset.columns else [],
        )
        with pa.input_stream(file, compression="gzip" if file.suffix == ".gz" else None) as stream:
            return pa.csv.read_csv(stream, _CSV_READING, _csv_syntax(dataset), texts)
    except pa.ArrowInvalid as error:
        raise Invalid(f"{name}: {_csv_fault(str(error))}") from error
    except OSError as error:
        raise Invalid(f"{name}: cannot be read: {error}") from error


def _csv_syntax(dataset: FilesDataset) -> pa.csv.ParseOptions:
    return pa.csv.ParseOptions(delimiter=dataset.delimiter, newlines_in_values=True, ignore_empty_lines=True)


def _check_header(header: list[str], name: str, declared: Schema | None) -> None:
    for at, column in enumerate(header):
        if column in header[:at]:
            raise Invalid(f"{name}: two columns are named {column!r}")
    missing = [column.name for column in declared or () if column.name not in header]
    if missing:
        raise Invalid(f"{name}: no column {missing[0]!r}; there is: {', '.join(header[:12])}")


def _csv_fault(message: str) -> str:
    """Arrow's words in ours: the row counted without the header, and none of the row's text."""
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if found:
        return f"row {int(found[1]) - 1}: {found[3]} values for {found[2]} columns"
    if "UTF8" in message:
        return "not UTF-8 text"
    return message.split(":")[0] if "Empty CSV" in message else message[:120]


def _typed(tables: list[pa.Table], names: list[str], declared: Schema | None) -> pa.Table:
    whole = _together(tables, names)
    schema = declared or tuple(Column(name, sniff(whole.column(name))) for name in whole.column_names)
    try:
        columns = [from_text(whole.column(column.name), column) for column in schema]
    except NotOfType as error:
        name, row = _place(tables, names, error.row)
        raise Invalid(f"{name}, row {row}, {error}") from error
    return pa.table(columns, names=[column.name for column in schema])


def _place(tables: list[pa.Table], names: list[str], row: int) -> tuple[str, int]:
    """File and row (from 1) of the row at an index of all files together."""
    for table, name in zip(tables, names, strict=True):
        if row < len(table):
            return name, row + 1
        row -= len(table)
    raise AssertionError(row)


def _read_parquet(file: Path, name: str, declared: Schema | None) -> pa.Table:
    try:
        with pa.parquet.ParquetFile(file) as parquet:
            present = parquet.schema_arrow.names
            wanted = [c.name for c in declared if c.name in present] if declared else None
            table = parquet.read(columns=wanted)
    except (pa.ArrowInvalid, OSError) as error:
        raise Invalid(f"{name}: cannot be read as Parquet: {str(error)[:120]}") from error
    table = canonical(table, name)
    return select(table, declared, name) if declared else table


def _together(tables: list[pa.Table], names: list[str]) -> pa.Table:
    first = tables[0]
    for table, name in zip(tables[1:], names[1:], strict=True):
        if set(table.column_names) != set(first.column_names):
            odd = sorted(set(table.column_names) ^ set(first.column_names))[0]
            raise Invalid(f"{name}: column {odd!r} is not in both this file and {names[0]}")
    try:
        return pa.concat_tables([table.select(first.column_names) for table in tables])
    except pa.ArrowInvalid as error:
        raise Invalid(
            f"{names[0]} and the files after it have different types: {str(error)[:200]}"
        ) from error
