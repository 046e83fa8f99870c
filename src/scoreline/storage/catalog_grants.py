"""Roles in the catalog: who was granted which one on what."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from scoreline.core.access import Kind, Place, Role
from scoreline.core.user import Grant, Subject, SubjectKind
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_users import check_admin_left
from scoreline.storage.transactions import Transactions


class CatalogGrants:
    """The roles. Somebody has at most one on an object."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> list[Grant]:
        """All roles, sorted by object and subject."""
        with self._transactions.reading() as connection:
            return _grants(connection)

    def grant(self, grant: Grant) -> None:
        """Grant a role, instead of the one that the same has on the same.

        Raises Conflict when no admin of the control plane would be left.
        """
        with self._transactions.writing() as connection:
            before = _grants(connection, _of(grant.on, grant.to))
            if before == [grant]:
                return
            connection.execute(tables.grants.delete().where(_of(grant.on, grant.to)))
            connection.execute(tables.grants.insert().values(_values(grant)))
            check_admin_left(connection)
            was = before[0].role if before else None
            audited(
                connection, "grant", str(grant.on), before=_told(grant, was), after=_told(grant, grant.role)
            )

    def revoke(self, on: Place, to: Subject) -> Grant | None:
        """Take a role back; gives what it was, or None when there was none. Raises Conflict like `grant`."""
        with self._transactions.writing() as connection:
            before = _grants(connection, _of(on, to))
            connection.execute(tables.grants.delete().where(_of(on, to)))
            check_admin_left(connection)
            if not before:
                return None
            audited(connection, "revoke", str(on), before=_told(before[0], before[0].role))
        return before[0]


def forget_grants(connection: Connection, on: Place) -> None:
    """Take back all roles on an object, in the transaction that removes it: the next of its name has none."""
    c = tables.grants.c
    connection.execute(tables.grants.delete().where(c.kind == on.kind.value, c.object == on.id))


def _told(grant: Grant, role: Role | None) -> dict[str, str] | None:
    return None if role is None else {"to": str(grant.to), "role": role.value}


def _of(on: Place, to: Subject) -> ColumnElement[bool]:
    c = tables.grants.c
    return sa.and_(
        c.kind == on.kind.value, c.object == on.id, c.subject_kind == to.kind.value, c.subject == to.name
    )


def _values(grant: Grant) -> dict[str, str]:
    return {
        "kind": grant.on.kind.value,
        "object": grant.on.id,
        "subject_kind": grant.to.kind.value,
        "subject": grant.to.name,
        "role": grant.role.value,
    }


def _grants(connection: Connection, which: ColumnElement[bool] | None = None) -> list[Grant]:
    c = tables.grants.c
    query = sa.select(tables.grants).order_by(c.kind, c.object, c.subject_kind, c.subject)
    if which is not None:
        query = query.where(which)
    return [
        Grant(
            on=Place(Kind(row.kind), row.object),
            to=Subject(SubjectKind(row.subject_kind), row.subject),
            role=Role(row.role),
        )
        for row in connection.execute(query)
    ]
