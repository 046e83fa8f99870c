"""What can be found on the deployer: the names of the catalog, read again when it has changed."""

from __future__ import annotations

import threading

from scoreline.core.search import Index
from scoreline.storage.catalog import Catalog


class CatalogNames:
    """The names of the catalog, prepared to be searched. It may be used from any thread."""

    def __init__(self, catalog: Catalog) -> None:
        self._audit = catalog.audit
        self._search = catalog.search
        self._guard = threading.Lock()
        self._index = Index(())
        self._newest = -1

    def index(self) -> Index:
        """The names as they are now. Whatever makes or removes one is in the audit."""
        with self._guard:
            newest = self._audit.last_number()
            if newest != self._newest:
                self._index = Index(self._search.entries())
                self._newest = newest
            return self._index
