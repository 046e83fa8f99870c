"""Keys of the control API in the catalog: their hashes, owners and scopes, and who comes with one."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from scoreline.core.access import CONTROL_PLANE, Action, Caller, Kind, Place, Role, Scope, strongest
from scoreline.core.names import shortened
from scoreline.core.user import MACHINE, PersonalKey
from scoreline.errors import Conflict, NotFound
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.transactions import Transactions


class CatalogKeys:
    """The keys, by the hashes of what their owners hold."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def caller(self, key_hash: str, *, now: str, machine: str) -> tuple[Caller, PersonalKey] | None:
        """Who comes with a key; None when nobody does: it is unknown or over, or its owner is disabled.

        `machine` is the name of who comes with the machine's own key.
        """
        with self._transactions.reading() as connection:
            row = connection.execute(
                sa.select(tables.keys).where(tables.keys.c.hash == key_hash)
            ).one_or_none()
            if row is None or (row.expires_at is not None and row.expires_at <= now):
                return None
            key = _key(row)
            if key.user is None:
                everything = {CONTROL_PLANE: Role.ADMIN}
                return Caller(name=machine, key=MACHINE, roles=everything), key
            caller = caller_of(connection, key.user)
        if caller is None:
            return None
        bound = msgspec.structs.replace(caller, key=key.label, scope=key.scope, expires_at=key.expires_at)
        return bound, key

    def caller_of(self, user: str) -> Caller | None:
        """A user as he comes with his password; None when he is not there, or disabled."""
        with self._transactions.reading() as connection:
            return caller_of(connection, user)

    def used(self, key: int, at: str) -> None:
        """Note when a key was used last."""
        with self._transactions.writing() as connection:
            connection.execute(tables.keys.update().where(tables.keys.c.id == key).values(last_used_at=at))

    def all(self, user: str | None, *, after: int | None, limit: int) -> list[PersonalKey]:
        """At most `limit` personal keys that follow `after`, of all users or of one, oldest first."""
        c = tables.keys.c
        query = sa.select(tables.keys).where(c.user.is_not(None)).order_by(c.id).limit(limit)
        if user is not None:
            query = query.where(c.user == user)
        if after is not None:
            query = query.where(c.id > after)
        with self._transactions.reading() as connection:
            return [_key(row) for row in connection.execute(query)]

    def one(self, key: int) -> PersonalKey | None:
        """One personal key, or None."""
        c = tables.keys.c
        query = sa.select(tables.keys).where(c.id == key, c.user.is_not(None))
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _key(row)

    def add(self, key_hash: str, key: PersonalKey) -> PersonalKey:
        """Add a key; gives it with its id. Raises Conflict when its owner has one of that label."""
        values = {
            "hash": key_hash,
            "label": key.label,
            "user": key.user,
            "most": key.scope.most.value,
            "services": to_text(key.scope.services),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        with self._transactions.writing() as connection:
            his = sa.select(tables.users.c.name).where(tables.users.c.name == key.user)
            if connection.execute(his).first() is None:
                raise NotFound(f"no user {shortened(str(key.user))}", code="no-such-user")
            try:
                added = connection.execute(tables.keys.insert().values(values))
            except IntegrityError as error:
                raise Conflict(
                    f"{key.user} has a key {key.label!r} already; revoke it, or take another label",
                    code="key-exists",
                ) from error
            assert added.inserted_primary_key is not None
            made = msgspec.structs.replace(key, id=added.inserted_primary_key[0])
            audited(connection, "create", f"key:{made.id}", after=made)
        return made

    def remove(self, key: PersonalKey) -> None:
        """Remove a key; one that is not there is no error."""
        with self._transactions.writing() as connection:
            gone = connection.execute(tables.keys.delete().where(tables.keys.c.id == key.id))
            if gone.rowcount:
                audited(connection, "revoke", f"key:{key.id}", before=key)

    def set_machine(self, key_hash: str, at: str) -> None:
        """Let this be the key of the machine, instead of the one before."""
        values = {"hash": key_hash, "label": MACHINE, "most": Action.ADMIN.value, "created_at": at}
        with self._transactions.writing() as connection:
            connection.execute(tables.keys.delete().where(tables.keys.c.user.is_(None)))
            connection.execute(tables.keys.insert().values(values))


def caller_of(connection: Connection, user: str) -> Caller | None:
    """A user with his groups and roles; None when he is not there, or disabled."""
    c = tables.users.c
    if connection.execute(sa.select(c.enabled).where(c.name == user)).scalar() is not True:
        return None
    m, g = tables.members.c, tables.grants.c
    groups = list(connection.execute(sa.select(m.group).where(m.user == user)).scalars())
    his = sa.and_(g.subject_kind == "user", g.subject == user)
    theirs = sa.and_(g.subject_kind == "group", g.subject.in_(groups))
    rows = connection.execute(sa.select(g.kind, g.object, g.role).where(sa.or_(his, theirs)))
    roles = strongest((Place(Kind(row.kind), row.object), Role(row.role)) for row in rows)
    return Caller(name=user, user=user, groups=frozenset(groups), roles=roles)


def _key(row: Row[Any]) -> PersonalKey:
    services = None if row.services is None else msgspec.json.decode(row.services, type=tuple[str, ...])
    return PersonalKey(
        id=row.id,
        label=row.label,
        user=row.user,
        scope=Scope(most=Action(row.most), services=services),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
