"""Keys of the admin API: made, listed and deleted over itself. Only their hashes are kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from scoreline.core.service_key import key_digest
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.node.admin_requests import body_of
from scoreline.node.plan import Passed
from scoreline.node.state import AdminKey, NodeState
from scoreline.node.supervisor import Supervisor
from scoreline.wire import admin

_MOST = 100
_LONGEST = 500


class Keys:
    """The admin keys of one node beside that of its key file."""

    def __init__(self, node: Supervisor) -> None:
        self._node = node

    async def all(self, _: Passed) -> tuple[admin.AdminKeyEntry, ...]:
        """All of them, expired ones too, the oldest first."""
        return tuple(map(_told, self._node.state.keys))

    async def make(self, request: Passed) -> admin.MadeAdminKey:
        """Make a key and show it, this once. Every worker knows it when this returns."""
        wanted = body_of(request, admin.NewAdminKey)
        texts = (wanted.label, wanted.description, wanted.created_by)
        if any(len(text or "") > _LONGEST for text in texts):
            raise Invalid(
                f"label, description and createdBy have at most {_LONGEST} characters", code="bad-key"
            )
        now = time.time()
        expires_at = _moment(wanted.expiry)
        if expires_at is not None and expires_at <= now:
            raise Invalid("expiry lies in the past; give a later time, or none", code="bad-key")
        secret = secrets.token_urlsafe(32)
        key = AdminKey(
            id=secrets.token_hex(6),
            sha256=key_digest(secret.encode()),
            label=wanted.label or "",
            description=wanted.description or "",
            created_by=wanted.created_by or "",
            created_at=now,
            expires_at=expires_at,
        )

        def add(state: NodeState) -> NodeState:
            if len(state.keys) >= _MOST:
                raise Conflict(f"this node has {_MOST} admin keys; delete one first", code="too-many-keys")
            return msgspec.structs.replace(state, keys=(*state.keys, key))

        await self._node.change(add)
        return admin.MadeAdminKey(key=secret, **msgspec.structs.asdict(_told(key)))

    async def delete(self, _: Passed, key: str) -> admin.Done:
        """Delete a key, given itself."""
        digest = key_digest(key.encode())
        if digest == self._node.admin_key:
            raise Conflict(
                "this is the key in the node's key file; write another one there and restart the node",
                code="key-of-the-file",
            )
        return await self._delete(lambda one: one.sha256 == digest)

    async def delete_by_id(self, _: Passed, key_id: str) -> admin.Done:
        """Delete a key, given its id."""
        return await self._delete(lambda one: one.id == key_id)

    async def _delete(self, meant: Callable[[AdminKey], bool]) -> admin.Done:
        def remove(state: NodeState) -> NodeState:
            left = tuple(key for key in state.keys if not meant(key))
            if left == state.keys:
                raise NotFound("this node has no such admin key", code="no-such-key")
            return msgspec.structs.replace(state, keys=left)

        await self._node.change(remove)
        return admin.Done()


def _told(key: AdminKey) -> admin.AdminKeyEntry:
    return admin.AdminKeyEntry(
        id=key.id,
        label=key.label,
        description=key.description,
        created_by=key.created_by,
        created_at=_text(key.created_at),
        expiry=None if key.expires_at is None else _text(key.expires_at),
    )


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _moment(expiry: float | str | None) -> float | None:
    """Seconds since 1970. Raises Invalid for what is no time."""
    if expiry is None:
        return None
    try:
        if isinstance(expiry, str):
            given = datetime.fromisoformat(expiry)
            return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
        return datetime.fromtimestamp(expiry / 1000, UTC).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid(
            "expiry is a time in ISO 8601, or in milliseconds since 1970", code="bad-key"
        ) from error
