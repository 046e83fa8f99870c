"""Lookups: columns added to a record by key, from a dataset of the project."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class LookupKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column of the key, and the name under which the query carries it."""

    column: str
    name: str | None = None
    """None: the column's own name."""

    @property
    def query_name(self) -> str:
        """The name under which the query carries the key."""
        return self.name if self.name is not None else self.column


class LookupColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column to retrieve, and the name it gets."""

    column: str
    name: str | None = None
    """None: the column's own name."""

    @property
    def output_name(self) -> str:
        """The name the value gets in the record or the answer."""
        return self.name if self.name is not None else self.column


class Lookup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Find the row of a dataset by key and add its columns. The rows travel in the package (*bundled*)."""

    dataset: str
    keys: tuple[LookupKey, ...]
    columns: tuple[LookupColumn, ...] | Literal["all"] = "all"
    """`all`: every column that is not part of the key, under its own name."""
    on_missing_key: Literal["leave_empty", "ignore_record", "error"] = "leave_empty"
    """The query has no value for a key (absent or null)."""
    on_no_match: Literal["leave_empty", "ignore_record", "error"] = "leave_empty"
    on_several_matches: Literal["first", "leave_empty", "ignore_record", "error"] = "ignore_record"
    """`first`: the row that comes first in the dataset."""
    precedence: Literal["query", "lookup"] = "query"
    """Which value stands when the query already holds a value for a retrieved column."""
