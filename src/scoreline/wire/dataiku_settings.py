"""Settings as clients of Dataiku send them back: what counts is kept or refused, the rest is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from scoreline.core.names import did_you_mean
from scoreline.errors import Invalid

T = TypeVar("T", bound=Struct)

_CHANGES_NO_ANSWER = frozenset(
    {
        "checklists",
        "creationTag",
        "customFields",
        "graphitePrefix",
        "shortDesc",
        "tags",
        "useJava",
        "versionTag",
    }
)


def known_keys(given: Any, kind: type[Struct], what: str) -> dict[str, Any]:
    """The keys of an object that `kind` has. Raises Invalid for another one, if it says something."""
    if not isinstance(given, Mapping):
        raise refused(f"{what} must be an object")
    config = kind.__struct_config__
    names = [*kind.__struct_encode_fields__, *([config.tag_field] if config.tag_field else [])]
    for name, value in given.items():
        if name not in names and name not in _CHANGES_NO_ANSWER and _says_something(value):
            hint = did_you_mean(str(name), names)
            raise refused(f"{what} has {shown(name)}, which cannot be kept here; {hint}")
    return {name: given[name] for name in names if name in given}


def converted(given: Mapping[str, Any], kind: type[T]) -> T:
    """An object as a value. Raises Invalid, naming the place."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise refused(str(error)) from error


def refused(message: str) -> Invalid:
    """The error for what cannot be kept."""
    return Invalid(message, code="bad-settings")


def shown(value: Any) -> str:
    """A value for a message, cut when it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _says_something(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [], {})
