"""What changed between two texts, line by line, with some lines around."""

from __future__ import annotations

import difflib
import json
from typing import Any, Literal, NamedTuple

import msgspec

_AROUND = 2
_MOST_LINES = 2_000


class Line(NamedTuple):
    """One line of a comparison."""

    kind: Literal["same", "add", "remove", "gap"]
    text: str


def changed_lines(before: Any, after: Any) -> list[Line]:
    """What changed between two values, both written as JSON. Empty when nothing did."""
    found: list[Line] = []
    old, new = _text(before), _text(after)
    for line in difflib.unified_diff(old, new, n=_AROUND, lineterm=""):
        if line.startswith(("---", "+++")):
            continue
        if line.startswith("@@"):
            found.append(Line("gap", "…"))
        elif line.startswith("+"):
            found.append(Line("add", line[1:]))
        elif line.startswith("-"):
            found.append(Line("remove", line[1:]))
        else:
            found.append(Line("same", line[1:]))
        if len(found) > _MOST_LINES:
            break
    return found


def _text(value: Any) -> list[str]:
    if value is None:
        return []
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False).splitlines()
