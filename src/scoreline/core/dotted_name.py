"""Dotted names: paths into plain JSON, which is all that the conditions and texts of scenarios see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import Invalid

Path = tuple[str | int, ...]
"""Keys of mappings and positions in lists, from the top."""


def dotted(path: Path) -> str:
    """A path as it is written: `steps.drift.outcome`."""
    return ".".join(str(part) for part in path)


def value_at(names: Mapping[str, Any], path: Path) -> Any:
    """What a path leads to.

    Only keys and positions are looked up, never attributes, and a key that starts with `__` does not exist.
    Raises Invalid, naming the nearest known key, where there is nothing, or something other than plain JSON.
    """
    value: Any = names
    for position, part in enumerate(path):
        value = _inside(value, part, path[:position], path[: position + 1])
    kind_of(value, dotted(path))
    return value


def _inside(value: Any, part: str | int, at: Path, wanted: Path) -> Any:
    if isinstance(part, str) and isinstance(value, Mapping):
        if part in value and not part.startswith("__"):
            return value[part]
        known = (key for key in value if isinstance(key, str) and not key.startswith("__"))
        raise Invalid(f"there is no {shortened(dotted(wanted))}; {did_you_mean(part, known)}")
    if isinstance(part, int) and isinstance(value, list | tuple):
        if -len(value) <= part < len(value):
            return value[part]
        raise Invalid(f"{shortened(dotted(at))} has {len(value)} items, and none at {part}")
    kind = kind_of(value, dotted(at))
    raise Invalid(f"{shortened(dotted(at))} is {kind}: there is no {shortened(dotted(wanted))}")


def kind_of(value: Any, what: str) -> str:
    """The kind of a value of plain JSON, in words; Invalid, naming `what`, for any other value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
    raise Invalid(
        f"{shortened(what)} is not plain JSON: use a text, a number, true, false, null, a list or a mapping"
    )
