"""Calls on users, groups, roles, personal keys and the audit."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.client.connection import Connection, path_to
from scoreline.wire import access
from scoreline.wire.access import Change, Group, Key, MadeKey, MadeUser, Me, Role, RoleName, User


class AccessCalls:
    """What `scoreline user`, `group`, `role`, `key`, `audit` and `whoami` do."""

    _control: Connection

    def whoami(self) -> Me:
        """Who this client is to the control plane, and what it may."""
        return self._control.call("GET", "/me", Me)

    def users(self) -> tuple[User, ...]:
        """All users."""
        return self._control.all("/users", User)

    def create_user(self, name: str, *, password: bool = True) -> MadeUser:
        """Make a user; his one-time password is shown this once. Without one, he comes with keys only.

        Raises Conflict when the name is taken.
        """
        wanted = access.NewUser(name=name, password=password)
        return self._control.call("POST", "/users", MadeUser, body=wanted)

    def reset_password(self, user: str) -> str:
        """Give a user a new one-time password. Raises NotFound."""
        path = path_to("users", user, "password")
        return self._control.call("POST", path, access.OneTimePassword).one_time_password

    def change_password(self, old: str, new: str) -> User:
        """Replace the own password, as a client made with `user` and `password`."""
        wanted = access.NewPassword(old=old, new=new)
        return self._control.call("PUT", "/me/password", User, body=wanted)

    def disable_user(self, user: str) -> User:
        """Let a user in no more: keys and password stop at once. Raises Conflict for the last admin."""
        return self._set_enabled(user, False)

    def enable_user(self, user: str) -> User:
        """Let a user in again."""
        return self._set_enabled(user, True)

    def groups(self) -> tuple[Group, ...]:
        """All groups with their users."""
        return self._control.all("/groups", Group)

    def create_group(self, group: str) -> Group:
        """Make a group. Raises Conflict when the name is taken."""
        return self._control.call("POST", "/groups", Group, body=access.NewGroup(name=group))

    def delete_group(self, group: str) -> Group:
        """Delete a group and the roles it was granted, and give what it was."""
        return self._control.call("DELETE", path_to("groups", group), Group)

    def add_to_group(self, group: str, user: str) -> Group:
        """Let a user be in a group."""
        return self._control.call("PUT", path_to("groups", group, "users", user), Group)

    def remove_from_group(self, group: str, user: str) -> Group:
        """Let a user be in a group no more."""
        return self._control.call("DELETE", path_to("groups", group, "users", user), Group)

    def roles(self) -> tuple[Role, ...]:
        """The own roles, and all on objects that one is admin of."""
        return self._control.all("/roles", Role)

    def grant_role(self, role: RoleName, on: str, to: str) -> Role:
        """Grant a role to `user:NAME` or `group:NAME`, instead of the one before.

        `on`: `project:ID`, `service:ID`, `infrastructure:ID`, or `control-plane`, which counts everywhere.
        """
        return self._control.call("PUT", path_to("roles", on, to), Role, body=access.NewRole(role=role))

    def revoke_role(self, on: str, to: str) -> Role:
        """Take a role back, and give what it was. Raises NotFound when there is none."""
        return self._control.call("DELETE", path_to("roles", on, to), Role)

    def keys(self, user: str | None = None, *, everyone: bool = False) -> tuple[Key, ...]:
        """The own keys; for admins also those of a user or of everyone."""
        if user is not None:
            return self._control.all(path_to("users", user, "keys"), Key)
        return self._control.all("/keys", Key, everyone="true" if everyone else None)

    def create_key(
        self,
        label: str,
        *,
        user: str | None = None,
        most: RoleName = "admin",
        services: Sequence[str] | None = None,
        days: float | None = None,
    ) -> MadeKey:
        """Make a personal key, which is shown this once.

        `most`: what it can be used for at most. `services`: only these. `days`: how long it is good; None:
        until it is revoked. `user`: whose it is to be, which only an admin says; made with the key of the
        machine, it is the first admin's. Raises Conflict when he has one of that label.
        """
        only = None if services is None else tuple(services)
        wanted = access.NewKey(label=label, user=user, most=most, services=only, days=days)
        return self._control.call("POST", "/keys", MadeKey, body=wanted)

    def revoke_key(self, key: int) -> Key:
        """Let a key open nothing any more, and give what it was. Raises NotFound."""
        return self._control.call("DELETE", path_to("keys", key), Key)

    def audit(self, *, who: str | None = None, on: str | None = None, most: int = 100) -> tuple[Change, ...]:
        """What was changed, newest first: by one user, of one object (`service:ID`, `user:NAME`, …)."""
        return self._control.all("/audit", Change, most=most, who=who, on=on)

    def _set_enabled(self, user: str, enabled: bool) -> User:
        wanted = access.UserChange(enabled=enabled)
        return self._control.call("PATCH", path_to("users", user), User, body=wanted)
