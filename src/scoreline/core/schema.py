"""Columns and their types: what a table or a record looks like."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class ColumnType(Enum):
    """What the values of a column are. Every type also has the missing value."""

    STRING = "string"
    INT = "int"
    """Whole numbers of 64 bits."""
    DOUBLE = "double"
    """IEEE 754 numbers of 64 bits."""
    BOOLEAN = "boolean"
    DATE = "date"
    """An instant or a day; as text, ISO 8601."""


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """One column of a table."""

    name: str
    type: ColumnType


Schema = tuple[Column, ...]
