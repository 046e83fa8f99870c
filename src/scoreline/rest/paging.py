"""Paging: `?limit=` and `?after=` of a list, and the page that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query

from scoreline.errors import Invalid
from scoreline.wire.paging import MOST_ITEMS, USUAL_ITEMS, Page

T = TypeVar("T")
U = TypeVar("U")

_LONGEST_CURSOR = 500


@dataclass(frozen=True)
class Window:
    """Which part of a list is asked for."""

    limit: int
    after: str | None

    @property
    def after_number(self) -> int | None:
        """The number after which it goes on, of a list that is ordered by number. Raises Invalid."""
        return cursor_number(self.after)


def cursor_number(after: str | None) -> int | None:
    """The number that a cursor is; None for none. Raises Invalid."""
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid("query.after: give what `next` of the page before says", code="bad-parameter")
    return int(after)


def _window(
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many items at most.")] = USUAL_ITEMS,
    after: Annotated[
        str | None, Query(max_length=_LONGEST_CURSOR, description="What `next` of the page before says.")
    ] = None,
) -> Window:
    return Window(limit, after)


Paging = Annotated[Window, Depends(_window)]


def page_of(window: Window, found: Sequence[T], key: Callable[[T], str]) -> Page[T]:
    """The part of a whole list, sorted by `key`. An item that went meanwhile does not disturb the others."""
    after = window.after
    rest = found if after is None else [item for item in found if key(item) > after]
    return page_from(window, rest, key)


def page_from(window: Window, found: Sequence[T], key: Callable[[T], object]) -> Page[T]:
    """The page of items that follow `after`, of which one more than `limit` was looked for."""
    more = len(found) > window.limit
    items = tuple(found[: window.limit])
    return Page(items=items, next=str(key(items[-1])) if more else None)


def page_in_order(window: Window, ids: Sequence[str]) -> Page[str]:
    """The part of a whole list of ids that has an order of its own. Raises Invalid when `after` has gone."""
    places = {one: place for place, one in enumerate(ids, 1)}
    if window.after is not None and window.after not in places:
        raise Invalid("query.after: that one is not there any more; begin anew", code="bad-parameter")
    return page_from(window, ids[places.get(window.after or "", 0) :], str)


def page_of_seen(
    window: Window,
    fetch: Callable[[str, int], Sequence[T]],
    key: Callable[[T], str],
    sees: Callable[[T], bool],
) -> Page[T]:
    """The page of what the caller may see, of a list that is fetched part by part: after a key, so many."""
    kept: list[T] = []
    after = window.after or ""
    while len(kept) <= window.limit:
        found = fetch(after, window.limit + 1)
        kept += [item for item in found if sees(item)]
        if len(found) <= window.limit:
            break
        after = key(found[-1])
    return page_from(window, kept, key)


def each(page: Page[T], described: Callable[[T], U]) -> Page[U]:
    """The same page of other values."""
    return Page(items=tuple(described(item) for item in page.items), next=page.next)
