"""Users and groups in the catalog."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from scoreline.core.access import CONTROL_PLANE, Role
from scoreline.core.user import FIRST_ADMIN, Group, User
from scoreline.errors import Conflict
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_sessions import end_sessions
from scoreline.storage.transactions import Transactions


class Password(Struct, frozen=True, kw_only=True):
    """How a user signs in."""

    hash: str | None
    must_change: bool
    enabled: bool

    def __repr__(self) -> str:
        return "Password(…)"


class CatalogUsers:
    """The users, and the groups they are in."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> list[User]:
        """All users, sorted by name."""
        with self._transactions.reading() as connection:
            return _users(connection)

    def one(self, name: str) -> User | None:
        """One user, or None."""
        with self._transactions.reading() as connection:
            found = _users(connection, name)
        return found[0] if found else None

    def password(self, name: str) -> Password | None:
        """How a user signs in, or None when there is no such user."""
        c = tables.users.c
        query = sa.select(c.password_hash, c.must_change, c.enabled).where(c.name == name)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Password(hash=row.password_hash, must_change=row.must_change, enabled=row.enabled)

    def add(self, name: str, password_hash: str | None, at: str) -> User:
        """Add a user; with a password, it is a one-time password. Raises Conflict when the name is taken."""
        with self._transactions.writing() as connection:
            try:
                connection.execute(tables.users.insert().values(_new(name, password_hash, at)))
            except IntegrityError as error:
                raise Conflict(f"there is a user {name!r} already", code="user-exists") from error
            added = _users(connection, name)[0]
            audited(connection, "create", f"user:{name}", after=added)
        return added

    def ensure_admin(self, at: str) -> None:
        """Begin with an admin who has no password yet; when there is any user, nothing changes."""
        with self._transactions.writing() as connection:
            if connection.execute(sa.select(tables.users.c.name).limit(1)).first() is not None:
                return
            connection.execute(tables.users.insert().values(_new(FIRST_ADMIN, None, at)))
            role = {
                "kind": CONTROL_PLANE.kind.value,
                "object": CONTROL_PLANE.id,
                "subject_kind": "user",
                "subject": FIRST_ADMIN,
                "role": Role.ADMIN.value,
            }
            connection.execute(tables.grants.insert().values(role))
            audited(connection, "create", f"user:{FIRST_ADMIN}", after=_users(connection, FIRST_ADMIN)[0])

    def set_password(self, name: str, password_hash: str, *, must_change: bool) -> None:
        """Give a user another password. His sessions end."""
        c = tables.users.c
        values = {"password_hash": password_hash, "must_change": must_change}
        with self._transactions.writing() as connection:
            connection.execute(tables.users.update().where(c.name == name).values(values))
            end_sessions(connection, name)
            audited(connection, "set password", f"user:{name}", after={"must_change": must_change})

    def renew_hash(self, name: str, before: str, after: str) -> None:
        """Keep the same password under a stronger hash, unless it was changed meanwhile."""
        c = tables.users.c
        query = tables.users.update().where(c.name == name, c.password_hash == before)
        with self._transactions.writing() as connection:
            connection.execute(query.values(password_hash=after))

    def set_enabled(self, name: str, enabled: bool) -> User:
        """Let a user in, or no more: his sessions end. Raises Conflict when no admin would be left."""
        c = tables.users.c
        with self._transactions.writing() as connection:
            before = _users(connection, name)[0]
            connection.execute(tables.users.update().where(c.name == name).values(enabled=enabled))
            if not enabled:
                end_sessions(connection, name)
            check_admin_left(connection)
            after = _users(connection, name)[0]
            if after != before:
                audited(
                    connection, "enable" if enabled else "disable", f"user:{name}", before=before, after=after
                )
        return after

    def groups(self) -> list[Group]:
        """All groups, sorted by name, with their users."""
        m = tables.members.c
        with self._transactions.reading() as connection:
            names = connection.execute(sa.select(tables.groups.c.name).order_by("name")).scalars().all()
            users: dict[str, list[str]] = {name: [] for name in names}
            for row in connection.execute(sa.select(m.group, m.user).order_by(m.user)):
                users[row.group].append(row.user)
        return [Group(name=name, users=tuple(users[name])) for name in names]

    def add_group(self, name: str) -> None:
        """Add a group. Raises Conflict when there is one of that name."""
        with self._transactions.writing() as connection:
            try:
                connection.execute(tables.groups.insert().values(name=name))
            except IntegrityError as error:
                raise Conflict(f"there is a group {name!r} already", code="group-exists") from error
            audited(connection, "create", f"group:{name}")

    def remove_group(self, group: Group) -> None:
        """Remove a group with the roles it was granted. Raises Conflict when no admin would be left."""
        g = tables.grants.c
        with self._transactions.writing() as connection:
            connection.execute(tables.groups.delete().where(tables.groups.c.name == group.name))
            its_roles = sa.and_(g.subject_kind == "group", g.subject == group.name)
            connection.execute(tables.grants.delete().where(its_roles))
            check_admin_left(connection)
            audited(connection, "delete", f"group:{group.name}", before=group)

    def add_member(self, group: str, user: str) -> None:
        """Let a user be in a group; one who is in it already changes nothing."""
        values = {"group": group, "user": user}
        with self._transactions.writing() as connection:
            insert = tables.members.insert().prefix_with("OR IGNORE").values(values)
            try:
                added = connection.execute(insert)
            except IntegrityError as error:
                raise Conflict(f"group {group!r} or user {user!r} is there no more") from error
            if added.rowcount:
                audited(connection, "add", f"group:{group}", after={"user": user})

    def remove_member(self, group: str, user: str) -> None:
        """Let a user be in a group no more. Raises Conflict when no admin would be left."""
        m = tables.members.c
        with self._transactions.writing() as connection:
            gone = connection.execute(tables.members.delete().where(m.group == group, m.user == user))
            check_admin_left(connection)
            if gone.rowcount:
                audited(connection, "remove", f"group:{group}", before={"user": user})


def check_admin_left(connection: Connection) -> None:
    """Raise Conflict when nobody who may sign in is an admin of the control plane any more."""
    g, m, u = tables.grants.c, tables.members.c, tables.users.c
    admins = (
        sa.select(g.subject_kind, g.subject)
        .where(g.kind == CONTROL_PLANE.kind.value, g.role == Role.ADMIN.value)
        .subquery()
    )
    groups = sa.select(admins.c.subject).where(admins.c.subject_kind == "group")
    direct = sa.select(admins.c.subject).where(admins.c.subject_kind == "user")
    through = sa.select(m.user).where(m.group.in_(groups))
    query = sa.select(u.name).where(u.enabled, sa.or_(u.name.in_(direct), u.name.in_(through))).limit(1)
    if connection.execute(query).first() is None:
        raise Conflict(
            "then nobody would be an admin of the control plane; make another one first", code="last-admin"
        )


def _new(name: str, password_hash: str | None, at: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash,
        "must_change": password_hash is not None,
        "enabled": True,
        "created_at": at,
    }


def _users(connection: Connection, name: str | None = None) -> list[User]:
    c, m = tables.users.c, tables.members.c
    query, members = sa.select(tables.users).order_by(c.name), sa.select(m.user, m.group).order_by(m.group)
    if name is not None:
        query, members = query.where(c.name == name), members.where(m.user == name)
    groups: dict[str, list[str]] = {}
    for row in connection.execute(members):
        groups.setdefault(row.user, []).append(row.group)
    return [
        User(
            name=row.name,
            enabled=row.enabled,
            must_change=row.must_change,
            has_password=row.password_hash is not None,
            created_at=row.created_at,
            groups=tuple(groups.get(row.name, ())),
        )
        for row in connection.execute(query)
    ]
