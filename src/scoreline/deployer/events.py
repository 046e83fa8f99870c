"""Events: the changes of the audit as they come, for readers who stay and wait for them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from scoreline.core.audit import Change
from scoreline.errors import Unavailable
from scoreline.storage.catalog import Catalog

MOST_READERS = 200

Wake = Callable[[], None]


class Events:
    """What changed. Nothing is kept for a reader, so a slow one holds up nobody."""

    def __init__(self, catalog: Catalog) -> None:
        self._audit = catalog.audit
        self._readers: set[Wake] = set()
        self._guard = threading.Lock()
        self.closed = False
        """Whether readers are to leave."""
        catalog.transactions.on_write(self._wake)

    @property
    def readers(self) -> int:
        """How many there are."""
        return len(self._readers)

    def newest(self) -> int:
        """The number of the newest change; 0 when there is none."""
        return self._audit.last_number()

    def after(self, number: int, *, limit: int) -> list[Change]:
        """Changes that came after the one with this number, the oldest first."""
        return self._audit.after(number, limit=limit)

    @contextlib.contextmanager
    def reader(self, wake: Wake) -> Iterator[None]:
        """Be a reader for the length of the block: `wake` is called, by any thread, after a write.

        Raises Unavailable when there are too many readers.
        """
        with self._guard:
            if len(self._readers) >= MOST_READERS:
                raise Unavailable(f"{MOST_READERS} readers wait for events already", code="too-many-readers")
            self._readers.add(wake)
        try:
            yield
        finally:
            with self._guard:
                self._readers.discard(wake)

    def close(self) -> None:
        """Send all readers away."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        with self._guard:
            readers = tuple(self._readers)
        for wake in readers:
            wake()
