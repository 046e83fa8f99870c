"""Pages: how lists travel, a part at a time."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

USUAL_ITEMS = 100
MOST_ITEMS = 1_000
"""Of one page."""


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some items of a list, in the order of the list."""

    items: tuple[T, ...]
    next: str | None
    """To be given as `after` for the items that follow; null when there are none."""
