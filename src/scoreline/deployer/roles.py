"""Roles: granted to users and groups on objects, and taken back."""

from __future__ import annotations

from collections.abc import Callable

from scoreline.core.access import Caller, Place, Role
from scoreline.core.user import Grant, Subject, SubjectKind
from scoreline.deployer.users import Users
from scoreline.errors import NotFound
from scoreline.storage.catalog_grants import CatalogGrants


class Roles:
    """Who may do what. Whether the caller may change that is for the surface to ask."""

    def __init__(self, grants: CatalogGrants, users: Users) -> None:
        self._grants = grants
        self._users = users

    def all(self, which: Callable[[Grant], bool]) -> list[Grant]:
        """The roles that are to be shown, by object and subject."""
        return [grant for grant in self._grants.all() if which(grant)]

    def grant(self, on: Place, to: Subject, role: Role) -> Grant:
        """Grant a role, instead of the one before. Raises NotFound when there is no such user or group."""
        if to.kind is SubjectKind.USER:
            self._users.one(to.name)
        else:
            self._users.group(to.name)
        grant = Grant(on=on, to=to, role=role)
        self._grants.grant(grant)
        return grant

    def own(self, by: Caller, on: Place) -> None:
        """Let the user who made an object be its admin. Others who could make it are admins of more."""
        if by.user is not None:
            self._grants.grant(Grant(on=on, to=Subject(SubjectKind.USER, by.user), role=Role.ADMIN))

    def revoke(self, on: Place, to: Subject) -> Grant:
        """Take a role back; gives what it was. Raises NotFound when there is none."""
        revoked = self._grants.revoke(on, to)
        if revoked is None:
            raise NotFound(f"{to} has no role on {on}", code="no-such-role")
        return revoked
