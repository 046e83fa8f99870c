"""Written rows: what is known of a managed dataset without reading it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.schema import Schema
from scoreline.errors import Invalid, NotFound


class Current(Struct, frozen=True, kw_only=True):
    """`current.json`: the rows that count."""

    folder: str
    rows: int
    digest: str
    """SHA-256 of the Parquet file: equal rows in equal order, written by the same library, are equal."""
    columns: Schema


def current(dataset: Path) -> Current | None:
    """What the pointer says; None when nothing was written yet."""
    try:
        return msgspec.json.decode((dataset / "current.json").read_bytes(), type=Current)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise Invalid(f"{dataset.name}/current.json is damaged; build the dataset again") from error


def not_built(dataset_id: str) -> NotFound:
    """The error for a managed dataset whose recipe has not run."""
    return NotFound(f"dataset {dataset_id!r} has no rows yet: scoreline build {dataset_id}", code="not-built")
