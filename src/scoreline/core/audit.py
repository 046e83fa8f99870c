"""Audit: what was changed, by whom, and what it was before. Never a secret."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

HIDDEN = "…"
LONGEST_TEXT = 20_000
"""Of what was before, and of what is after, as JSON."""

_SECRETS = frozenset(
    ("password", "password_hash", "secret", "token", "hash", "sha256", "api_key", "admin_key")
)
_REFERENCES = ("env:", "file:", "secret:")


class Change(Struct, frozen=True, kw_only=True):
    """One change of the control plane."""

    id: int
    at: str
    who: str
    key: str
    """The label of the key he came with; empty when he came with his password, or with nothing."""
    address: str
    """Where the request came from; empty for what the control plane did by itself."""
    what: str
    """A verb: `create`, `update`, `grant`, …"""
    on: str
    """The object: `service:fraud_detection`, `user:ada`, …"""
    before: Any
    """What it was, as JSON; null: it was not there, or the change is no change of a value."""
    after: Any


def shown(value: Any) -> Any:
    """A value as the audit keeps it: plain JSON, secrets hidden (not their references), and not too long."""
    plain = _without_secrets(msgspec.to_builtins(value))
    length = len(msgspec.json.encode(plain))
    return plain if length <= LONGEST_TEXT else {"left_out": f"{length} bytes"}


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(one, str(key).lower()) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(one, name) for one in value]
    if name in _SECRETS and value not in (None, "") and not _is_reference(value):
        return HIDDEN
    return value


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_REFERENCES)
