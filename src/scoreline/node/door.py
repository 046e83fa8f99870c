"""Doors: who may ask a generation that is not public."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scoreline.core.service_key import ServiceKey, key_digest
from scoreline.errors import NotAllowed
from scoreline.node.counters import Series
from scoreline.node.keys import credentials

Opens = Callable[[str], bool]
"""Whether a key, given by its hash, is one of the node's admin keys: those open every door."""
CountedKey = tuple[ServiceKey, Series | None]
"""A key, and what counts the queries under it, where something does."""


@dataclass(frozen=True, slots=True)
class Door:
    """The keys that open it."""

    service: str
    keys: Sequence[CountedKey]
    admin: Opens

    def check(self, headers: Mapping[bytes, bytes]) -> Series | None:
        """What counts the key that a request shows. Raises NotAllowed when it shows none that opens.

        Header names are as they were sent.
        """
        shown = credentials(headers)
        if not shown:
            raise NotAllowed(
                f"service {self.service!r} needs an API key: as Basic user name, as Bearer token or in the "
                "header X-API-Key",
                code="unauthenticated",
            )
        digests = [key_digest(key) for key in shown]
        found = [
            counted
            for digest in digests
            for key, counted in self.keys  # all of them, so that the time tells nothing
            if hmac.compare_digest(key.sha256, digest)
        ]
        if not found and not any(self.admin(digest) for digest in digests):
            raise NotAllowed(f"this key does not open service {self.service!r}", code="unauthenticated")
        return found[0] if found else None


def shared_door(doors: Sequence[Door | None]) -> Door | None:
    """The door in front of several generations: closed when one of them is; any of their keys opens it."""
    closed = [door for door in doors if door is not None]
    if not closed:
        return None
    keys = {key.sha256: (key, counted) for door in closed for key, counted in door.keys}
    return Door(closed[0].service, tuple(keys.values()), closed[0].admin)
