"""Users and groups: made, let in by their passwords, disabled."""

from __future__ import annotations

import msgspec

from scoreline.core.access import Caller
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.user import FIRST_ADMIN, Group, User, check_password, check_user_name
from scoreline.deployer.clock import now
from scoreline.deployer.guesses import Guesses
from scoreline.deployer.passwords import Passwords, one_time_password
from scoreline.errors import Invalid, NotAllowed, NotFound
from scoreline.storage.catalog_keys import CatalogKeys
from scoreline.storage.catalog_users import CatalogUsers


class Users:
    """The people of the control plane."""

    def __init__(
        self, users: CatalogUsers, keys: CatalogKeys, passwords: Passwords, guesses: Guesses
    ) -> None:
        self._users = users
        self._keys = keys
        self._passwords = passwords
        self._guesses = guesses

    def first_start(self, *, closed: bool) -> str | None:
        """See that there is an admin. Gives his one-time password when he has none and one is needed."""
        self._users.ensure_admin(now())
        found = self._users.password(FIRST_ADMIN)
        if not closed or found is None or found.hash is not None or not found.enabled:
            return None
        return self.reset_password(FIRST_ADMIN)

    def sign_in(self, name: str, password: str, address: str) -> Caller:
        """Who comes with a name and a password. Slow on purpose. Raises NotAllowed."""
        self._guesses.begin(name, address)
        found = self._users.password(name)
        right = self._passwords.matches(found.hash if found else None, password)
        caller = self._keys.caller_of(name) if right else None
        if caller is None or found is None or found.hash is None:
            raise NotAllowed("wrong user name or password", code="wrong-password")
        self._guesses.was_right(name, address)
        if self._passwords.is_weak(found.hash):
            self._users.renew_hash(name, found.hash, self._passwords.hash(password))
        return msgspec.structs.replace(caller, must_change=found.must_change)

    def all(self) -> list[User]:
        """All users, by name."""
        return self._users.all()

    def one(self, name: str) -> User:
        """One user. Raises NotFound, naming the nearest one."""
        found = self._users.one(name)
        if found is None:
            hint = did_you_mean(name, [user.name for user in self._users.all()])
            raise NotFound(f"no user {shortened(name)}; {hint}", code="no-such-user")
        return found

    def create(self, name: str, *, with_password: bool) -> tuple[User, str | None]:
        """Make a user; gives his one-time password, if he is to have one. Raises Conflict and Invalid."""
        check_user_name(name)
        password = one_time_password() if with_password else None
        password_hash = None if password is None else self._passwords.hash(password)
        return self._users.add(name, password_hash, now()), password

    def reset_password(self, name: str) -> str:
        """Give a user a new one-time password. Raises NotFound."""
        self.one(name)
        password = one_time_password()
        self._users.set_password(name, self._passwords.hash(password), must_change=True)
        return password

    def change_password(self, name: str, old: str, new: str, address: str) -> None:
        """Let a user replace his password. Raises NotAllowed for a wrong old one, Invalid for a weak one."""
        self._guesses.begin(name, address)
        found = self._users.password(name)
        if not self._passwords.matches(found.hash if found else None, old):
            raise NotAllowed("the old password is wrong", code="old-password")
        self._guesses.was_right(name, address)
        check_password(new, name)
        if new == old:
            raise Invalid("the new password is the old one; take another one", code="bad-password")
        self._users.set_password(name, self._passwords.hash(new), must_change=False)

    def set_enabled(self, name: str, enabled: bool) -> User:
        """Let a user in, or no more: his keys and his password stop at once. Raises NotFound and Conflict."""
        self.one(name)
        return self._users.set_enabled(name, enabled)

    def groups(self) -> list[Group]:
        """All groups, by name, with their users."""
        return self._users.groups()

    def group(self, name: str) -> Group:
        """One group. Raises NotFound, naming the nearest one."""
        found = {group.name: group for group in self._users.groups()}
        if name not in found:
            raise NotFound(f"no group {shortened(name)}; {did_you_mean(name, found)}", code="no-such-group")
        return found[name]

    def create_group(self, name: str) -> Group:
        """Make a group without users. Raises Conflict and Invalid."""
        self._users.add_group(check_user_name(name))
        return self.group(name)

    def remove_group(self, name: str) -> Group:
        """Remove a group and its roles; gives what it was. Raises NotFound and Conflict."""
        group = self.group(name)
        self._users.remove_group(group)
        return group

    def add_member(self, group: str, user: str) -> Group:
        """Let a user be in a group. Raises NotFound."""
        self.group(group)
        self.one(user)
        self._users.add_member(group, user)
        return self.group(group)

    def remove_member(self, group: str, user: str) -> Group:
        """Let a user be in a group no more; who is not in it is no error. Raises NotFound and Conflict."""
        self.group(group)
        self._users.remove_member(group, user)
        return self.group(group)
