"""Changes of the audit as a reader sees them: field by field, what it was and what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from scoreline.ui.api import path_to
from scoreline.wire.access import Change

_LONGEST = 2_000


class Difference(Struct, frozen=True):
    """One field that was changed. None: it was not there."""

    name: str
    before: str | None
    after: str | None


class Deed(Struct, frozen=True, kw_only=True):
    """A change with its differences, and the page of what was changed."""

    change: Change
    kind: str
    object: str
    url: str
    verb: str
    differences: tuple[Difference, ...]

    @property
    def had(self) -> bool:
        """Whether something of it was there before."""
        return any(one.before is not None for one in self.differences)

    @property
    def has(self) -> bool:
        """Whether something of it is there after."""
        return any(one.after is not None for one in self.differences)

    @property
    def is_short(self) -> bool:
        """Whether there are only few new values, which are told in a line."""
        told = [one for one in self.differences if one.before is None and one.after and len(one.after) <= 60]
        return 0 < len(told) == len(self.differences) <= 4


def deed(change: Change) -> Deed:
    """A change as a reader sees it."""
    kind, _, name = change.on.partition(":")
    return Deed(
        change=change,
        kind=kind,
        object=name,
        url=_url(kind, name),
        verb=_past(change.what),
        differences=tuple(_differences("", change.before, change.after)),
    )


def _differences(name: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict | None) and isinstance(after, dict | None) and (before or after):
        was, now = before or {}, after or {}
        for key in dict.fromkeys((*was, *now)):
            yield from _differences(f"{name}.{key}" if name else str(key), was.get(key), now.get(key))
        return
    yield Difference(name, _text(before), _text(after))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=_indent(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _indent(value: Any) -> int | None:
    return 2 if isinstance(value, list | dict) and len(json.dumps(value)) > 60 else None


def _past(what: str) -> str:
    """`signed in` for `sign in`."""
    verb, _, rest = what.partition(" ")
    irregular = {"set": "set", "be": "was", "begin": "began", "give": "gave"}
    doubled = {"stop", "drop"}
    if verb in irregular:
        past = irregular[verb]
    elif verb in doubled:
        past = f"{verb}{verb[-1]}ed"
    elif verb.endswith("e"):
        past = f"{verb}d"
    elif verb.endswith("y") and verb[-2:-1] not in "aeou":
        past = f"{verb[:-1]}ied"
    else:
        past = f"{verb}ed"
    return f"{past} {rest}".rstrip()


def _url(kind: str, name: str) -> str:
    """The page of an object; empty where it has none."""
    if not name:
        return ""
    project, _, part = name.partition("/")
    urls = {
        "project": path_to("projects", name, "flow"),
        "scenario": path_to("projects", project, "scenarios", part, "steps"),
        "service": path_to("deployer", "services", name),
        "deployment": path_to("deployer", "deployments", name, "status"),
        "infrastructure": path_to("deployer", "infrastructures", name),
        "user": path_to("administration", "users", name),
        "group": "/administration/groups",
        "stage": "/administration/stages",
    }
    return urls.get(kind, "")
