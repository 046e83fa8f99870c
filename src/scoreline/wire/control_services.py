"""Messages of the control API about published services and their versions, beside those of `wire.control`."""

from __future__ import annotations

from msgspec import Struct

from scoreline.wire.control import Version


class NewService(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published service to make, which has no version yet."""

    id: str


class Pruned(Struct, frozen=True, kw_only=True):
    """The versions that were deleted, or would be."""

    versions: tuple[Version, ...]
