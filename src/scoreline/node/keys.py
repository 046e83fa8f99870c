"""The admin keys of a node: kept as digests, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoreline.core.service_key import key_digest
from scoreline.errors import Invalid, NotAllowed
from scoreline.node.plan import PlannedKey
from scoreline.storage.atomic import write_file

_LONGEST = 4_096
_AUTHORIZATION = b"authorization"
_API_KEY = b"x-api-key"


def read_admin_key(file: Path) -> str:
    """The SHA-256 of the key in a file. Raises Invalid when there is none."""
    try:
        key = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the admin key file {file} cannot be read") from error
    if not 8 <= len(key) <= _LONGEST:
        raise Invalid(f"the admin key in {file} must have 8 to {_LONGEST} characters")
    return key_digest(key.encode())


def make_admin_key(file: Path) -> None:
    """Write a new key to a file that only its owner may read, unless it is there."""
    if not file.exists():
        write_file(file, secrets.token_urlsafe(32).encode() + b"\n", mode=0o600)


@dataclass(frozen=True)
class AdminKeys:
    """The keys that open the admin API, by their hashes."""

    of_the_file: str
    """The key in the node's key file; it is always good."""
    others: Sequence[PlannedKey] = ()

    def open(self, digest: str) -> bool:
        """Whether a key, given by its hash, is one of them and has not expired."""
        good = hmac.compare_digest(self.of_the_file, digest)
        for key in self.others:
            if hmac.compare_digest(key.sha256, digest):
                good = good or key.expires_at is None or time.time() < key.expires_at
        return good

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise NotAllowed unless a request shows an admin key."""
        shown = credentials(headers)
        if not shown:
            raise NotAllowed("the admin API needs the node's admin key", code="unauthenticated")
        if not any(self.open(key_digest(key)) for key in shown):
            raise NotAllowed("this is not the node's admin key", code="unauthenticated")


def credentials(headers: Mapping[bytes, bytes]) -> list[bytes]:
    """The keys that a request shows: as Basic user name, as Bearer token, in `X-API-Key`.

    Header names count in any case.
    """
    shown = []
    for name, value in headers.items():
        if len(name) == len(_AUTHORIZATION) and name.lower() == _AUTHORIZATION:
            shown.append(_authorization(value))
        elif len(name) == len(_API_KEY) and name.lower() == _API_KEY:
            shown.append(value.strip())
    return [key for key in shown if 0 < len(key) <= _LONGEST]


def _authorization(header: bytes) -> bytes:
    scheme, _, value = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return b""
