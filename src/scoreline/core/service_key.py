"""Service keys: what callers of a service that is not public show. Only their hashes are in its package."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from msgspec import Struct

from scoreline.core.names import ID_RULE, is_id, shortened
from scoreline.errors import Invalid

ENTROPY = 32
"""Random bytes in a key: 256 bits, so a plain SHA-256 of it cannot be turned back."""
MOST_KEYS = 100
"""Keys of one service: a node compares a query's key with all of them."""
_PREFIX = "slk_"


class ServiceKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that opens a service, known by its hash alone."""

    label: str
    """Whom the key was made for, such as `till` or `fraud-team`; counted under this name, never secret."""
    sha256: str
    """SHA-256 of the key, lower-case hexadecimal."""


def make_service_key(label: str, entropy: bytes) -> tuple[str, ServiceKey]:
    """A new key and what is kept of it. `entropy`: `ENTROPY` random bytes. Raises Invalid for a bad label.

    The key itself is shown once to whoever asked for it, and kept nowhere.
    """
    if len(entropy) != ENTROPY:
        raise ValueError(f"a key is made of {ENTROPY} random bytes")
    key = _PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()
    kept = ServiceKey(label=label, sha256=key_digest(key.encode()))
    for _, message in service_key_spots((kept,)):
        raise Invalid(f"the key's label: {message}", code="bad-id")
    return key, kept


def key_digest(key: bytes) -> str:
    """What is kept of a key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(key).hexdigest()


def service_key_spots(keys: tuple[ServiceKey, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with the keys of a service, and where."""
    if len(keys) > MOST_KEYS:
        yield (), f"there are {len(keys)}; a service has at most {MOST_KEYS}"
    labels: set[str] = set()
    digests: set[str] = set()
    for position, key in enumerate(keys):
        if not is_id(key.label):
            yield (position, "label"), f"{shortened(key.label)} cannot be a label: {ID_RULE}"
        if len(key.sha256) != 64 or set(key.sha256) - set("0123456789abcdef"):
            yield (position, "sha256"), "must be 64 digits from 0 to 9 and a to f: the hash, not the key"
        if key.label in labels:
            yield (position, "label"), f"two keys have the label {shortened(key.label)}"
        if key.sha256 in digests:
            yield (position, "sha256"), "two labels have the same key"
        labels.add(key.label)
        digests.add(key.sha256)
