"""Calls of the search."""

from __future__ import annotations

from scoreline.client.connection import Connection, query_of
from scoreline.wire.control_search import SearchResult


class SearchCalls:
    """What `scoreline search` does."""

    _control: Connection

    def search(self, q: str, *, most: int = 20) -> SearchResult:
        """Everything with a name that fits, best first, of what one may see: an id, its beginning, words."""
        return self._control.call("GET", f"/search{query_of(q=q, limit=most)}", SearchResult)
