"""Requests that came with a key of their caller's, and their answers, so that a repeat gets the same."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection

from scoreline.storage import catalog_tables as tables
from scoreline.storage.transactions import Transactions

MOST_REQUESTS = 20_000
"""The oldest beyond these are forgotten."""


class KeptAnswer(Struct, frozen=True, kw_only=True):
    """How a request was answered."""

    fingerprint: str
    """Of the whole request: a repeat is one with the same."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    """None: it is not kept."""


class KnownRequest(Struct, frozen=True, kw_only=True):
    """A request that was begun before."""

    has_effect: bool
    """Whether it changed the catalog."""
    answer: KeptAnswer | None
    """None: it has none, since the process ended first or could not do it."""


class CatalogRequests:
    """The requests of the last hours, by the digest of caller and key."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(self, key: str, at: str, *, since: str) -> KnownRequest | None:
        """Note that a request begins; gives what is known of it if it was begun before.

        What is older than `since` is forgotten. The two are ISO 8601, UTC.
        """
        c = tables.requests.c
        with self._transactions.writing() as connection:
            connection.execute(tables.requests.delete().where(c.at < since))
            row = connection.execute(sa.select(tables.requests).where(c.key == key)).one_or_none()
            if row is not None:
                return _known(row)
            _make_room(connection)
            connection.execute(tables.requests.insert().values(key=key, at=at, has_effect=False))
            return None

    def keep(self, key: str, answer: KeptAnswer) -> None:
        """Keep the answer of a request."""
        values = {
            "fingerprint": answer.fingerprint,
            "status": answer.status,
            "headers": msgspec.json.encode(answer.headers).decode(),
            "body": answer.body,
        }
        with self._transactions.writing() as connection:
            connection.execute(tables.requests.update().where(tables.requests.c.key == key).values(values))

    def forget(self, key: str) -> None:
        """Forget a request that changed nothing, so that the next one with its key is the first again."""
        c = tables.requests.c
        with self._transactions.writing() as connection:
            connection.execute(tables.requests.delete().where(c.key == key, sa.not_(c.has_effect)))


def _make_room(connection: Connection) -> None:
    c = tables.requests.c
    count = connection.execute(sa.select(sa.func.count()).select_from(tables.requests)).scalar_one()
    if count >= MOST_REQUESTS:
        oldest = sa.select(c.key).order_by(c.at).limit(count - MOST_REQUESTS + 1)
        connection.execute(tables.requests.delete().where(c.key.in_(oldest)))


def _known(row: Any) -> KnownRequest:
    if row.status is None:
        return KnownRequest(has_effect=row.has_effect, answer=None)
    headers = msgspec.json.decode(row.headers, type=tuple[tuple[str, str], ...])
    answer = KeptAnswer(fingerprint=row.fingerprint, status=row.status, headers=headers, body=row.body)
    return KnownRequest(has_effect=row.has_effect, answer=answer)
