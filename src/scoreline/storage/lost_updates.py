"""Lost updates: the refusal of one, which tells what somebody else changed since the object was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from scoreline.core.audit import Change
from scoreline.errors import Conflict
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import change_of

_LOOKED_AT = 100
_TOLD = 3
_LONGEST_VALUE = 80


def stale(connection: Connection, on: str, expected: int) -> Conflict:
    """For an object, `kind:id`, that is not at the revision that was read: who changed what of it since."""
    kind, _, name = on.partition(":")
    c = tables.audit.c
    query = sa.select(tables.audit).where(c.target == on).order_by(c.id.desc()).limit(_LOOKED_AT)
    changes = [change_of(row) for row in connection.execute(query)]
    since = [change for change in changes if (revision_of(change) or 0) > expected]
    deeds = "; ".join(_deed(change) for change in since[:_TOLD]) or "somebody else changed it"
    more = f"; and {len(since) - _TOLD} changes before that" if len(since) > _TOLD else ""
    return Conflict(
        f"{kind} {name!r} is not at revision {expected} any more: {deeds}{more}; read it again",
        code="stale-revision",
    )


def revision_of(change: Change) -> int | None:
    """The revision of the object after a change, where it has one."""
    revision = change.after.get("revision") if isinstance(change.after, dict) else None
    return revision if isinstance(revision, int) else None


def _deed(change: Change) -> str:
    changed = ", ".join(_changed(change.before, change.after)) or "nothing"
    return f"{change.who} changed {changed} at {change.at[:19]}Z"


def _changed(before: Any, after: Any) -> Iterator[str]:
    """The fields that differ, with their values where those are short."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name, value in after.items():
        if name == "revision" or value == before.get(name):
            continue
        values = f"{_short(before.get(name))} → {_short(value)}"
        yield f"{name} ({values})" if len(values) <= _LONGEST_VALUE else name


def _short(value: Any) -> str:
    if isinstance(value, dict) and "entries" in value:
        return ", ".join(f"{one['generation']} {100 * one['proba']:g} %" for one in value["entries"])
    return "none" if value is None else msgspec.json.encode(value).decode()
