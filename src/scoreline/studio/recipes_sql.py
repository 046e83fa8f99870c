"""SQL and split recipes: rows selected by DuckDB, rows dealt to several datasets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.recipe import SplitPart, SplitRecipe, SqlRecipe
from scoreline.core.sql_variables import filled
from scoreline.errors import Invalid
from scoreline.storage.queries import select_rows
from scoreline.studio.recipe_run import RecipeRun

_Taken = np.ndarray[tuple[int], np.dtype[np.bool_]]


def run_sql(recipe: SqlRecipe, run: RecipeRun) -> dict[str, int]:
    """Select the output from the inputs."""
    inputs = {dataset: run.read(dataset) for dataset in recipe.inputs}
    sql = filled(run.project.code.get(run.recipe_id, ""), run.project.settings.variables)
    rows = select_rows(sql, inputs, run.scratch, f"output {recipe.output!r}")
    return {recipe.output: run.write(recipe.output, rows)}


def run_split(recipe: SplitRecipe, run: RecipeRun) -> dict[str, int]:
    """Deal the rows of the input to the parts, each keeping the input's order."""
    table = run.read(recipe.input)
    free = np.ones(len(table), dtype=np.bool_)
    taken: dict[str, _Taken] = {}
    for part in recipe.parts:
        if part.where is not None:
            taken[part.dataset] = free & _holds(part, table, recipe.input, run)
            free = free & ~taken[part.dataset]
    taken |= deal(free, [part for part in recipe.parts if part.share is not None], recipe.seed)
    left = free & ~np.logical_or.reduce(list(taken.values()) or [~free])
    for part in recipe.parts:
        if part.where is None and part.share is None:
            taken[part.dataset] = left
            left = np.zeros_like(left)
    return {
        part.dataset: run.write(part.dataset, table.filter(pa.array(taken[part.dataset])))
        for part in recipe.parts
    }


def deal(free: _Taken, parts: list[SplitPart], seed: int) -> dict[str, _Taken]:
    """Which of the free rows each part gets: its exact share, chosen by seed and row number alone.

    The same rows every time, whatever the libraries; a row added at the end moves few of the others.
    """
    rows = np.flatnonzero(free)
    shuffled = rows[np.argsort(_mixed(rows, seed), kind="stable")]
    dealt: dict[str, _Taken] = {}
    start, share = 0, 0.0
    for part in parts:
        share += part.share or 0.0
        end = min(round(share * len(rows)), len(rows))
        mask = np.zeros(len(free), dtype=np.bool_)
        mask[shuffled[start:end]] = True
        dealt[part.dataset] = mask
        start = end
    return dealt


def _holds(part: SplitPart, table: pa.Table, input_id: str, run: RecipeRun) -> _Taken:
    """For each row whether the part's condition holds; one that is unknown (null) does not."""
    name = input_id.replace('"', '""')
    try:
        where = filled(part.where or "", run.project.settings.variables)
        # On lines of their own, so that a comment at the end of the condition ends there.
        condition = f'SELECT (\n{where}\n) IS TRUE AS holds FROM "{name}"'  # noqa: S608 - sealed off
        rows = select_rows(condition, {input_id: table}, run.scratch)
    except Invalid as error:
        raise Invalid(f"the condition of part {part.dataset!r}: {error.message}") from error
    if rows.num_columns != 1 or len(rows) != len(table):
        raise Invalid(f"the condition of part {part.dataset!r} must be true or false for each row")
    return np.asarray(pc.fill_null(rows.column(0), False))


def _mixed(
    rows: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """SplitMix64 of row number and seed."""
    with np.errstate(over="ignore"):
        mixed = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(seed % 2**64) * np.uint64(0xD1342543DE82EF95)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
