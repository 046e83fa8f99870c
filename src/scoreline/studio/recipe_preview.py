"""The process of a preview: `python -m scoreline.studio.recipe_preview FOLDER RECIPE` with SQL on its input.

The answer is a sample of the rows that the recipe would write, as JSON on the standard output.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import msgspec

from scoreline.core.recipe import SqlRecipe
from scoreline.core.sql_variables import filled
from scoreline.errors import Invalid
from scoreline.storage.project_files import read_project
from scoreline.storage.queries import select_rows
from scoreline.storage.tables import open_tables
from scoreline.studio.dataset_look import answer, sample_of


def main(folder: Path, recipe_id: str, sql: str) -> int:
    """Write the sample, or why there is none; returns the exit status."""
    return answer(f"the outcome of {recipe_id!r}", lambda: _selected(folder, recipe_id, sql))


def _selected(folder: Path, recipe_id: str, sql: str) -> msgspec.Raw:
    project = read_project(folder)
    recipe = project.recipes[recipe_id]
    if not isinstance(recipe, SqlRecipe):
        raise Invalid("only recipes of SQL have a preview; run this one", code="no-preview")
    tables = open_tables(project, folder, os.environ)
    inputs = {dataset: tables.read(dataset) for dataset in recipe.inputs}
    with tempfile.TemporaryDirectory(prefix="scoreline-") as scratch:
        rows = select_rows(filled(sql, project.settings.variables), inputs, Path(scratch), "the outcome")
    return sample_of(recipe.output, rows)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.stdin.read()))
