"""The catalog: what the control plane knows, in one SQLite file, changed by whole transactions."""

from __future__ import annotations

from pathlib import Path

from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.catalog_deployments import CatalogDeployments
from scoreline.storage.catalog_grants import CatalogGrants
from scoreline.storage.catalog_infrastructures import CatalogInfrastructures
from scoreline.storage.catalog_keys import CatalogKeys
from scoreline.storage.catalog_requests import CatalogRequests
from scoreline.storage.catalog_runs import CatalogRuns
from scoreline.storage.catalog_search import CatalogSearch
from scoreline.storage.catalog_sessions import CatalogSessions
from scoreline.storage.catalog_targets import CatalogTargets
from scoreline.storage.catalog_triggers import CatalogTriggers
from scoreline.storage.catalog_updates import CatalogUpdates
from scoreline.storage.catalog_users import CatalogUsers
from scoreline.storage.catalog_versions import CatalogVersions
from scoreline.storage.migrations import migrate
from scoreline.storage.transactions import Transactions


class Catalog:
    """Rows as values, by noun. Every method is one transaction; it may be called from any thread."""

    def __init__(self, transactions: Transactions) -> None:
        self.transactions = transactions
        self.versions = CatalogVersions(transactions)
        self.infrastructures = CatalogInfrastructures(transactions)
        self.deployments = CatalogDeployments(transactions)
        self.updates = CatalogUpdates(transactions)
        self.runs = CatalogRuns(transactions)
        self.triggers = CatalogTriggers(transactions)
        self.requests = CatalogRequests(transactions)
        self.users = CatalogUsers(transactions)
        self.grants = CatalogGrants(transactions)
        self.keys = CatalogKeys(transactions)
        self.sessions = CatalogSessions(transactions)
        self.targets = CatalogTargets(transactions)
        self.search = CatalogSearch(transactions)
        self.audit = CatalogAudit(transactions)

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """Open the catalog at `path`, made or brought to the newest schema first.

        Raises Unavailable when the file cannot be used, or when a newer Scoreline has written it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without checks of references: a migration that makes a table anew drops the old one meanwhile.
        unchecked = Transactions(path, foreign_keys=False)
        try:
            with unchecked.writing() as connection:
                migrate(connection)
        finally:
            unchecked.close()
        return cls(Transactions(path))

    def close(self) -> None:
        """Give the file back."""
        self.transactions.close()
