"""Passwords: hashed with argon2, checked in a time that tells nothing about who exists."""

from __future__ import annotations

import functools
import secrets
import threading

from argon2 import DEFAULT_MEMORY_COST, DEFAULT_TIME_COST, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE = 2  # each takes 64 MiB and a core for a while, by default


class Passwords:
    """Hashes and checks. It may be used from any thread; more than a few at once wait for one another.

    `passes` and `memory` (in KiB) are the effort of one hash.
    """

    def __init__(self, *, passes: int = DEFAULT_TIME_COST, memory: int = DEFAULT_MEMORY_COST) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory)
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """The hash to keep."""
        with self._turns:
            return self._hasher.hash(password)

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether this is the password; without a hash it is not, which takes as long to say."""
        compared = password_hash or self._nobodys
        with self._turns:
            try:
                self._hasher.verify(compared, password)
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    @functools.cached_property
    def _nobodys(self) -> str:
        return self.hash(secrets.token_urlsafe(16))

    def is_weak(self, password_hash: str) -> bool:
        """Whether the hash was made with less effort than is usual now."""
        return self._hasher.check_needs_rehash(password_hash)


def one_time_password() -> str:
    """A password to be used once: 80 random bits, easy to read."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))
