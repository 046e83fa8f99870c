"""The audit in the catalog: it is added to, in the transaction of the change itself, and never changed."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection, Row

from scoreline.core.audit import Change, shown
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.transactions import Transactions


class Actor(Struct, frozen=True, kw_only=True):
    """Who makes changes now."""

    name: str
    key: str = ""
    address: str = ""


_ITSELF = Actor(name="scoreline")
_actor: contextvars.ContextVar[Actor] = contextvars.ContextVar("actor", default=_ITSELF)


@contextlib.contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What is changed in this block, and in threads that work for it, is the deed of `actor`.

    Outside such a block the control plane acts by itself.
    """
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def audited(connection: Connection, what: str, on: str, *, before: Any = None, after: Any = None) -> None:
    """Note a change in the transaction that makes it: a verb, and its object as `kind:id`.

    `before` and `after` are any values that msgspec can write; secrets in them are hidden. Who it was, with
    which key and from where is known of the block (`acting`).
    """
    actor = _actor.get()
    row = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": actor.name,
        "key": actor.key,
        "address": actor.address,
        "what": what,
        "target": on,
        "before": to_text(None if before is None else shown(before)),
        "after": to_text(None if after is None else shown(after)),
    }
    connection.execute(tables.audit.insert().values(row))


class CatalogAudit:
    """What was changed, newest first."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def record(self, what: str, on: str, *, before: Any = None, after: Any = None) -> None:
        """Note a change of something that is not in the catalog, such as a file of a project."""
        with self._transactions.writing() as connection:
            audited(connection, what, on, before=before, after=after)

    def newest(
        self, limit: int, *, before_id: int | None = None, who: str | None = None, on: str | None = None
    ) -> list[Change]:
        """At most `limit` changes that are older than the one named, of one person and one object."""
        c = tables.audit.c
        query = sa.select(tables.audit).order_by(c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(c.id < before_id)
        if who is not None:
            query = query.where(c.who == who)
        if on is not None:
            query = query.where(c.target == on)
        with self._transactions.reading() as connection:
            return [change_of(row) for row in connection.execute(query)]

    def after(self, number: int, *, limit: int) -> list[Change]:
        """At most `limit` changes that came after the one with this number, the oldest first."""
        c = tables.audit.c
        query = sa.select(tables.audit).where(c.id > number).order_by(c.id).limit(limit)
        with self._transactions.reading() as connection:
            return [change_of(row) for row in connection.execute(query)]

    def last_number(self) -> int:
        """The number of the newest change; 0 when there is none."""
        with self._transactions.reading() as connection:
            return connection.execute(sa.select(sa.func.max(tables.audit.c.id))).scalar() or 0


def change_of(row: Row[Any]) -> Change:
    """The change of a row of the audit."""
    return Change(
        id=row.id,
        at=row.at,
        who=row.who,
        key=row.key,
        address=row.address,
        what=row.what,
        on=row.target,
        before=None if row.before is None else msgspec.json.decode(row.before),
        after=None if row.after is None else msgspec.json.decode(row.after),
    )
