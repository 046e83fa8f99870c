"""Keys of the control API: made here, shown once, kept as hashes in the catalog."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import threading
from datetime import UTC, datetime, timedelta

from scoreline.core.access import WHOLE, Action, Caller, Scope, is_allowed
from scoreline.core.names import check_id
from scoreline.core.user import FIRST_ADMIN, PersonalKey, check_label
from scoreline.deployer.clock import now
from scoreline.errors import Invalid, NotAllowed, NotFound
from scoreline.storage.catalog_keys import CatalogKeys

KEY_PREFIX = "sk-"
MOST_DAYS = 3_660.0


class Keys:
    """Who comes with which key. Expiry goes by the wall clock: when that is set back, a key lives longer."""

    def __init__(self, keys: CatalogKeys) -> None:
        self._keys = keys
        self._machine = _user()
        self._noted: dict[int, str] = {}
        self._guard = threading.Lock()

    def caller(self, key: str) -> Caller:
        """Who comes with a key. Raises NotAllowed when nobody does."""
        found = self._keys.caller(_hash(key), now=now(), machine=self._machine)
        if found is None:
            raise NotAllowed(
                "this key is not one of the control plane's, or it is over, or its owner is disabled",
                code="unknown-key",
            )
        caller, known = found
        self._note_use(known)
        return caller

    def of_this_machine(self, known: str | None) -> str:
        """The key for programs on this machine: `known` if it is still good, else a new one in its place."""
        if known:
            found = self._keys.caller(_hash(known), now=now(), machine=self._machine)
            if found is not None and found[1].user is None:
                return known
        key = _new_key()
        self._keys.set_machine(_hash(key), now())
        return key

    def create(
        self, by: Caller, label: str, *, user: str | None, scope: Scope, days: float | None
    ) -> tuple[PersonalKey, str]:
        """Make a key; gives what is known of it, and itself. Only an admin may make one for somebody else.

        It opens no more than the key that it is made with, and not for longer. Without a user it is the
        caller's own; of programs on this machine, the first admin's.
        """
        owner = user or by.user or FIRST_ADMIN
        if owner != by.user and not is_allowed(by, Action.ADMIN, WHOLE):
            raise NotAllowed(f"{by.name} may not make keys for others; ask an admin", code="no-right")
        if not by.scope.is_whole:
            raise NotAllowed(f"the key {by.key!r} is not for making keys", code="out-of-scope")
        for service in scope.services or ():
            check_id(service, "a service")
        made = PersonalKey(
            id=0,
            label=check_label(label),
            user=owner,
            scope=scope,
            created_at=now(),
            expires_at=_end(by, days),
        )
        key = _new_key()
        return self._keys.add(_hash(key), made), key

    def all(self, user: str | None, *, after: int | None, limit: int) -> list[PersonalKey]:
        """The personal keys of a user, or of all, oldest first: at most `limit` that follow `after`."""
        return self._keys.all(user, after=after, limit=limit)

    def revoke(self, by: Caller, key: int) -> PersonalKey:
        """Let a key open nothing any more; gives what it was. Raises NotFound; others' are for admins."""
        found = self._keys.one(key)
        if found is None or (found.user != by.user and not is_allowed(by, Action.ADMIN, WHOLE)):
            raise NotFound(f"no key {key}; see the list of keys", code="no-such-key")
        if not by.scope.is_whole and found.label != by.key:
            raise NotAllowed(f"the key {by.key!r} is not for revoking others", code="out-of-scope")
        self._keys.remove(found)
        return found

    def _note_use(self, key: PersonalKey) -> None:
        """Once a minute: a write for each request would be slow."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")
        with self._guard:
            if self._noted.get(key.id, key.last_used_at) == minute:
                return
            self._noted[key.id] = minute
        self._keys.used(key.id, minute)


def _new_key() -> str:
    # 256 random bits need no slow hash: nobody can try them.
    return KEY_PREFIX + secrets.token_urlsafe(32)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _end(by: Caller, days: float | None) -> str | None:
    if days is None:
        return by.expires_at
    if not 0 < days <= MOST_DAYS:
        raise Invalid(f"days: give more than 0 and at most {MOST_DAYS:.0f}", code="bad-parameter")
    end = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds")
    return min(end, by.expires_at or end)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
