"""SELECTs over tables in DuckDB, sealed off: a query sees its inputs and nothing of the host."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from scoreline.errors import Invalid, Unavailable
from scoreline.storage.columns import canonical

_MEMORY = "1GB"
_SEAL = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class Select(Protocol):
    """One SELECT; see `select_rows`."""

    def __call__(self, sql: str, inputs: Mapping[str, pa.Table], what: str = "result") -> pa.Table:
        """The rows."""


def select_rows(sql: str, inputs: Mapping[str, pa.Table], scratch: Path, what: str = "result") -> pa.Table:
    """The rows of one SELECT as a canonical table, in the same order every time.

    Each input is a table of its own name. `scratch` is a folder for what does not fit in memory. Raises
    Invalid for anything but one SELECT that works on these tables, Unavailable when memory or disk is full.
    """
    with selecting(scratch) as select:
        return select(sql, inputs, what)


@contextlib.contextmanager
def selecting(scratch: Path) -> Iterator[Select]:
    """Several SELECTs, one after the other: to open DuckDB takes longer than a small query."""
    with _translated(), contextlib.closing(_sealed(scratch)) as connection:

        def select(sql: str, inputs: Mapping[str, pa.Table], what: str = "result") -> pa.Table:
            _check_names(inputs)
            with _translated():
                for name, table in inputs.items():
                    connection.register(name, table)
                try:
                    statements = connection.extract_statements(sql)
                    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                        raise Invalid("the SQL must be one SELECT, and nothing else")
                    return canonical(connection.sql(statements[0].query).to_arrow_table(), what)
                finally:
                    for name in inputs:
                        connection.unregister(name)

        yield select


def _sealed(scratch: Path) -> duckdb.DuckDBPyConnection:
    # One thread: with more, the rows of joins and aggregations come in another order each time, so equal
    # inputs would give other digests and other models. Recipes run side by side instead.
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch / "duckdb"),
    }
    connection = duckdb.connect(":memory:", config=settings)
    try:
        for setting in _SEAL:
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_names(inputs: Mapping[str, pa.Table]) -> None:
    folded: dict[str, str] = {}
    for name in inputs:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            raise Invalid(f"SQL cannot tell {other!r} from {name!r}: rename one of the inputs")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise Unavailable(
            f"the query needs more than {_MEMORY} of memory or the disk is full: {_short(error)}",
            code="memory",
        ) from error
    except duckdb.IOException as error:
        full = "No space left" in str(error)
        raise Unavailable(_short(error), code="disk-full" if full else "io") from error
    except duckdb.Error as error:
        raise Invalid(_short(error), code="sql") from error


def _short(error: duckdb.Error) -> str:
    """DuckDB's message: its first line, and the line of the SQL that it points at."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and set(line.strip()) != {"^"}]
    pointed = [line for line in lines[1:] if line.startswith("LINE ")]
    return " — ".join([lines[0][:300], *(line[:160] for line in pointed)]) if lines else type(error).__name__
