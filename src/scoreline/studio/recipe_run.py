"""One recipe at work: what it is given, where it may write, and where it says what it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from scoreline.core.project import Project
from scoreline.errors import Invalid, NotFound, Unavailable
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace

_READING = (NotFound, Invalid, Unavailable)


@dataclass(frozen=True)
class RecipeRun:
    """What a recipe needs to run."""

    recipe_id: str
    project: Project
    tables: Tables
    workspace: Workspace
    scratch: Path
    """An empty folder of its own, removed afterwards."""
    log_file: Path
    by: str
    """Who builds."""

    def log(self, message: str) -> None:
        """Append a line to the recipe's log."""
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%H:%M:%S} {message}\n")

    def read(self, dataset_id: str) -> pa.Table:
        """The rows of an input. Raises what reading it raises, with the input's id before the message."""
        try:
            table = self.tables.read(dataset_id)
        except _READING as error:
            family = next(family for family in _READING if isinstance(error, family))
            raise family(f"input {dataset_id!r}: {error.message}", code=error.code) from error
        self.log(f"read {dataset_id}: {len(table)} rows, {table.num_columns} columns")
        return table

    def write(self, dataset_id: str, table: pa.Table) -> int:
        """Replace the rows of an output; returns how many they are now."""
        written = self.tables.write(dataset_id, table)
        self.log(f"wrote {dataset_id}: {written.rows} rows, {len(written.columns)} columns")
        return written.rows
