"""Sessions in the catalog, by the hashes of what the browsers hold."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from scoreline.core.access import Caller
from scoreline.core.session import Session
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import Actor, acting, audited
from scoreline.storage.catalog_keys import caller_of
from scoreline.storage.transactions import Transactions


class CatalogSessions:
    """Who has signed in. A session ends with its user's password, and when he is disabled."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def caller(self, session_hash: str) -> tuple[Caller, Session] | None:
        """Who comes with a session, however old it is; None when there is none."""
        s, u = tables.sessions.c, tables.users.c
        query = (
            sa.select(tables.sessions, u.must_change)
            .join(tables.users, u.name == s.user)
            .where(s.hash == session_hash)
        )
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
            caller = None if row is None else caller_of(connection, row.user)
        if row is None or caller is None:
            return None
        session = Session(user=row.user, created_at=row.created_at, last_used_at=row.last_used_at)
        return msgspec.structs.replace(caller, must_change=row.must_change), session

    def add(
        self, session_hash: str, session: Session, address: str, *, made_before: str, used_before: str
    ) -> None:
        """Begin a session; those that were made or used before these moments are over, and forgotten."""
        c = tables.sessions.c
        values = {
            "hash": session_hash,
            "user": session.user,
            "created_at": session.created_at,
            "last_used_at": session.last_used_at,
        }
        over = sa.or_(c.created_at < made_before, c.last_used_at < used_before)
        with self._transactions.writing() as connection:
            connection.execute(tables.sessions.delete().where(over))
            connection.execute(tables.sessions.insert().values(values))
            with acting(Actor(name=session.user, address=address)):
                audited(connection, "sign in", f"user:{session.user}")

    def used(self, session_hash: str, at: str) -> None:
        """Note when a session was used last."""
        c = tables.sessions.c
        with self._transactions.writing() as connection:
            connection.execute(tables.sessions.update().where(c.hash == session_hash).values(last_used_at=at))

    def remove(self, session_hash: str) -> None:
        """End a session; one that is not there is no error."""
        with self._transactions.writing() as connection:
            connection.execute(tables.sessions.delete().where(tables.sessions.c.hash == session_hash))


def end_sessions(connection: Connection, user: str) -> None:
    """End all sessions of a user, in the transaction that changes how he signs in."""
    connection.execute(tables.sessions.delete().where(tables.sessions.c.user == user))
