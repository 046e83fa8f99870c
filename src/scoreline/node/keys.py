"""The admin key of a node: kept as a digest, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from scoreline.errors import Invalid, NotAllowed
from scoreline.storage.atomic import write_file

_LONGEST = 4_096


def read_admin_key(file: Path) -> str:
    """The SHA-256 of the key in a file. Raises Invalid when there is none."""
    try:
        key = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the admin key file {file} cannot be read") from error
    if not 8 <= len(key) <= _LONGEST:
        raise Invalid(f"the admin key in {file} must have 8 to {_LONGEST} characters")
    return digest(key)


def make_admin_key(file: Path) -> None:
    """Write a new key to a file that only its owner may read, unless it is there."""
    if not file.exists():
        write_file(file, secrets.token_urlsafe(32).encode() + b"\n", mode=0o600)


def digest(key: str) -> str:
    """The SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def check_admin(headers: Mapping[bytes, bytes], expected: str) -> None:
    """Raise NotAllowed unless the request carries the admin key: as Basic user name, or as Bearer token.

    Header names are in lower case.
    """
    given = _given(headers.get(b"authorization", b""))
    if given is None:
        raise NotAllowed("the admin API needs the node's admin key", code="unauthenticated")
    if not hmac.compare_digest(hashlib.sha256(given).hexdigest(), expected):
        raise NotAllowed("this is not the node's admin key", code="unauthenticated")


def _given(header: bytes) -> bytes | None:
    scheme, _, value = header.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[0]
    except (binascii.Error, ValueError):
        return None
