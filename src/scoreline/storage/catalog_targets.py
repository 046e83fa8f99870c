"""What somebody may want to act on, as the catalog knows it: each object with what is around it."""

from __future__ import annotations

import sqlalchemy as sa

from scoreline.core.access import (
    Kind,
    Target,
    deployment_target,
    infrastructure_target,
    service_target,
)
from scoreline.storage import catalog_tables as tables
from scoreline.storage.transactions import Transactions

# A service is of the project whose package was published first.
_PROJECT = (
    sa.select(tables.versions.c.project)
    .where(tables.versions.c.service == tables.services.c.id)
    .order_by(tables.versions.c.at)
    .limit(1)
    .scalar_subquery()
)
_SERVICES = sa.select(tables.services.c.id, _PROJECT.label("project"))


class CatalogTargets:
    """Services, infrastructures and deployments as targets."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def services(self) -> dict[str, Target]:
        """All services by id."""
        with self._transactions.reading() as connection:
            return {row.id: service_target(row.id, row.project) for row in connection.execute(_SERVICES)}

    def one(self, kind: Kind, target: str) -> Target | None:
        """One service, infrastructure or deployment, or None."""
        if kind is Kind.SERVICE:
            return self._service(target)
        if kind is Kind.INFRASTRUCTURE:
            return infrastructure_target(target) if self._is_there(target) else None
        c = tables.deployments.c
        query = sa.select(c.service, c.infrastructure).where(c.id == target)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        service = None if row is None else self._service(row.service)
        if row is None or service is None:
            return None
        return deployment_target(target, service=service, infrastructure=row.infrastructure)

    def all(self, kind: Kind) -> list[Target]:
        """All services, infrastructures or deployments."""
        services = self.services()
        if kind is Kind.SERVICE:
            return list(services.values())
        i, d = tables.infrastructures.c, tables.deployments.c
        with self._transactions.reading() as connection:
            if kind is Kind.INFRASTRUCTURE:
                return [infrastructure_target(one) for one in connection.execute(sa.select(i.id)).scalars()]
            rows = connection.execute(sa.select(d.id, d.service, d.infrastructure)).all()
        return [
            deployment_target(row.id, service=services[row.service], infrastructure=row.infrastructure)
            for row in rows
            if row.service in services
        ]

    def _service(self, service: str) -> Target | None:
        with self._transactions.reading() as connection:
            row = connection.execute(_SERVICES.where(tables.services.c.id == service)).one_or_none()
        return None if row is None else service_target(row.id, row.project)

    def _is_there(self, infrastructure: str) -> bool:
        c = tables.infrastructures.c
        with self._transactions.reading() as connection:
            return connection.execute(sa.select(c.id).where(c.id == infrastructure)).first() is not None
