"""What commands print: tables and JSON on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scoreline.errors import Invalid

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_wide = Console(highlight=False, width=100_000)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def print_json(value: Any) -> None:
    """Print one JSON value, indented, keys in their order. Structs become objects."""
    plain = msgspec.to_builtins(value, enc_hook=str)
    sys.stdout.write(json.dumps(plain, indent=2, ensure_ascii=False) + "\n")


def print_line(value: Any) -> None:
    """Print one JSON value on one line, at once: a stream of them is read line by line."""
    sys.stdout.write(json.dumps(msgspec.to_builtins(value, enc_hook=str), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings; where there are none, print the sentence `empty` (the next step)."""
    listed = [[str(cell) for cell in row] for row in rows]
    if not listed:
        err.print(empty, markup=False)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        table.add_row(*(Text(cell) for cell in row))
    _print_whole(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print name and value pairs, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(str(value)))
    _print_whole(table)


def _print_whole(table: Table) -> None:
    # Nothing is cut off: a terminal folds long cells, a pipe gets one line a row however long it is.
    (out if out.is_terminal else _wide).print(table)


def say(message: str) -> None:
    """Print a line for the person at the terminal (standard error)."""
    err.print(message, markup=False)


def confirm(what: str, yes: bool) -> None:
    """Go on if `yes`, or if the person at the terminal says so.

    Raises Abort when he does not, and Invalid where there is no terminal to ask at.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Invalid(f"this would {what}; say --yes, since there is nobody to ask", code="not-confirmed")
    typer.confirm(f"{what[:1].upper()}{what[1:]}?", abort=True, err=True)
