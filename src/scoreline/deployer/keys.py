"""Keys of the control API: made here, kept as hashes in the catalog."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets

from scoreline.deployer.clock import now
from scoreline.errors import NotAllowed
from scoreline.storage.catalog import Catalog


class Keys:
    """Who may speak to the control plane."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def who(self, key: str | None) -> str:
        """The label of a key. Raises NotAllowed when there is none, or nobody's."""
        if not key:
            raise NotAllowed(
                "the control API needs a key: as a bearer token, or as the user name of basic authorization",
                code="unauthenticated",
            )
        label = self._catalog.key_label(_hash(key))
        if label is None:
            raise NotAllowed("this key is not one of the control plane's", code="unknown-key")
        return label

    def of_this_machine(self, known: str | None) -> str:
        """The key for programs on this machine: `known` if it is still good, else a new one in its place."""
        if known and self._catalog.key_label(_hash(known)):
            return known
        # 256 random bits need no slow hash: nobody can try them.
        key = "sk-" + secrets.token_urlsafe(32)
        self._catalog.add_key(_hash(key), _user(), now())
        return key


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
