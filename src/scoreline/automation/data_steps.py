"""Steps that read data: numbers of a dataset, SQL, Python. They run in a process of their own."""

from __future__ import annotations

import linecache
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from scoreline.automation.step_result import StepResult, failed
from scoreline.core.scenario_step import ComputeMetricsStep, PythonStep, SqlStep
from scoreline.core.scenario_trigger import DatasetTrigger, SqlTrigger
from scoreline.errors import Invalid, NotFound
from scoreline.storage.connections import Connections
from scoreline.storage.project_files import read_project
from scoreline.storage.queries import select_rows
from scoreline.storage.tables import Tables, open_tables, plain_values

Say = Callable[[str], None]

_MOST_ROWS = 100
_LONGEST_OUTPUT = 100_000
"""Of what a step gives, as JSON."""


def compute_metrics(folder: Path, step: ComputeMetricsStep, say: Say) -> StepResult:
    """Rows, and for each column: nulls, distinct values, and min, max and mean of numbers."""
    project = read_project(folder)
    return measured(step, open_tables(project, folder, os.environ).read(step.dataset), say)


def measured(step: ComputeMetricsStep, table: pa.Table, say: Say) -> StepResult:
    """The same, of rows that are there already."""
    columns = {name: _described(table.column(name)) for name in table.column_names}
    say(f"{step.dataset}: {len(table)} rows, {len(columns)} columns")
    return StepResult(
        message=f"{step.dataset} has {len(table)} rows",
        outputs={"dataset": step.dataset, "rows": len(table), "columns": columns},
    )


def run_sql(folder: Path, step: SqlStep, scratch: Path, say: Say) -> StepResult:
    """The first rows of the answer, their columns, the first row by column, and its first value."""
    if step.connection is not None:
        return _on_connection(folder, step, step.connection, say)
    return answered(_selected(folder, step, scratch), say)


def answered(table: pa.Table, say: Say) -> StepResult:
    """What a step gives whose SQL has selected these rows."""
    names = table.column_names
    columns = [plain_values(table.column(name).slice(0, _MOST_ROWS).combine_chunks()) for name in names]
    rows = [list(row) for row in zip(*columns, strict=True)]
    say(f"{len(table)} rows")
    return _answered(names, rows, len(table))


def look(folder: Path, trigger: DatasetTrigger | SqlTrigger, scratch: Path) -> StepResult:
    """What a trigger watches, as one text: digests of datasets, or the first rows of an answer.

    Of a dataset that is not there (no file, not built yet) the digest is null.
    """
    if isinstance(trigger, DatasetTrigger):
        tables = open_tables(read_project(folder), folder, os.environ)
        seen: Any = {name: _digest(tables, name) for name in sorted(trigger.datasets)}
    else:
        asked = SqlStep(id="look", query=trigger.query, connection=trigger.connection, inputs=trigger.inputs)
        answer = run_sql(folder, asked, scratch, lambda _: None).outputs
        if answer["count"] and not answer["rows"]:
            raise Invalid(f"the answer is longer than {_LONGEST_OUTPUT} bytes; ask for less")
        seen = answer["rows"]
    return StepResult(outputs={"seen": msgspec.json.encode(seen, enc_hook=str).decode()})


def run_python(folder: Path, step: PythonStep, variables: Mapping[str, Any], say: Say) -> StepResult:
    """What the function returns, as JSON; a mapping's fields are outputs, anything else is `value`."""
    file, code = _code(folder, step)
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    space: dict[str, Any] = {"__name__": "scenario_step", "__file__": file}
    try:
        exec(compile(code, file, "exec"), space)  # noqa: S102 - that is what this step is for
        function = space.get(step.function)
        if not callable(function):
            return failed(f"{file} defines no function {step.function!r}")
        made = function(dict(variables))
    except BaseException as error:
        traceback.print_exc(file=sys.stdout)
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file
        ]
        where = f" ({file} line {lines[-1]})" if lines else ""
        return failed(f"{type(error).__name__}: {str(error)[:300]}{where}")
    try:
        plain = msgspec.to_builtins(made)
        length = len(msgspec.json.encode(plain))
    except (TypeError, ValueError) as error:
        return failed(f"{step.function}() returned what is no JSON: {str(error)[:200]}")
    if length > _LONGEST_OUTPUT:
        return failed(f"{step.function}() returned {length} bytes; at most {_LONGEST_OUTPUT} are kept")
    outputs = plain if isinstance(plain, dict) else {} if plain is None else {"value": plain}
    say(f"{step.function}() has returned")
    return StepResult(message="the code has run", outputs={str(key): one for key, one in outputs.items()})


def _digest(tables: Tables, dataset: str) -> str | None:
    try:
        return tables.digest(dataset)
    except NotFound:
        return None


def _code(folder: Path, step: PythonStep) -> tuple[str, str]:
    if step.file is None:
        return "the step's code", step.code or ""
    path = (folder / step.file).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise Invalid(f"{step.file!r} is no file of the project")
    return step.file, path.read_text("utf-8")


def _on_connection(folder: Path, step: SqlStep, connection_id: str, say: Say) -> StepResult:
    project = read_project(folder)
    connections = Connections(project.connections, folder, os.environ)
    with connections.open(connection_id) as connection:
        found = connection.exec_driver_sql(step.query)
        names = list(found.keys()) if found.returns_rows else []
        rows = [list(row) for row in found.fetchmany(_MOST_ROWS)] if names else []
        changed = found.rowcount if not names else len(rows)
        connection.commit()
    say(f"{changed} rows")
    plain = msgspec.to_builtins(rows, enc_hook=str)
    return _answered(names, plain, changed)


def _selected(folder: Path, step: SqlStep, scratch: Path) -> pa.Table:
    project = read_project(folder)
    tables = open_tables(project, folder, os.environ)
    return select_rows(step.query, {name: tables.read(name) for name in step.inputs}, scratch)


def _answered(names: list[str], rows: list[list[Any]], count: int) -> StepResult:
    first = dict(zip(names, rows[0] if rows else [None] * len(names), strict=True))
    value = rows[0][0] if rows and rows[0] else None
    outputs = {"columns": names, "rows": rows, "count": count, "value": value, "first": first}
    if len(msgspec.json.encode(outputs, enc_hook=str)) > _LONGEST_OUTPUT:
        outputs |= {"rows": [], "first": {}}
    return StepResult(message=f"{count} rows", outputs=outputs)


def _described(column: pa.ChunkedArray) -> dict[str, Any]:
    described: dict[str, Any] = {
        "nulls": column.null_count,
        "distinct": pc.count_distinct(column).as_py(),
    }
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        ends = pc.min_max(column)
        described |= {
            "min": ends["min"].as_py(),
            "max": ends["max"].as_py(),
            "mean": pc.mean(column).as_py(),
        }
    return described
