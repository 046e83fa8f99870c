"""Variables of the project in SQL: `${name}` in the text of a recipe becomes a literal, never more SQL."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from scoreline.core.names import shortened
from scoreline.core.placeholders import expand
from scoreline.errors import Invalid

Value = str | int | float | bool

_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}?")
_IN_QUOTES = re.compile(r"\$?\$\{\s*[^\W\d]\w*(\.[\w-]+)*\s*\}")
"""Within quotes, only what is meant as a name counts: a format such as '${:,.2f}' is left alone."""
_OPAQUE = re.compile(
    r"""
    (?P<text>   (?<!\w)[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) )
  | (?P<name>   "(?:[^"]|"")*(?:"|\Z) )
  | (?P<line>   --[^\n]* )
  | (?P<block>  /\* )
  | (?P<dollar> \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z) )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


class _Spot(Struct, frozen=True):
    """A placeholder in SQL."""

    start: int
    end: int
    in_quotes: bool


def filled(sql: str, variables: Mapping[str, Any]) -> str:
    """SQL with its placeholders replaced: texts in quotes, numbers and truth values as they are written.

    Values may stand in mappings, and are named with dots then. Comments are left alone. Raises Invalid for a
    name that is no variable, and for one that stands within quotes, where its value would be a part of a
    longer text.
    """
    literals = _literals(variables)
    made: list[str] = []
    end = 0
    for spot in _spots(sql):
        made += (sql[end : spot.start], _replaced(sql, spot, literals))
        end = spot.end
    return "".join((*made, sql[end:]))


def _literals(variables: Mapping[str, Any]) -> dict[str, Any]:
    """All that SQL can write, as it writes it; lists are left out."""
    made: dict[str, Any] = {}
    for name, value in variables.items():
        if isinstance(value, Mapping):
            made[name] = _literals(value)
        elif value is None:
            made[name] = "NULL"
        elif isinstance(value, str | int | float):
            made[name] = literal(value)
    return made


def literal(value: Value) -> str:
    """A value as SQL writes it. Raises Invalid for a text with a null character."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            if isinstance(value, float) and not math.isfinite(value):
                return f"CAST('{value}' AS DOUBLE)"
            return f"({value!r})" if value < 0 else repr(value)
        case _:
            if "\0" in value:
                raise Invalid("a text with a null character cannot stand in SQL")
            return "'" + value.replace("'", "''") + "'"


def variables_in(texts: Iterable[str], variables: Mapping[str, Value]) -> dict[str, Value]:
    """Those of the variables that SQL texts name, by name."""
    named = {sql[spot.start : spot.end].strip("${} \t\n") for sql in texts for spot in _spots(sql)}
    return {name: variables[name] for name in sorted(named) if name in variables}


def variable_faults(sql: str, variables: Mapping[str, Value]) -> Iterator[tuple[int, str]]:
    """What is wrong with the placeholders in SQL: the line, and why."""
    literals = dict.fromkeys(variables, "")
    for spot in _spots(sql):
        try:
            _replaced(sql, spot, literals)
        except Invalid as error:
            yield 1 + sql.count("\n", 0, spot.start), f"{error.message} (project.yaml lists the variables)"


def quoted_faults(sql: str) -> Iterator[tuple[int, str]]:
    """Placeholders that stand within quotes, whatever they name: the line, and what is wrong."""
    for spot in _spots(sql):
        text = sql[spot.start : spot.end]
        if spot.in_quotes and not text.startswith("$$"):
            yield 1 + sql.count("\n", 0, spot.start), _within_quotes(text)


def _replaced(sql: str, spot: _Spot, literals: Mapping[str, str]) -> str:
    text = sql[spot.start : spot.end]
    if not spot.in_quotes:
        # Apart from what is around it, so that it joins no other literal.
        return f" {expand(text, literals)} "
    if text.startswith("$$"):
        return text[1:]
    raise Invalid(_within_quotes(text))


def _within_quotes(text: str) -> str:
    return (
        f"{shortened(text)} stands within quotes; write it without them, since a text comes with its own, "
        "or $${ where ${ itself is meant"
    )


def _spots(sql: str) -> Iterator[_Spot]:
    """The placeholders, in order."""
    end = 0
    for start, stop, is_text in _opaque(sql):
        yield from _found(_PLACEHOLDER, sql, end, start, in_quotes=False)
        if is_text:
            yield from _found(_IN_QUOTES, sql, start, stop, in_quotes=True)
        end = stop
    yield from _found(_PLACEHOLDER, sql, end, len(sql), in_quotes=False)


def _found(pattern: re.Pattern[str], sql: str, start: int, end: int, *, in_quotes: bool) -> Iterator[_Spot]:
    for match in pattern.finditer(sql, start, end):
        yield _Spot(match.start(), match.end(), in_quotes)


def _opaque(sql: str) -> Iterator[tuple[int, int, bool]]:
    """Where SQL is no code: from, to, and whether it is a text or a name in quotes."""
    at = 0
    while (match := _OPAQUE.search(sql, at)) is not None:
        at = _block_end(sql, match.end()) if match["block"] else match.end()
        yield match.start(), at, match["text"] is not None or match["name"] is not None


def _block_end(sql: str, at: int) -> int:
    """The end of a comment that begins before this place; comments may hold others."""
    depth = 1
    for edge in _BLOCK_EDGE.finditer(sql, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)
