"""Placeholders: `${name}` in the texts of scenarios, replaced once by what the name leads to.

Unlike the `${env:NAME}` of connections they read no secrets: what is inserted here is written down and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from scoreline.core.dotted_name import dotted, kind_of, value_at
from scoreline.core.names import shortened
from scoreline.errors import Invalid

LONGEST_TEXT = 100_000
"""Characters of a text with placeholders."""
LONGEST_RESULT = 1_000_000
"""Characters of all texts that are made of one structure."""
MOST_PARTS = 10_000
"""Texts, numbers, lists and mappings in one structure."""
DEEPEST = 50
"""Levels of lists and mappings in one another."""

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"[^\s.:${}]+(\.[^\s.:${}]+)*")
_SECRET = re.compile(r"env\s*:", re.IGNORECASE)


def expand(text: str, names: Mapping[str, Any], *, where: str = "") -> Any:
    """A text with its placeholders replaced; `where` it stands begins what is said of errors.

    A text that is one placeholder and nothing else becomes the value itself, of whatever kind. Into longer
    ones texts are inserted as they are, anything else as JSON. `$${` stands for `${`. Raises Invalid for a
    name that is not there, and beyond the bounds.
    """
    return _Expansion(names).text(text, where)


def expand_all(value: Any, names: Mapping[str, Any], *, where: str = "") -> Any:
    """Plain JSON with the placeholders in all its texts replaced; keys of mappings stay as they are."""
    return _Expansion(names).whole(value, where, 1)


def placeholders(value: Any, *, where: str = "") -> set[str]:
    """The dotted names that the texts in plain JSON use. Raises Invalid for a placeholder that is none."""
    found: set[str] = set()
    for place, text in _texts(value, where, 1):
        for match in _matches(text, place):
            if match[1] is not None:
                found.add(dotted(_path(match, place)))
    return found


class _Expansion:
    """Replaces what stands in one structure, and counts what it makes of it."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._parts = 0
        self._characters = 0

    def whole(self, value: Any, where: str, depth: int) -> Any:
        self._parts += 1
        if depth > DEEPEST or self._parts > MOST_PARTS:
            raise _too_large(where)
        match value:
            case str():
                return self.text(value, where)
            case Mapping():
                return {key: self.whole(one, _below(where, key), depth + 1) for key, one in value.items()}
            case list() | tuple():
                return [self.whole(one, f"{where}[{at}]", depth + 1) for at, one in enumerate(value)]
        return value

    def text(self, text: str, where: str) -> Any:
        made: list[str] = []
        end = 0
        for match in _matches(text, where):
            if match[1] is None:
                self._add(made, text[end : match.start()] + "${", where)
            else:
                value = self._value(match, where)
                if match.group() == text:
                    return value
                self._add(made, text[end : match.start()], where)
                self._add(made, value if isinstance(value, str) else _as_json(value, match, where), where)
            end = match.end()
        self._add(made, text[end:], where)
        return "".join(made)

    def _value(self, match: re.Match[str], where: str) -> Any:
        path = _path(match, where)
        try:
            return value_at(self._names, path)
        except Invalid as error:
            raise Invalid(_at(where) + error.message) from None

    def _add(self, made: list[str], text: str, where: str) -> None:
        self._characters += len(text)
        if self._characters > LONGEST_RESULT:
            raise _too_large(where)
        made.append(text)


def _matches(text: str, where: str) -> Iterator[re.Match[str]]:
    if len(text) > LONGEST_TEXT:
        raise Invalid(
            f"{_at(where)}a text has {len(text)} characters; {LONGEST_TEXT} are allowed: shorten it"
        )
    yield from _PLACEHOLDER.finditer(text)


def _path(match: re.Match[str], where: str) -> tuple[str, ...]:
    """What a placeholder names, part by part."""
    whole, name = shortened(match.group()), match[1].strip()
    if _SECRET.match(name):
        raise Invalid(
            f"{_at(where)}{whole} is no placeholder of scenarios: secrets belong to connections, "
            "in whose URL it can stand"
        )
    if not match[2]:
        raise Invalid(f"{_at(where)}{whole} has no closing brace; write $${{ where ${{ itself is meant")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{_at(where)}{whole} is no placeholder; write it like ${{limit}} or "
            "${steps.drift.outcome}, and $${ where ${ itself is meant"
        )
    return tuple(name.split("."))


def _as_json(value: Any, match: re.Match[str], where: str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        name = match[1].strip()
        raise Invalid(
            f"{_at(where)}{shortened(name)} is {kind_of(value, name)} that cannot be written as a text"
        ) from None


def _texts(value: Any, where: str, depth: int) -> Iterator[tuple[str, str]]:
    """All texts in plain JSON, with where they stand."""
    if depth > DEEPEST:
        raise _too_large(where)
    match value:
        case str():
            yield where, value
        case Mapping():
            for key, one in value.items():
                yield from _texts(one, _below(where, key), depth + 1)
        case list() | tuple():
            for at, one in enumerate(value):
                yield from _texts(one, f"{where}[{at}]", depth + 1)


def _below(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _at(where: str) -> str:
    return f"{where if len(where) <= 100 else '…' + where[-100:]}: " if where else ""


def _too_large(where: str) -> Invalid:
    return Invalid(
        f"{_at(where)}this is too large: {LONGEST_RESULT} characters, {MOST_PARTS} parts and {DEEPEST} "
        "levels are allowed with the placeholders replaced"
    )
