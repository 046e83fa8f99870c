"""Datasets: named tables of a project, wherever their rows live."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from scoreline.core.schema import Column


class FilesDataset(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="files"
):
    """Rows in one file, or in all files of one folder, that somebody else writes."""

    path: str
    """Relative to the project's folder, inside it; a folder means all files in it of this format."""
    format: Literal["csv", "parquet", "jsonl"] = "csv"
    """`csv` and `jsonl` may be gzipped (`.gz`)."""
    columns: tuple[Column, ...] | None = None
    """Names and types; None: found by looking at the rows."""
    delimiter: str = ","
    description: str = ""


class SqlDataset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="sql"):
    """Rows of one table behind a connection."""

    connection: str
    table: str
    """A table name, or schema.table."""
    columns: tuple[Column, ...] | None = None
    description: str = ""


class ManagedDataset(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="managed"
):
    """Rows that a recipe of the project writes; kept as Parquet by Scoreline."""

    columns: tuple[Column, ...] | None = None
    """If given, the recipe's output is checked against it."""
    description: str = ""


Dataset = FilesDataset | SqlDataset | ManagedDataset
