"""Samples of datasets: their first rows."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.schema import Schema


class DatasetSample(Struct, frozen=True, kw_only=True):
    """A dataset's columns, size and first rows."""

    id: str
    columns: Schema
    rows: int
    sample: tuple[dict[str, str | int | float | bool | None], ...]
