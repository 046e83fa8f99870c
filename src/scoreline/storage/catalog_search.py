"""What can be found in the catalog: everything that has a name, in one reading."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from scoreline.core.search import Entry, FoundKind
from scoreline.storage import catalog_tables as tables
from scoreline.storage.transactions import Transactions


class CatalogSearch:
    """Names of the catalog."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def entries(self) -> list[Entry]:
        """Services, versions, deployments, infrastructures, users and groups."""
        with self._transactions.reading() as connection:
            return [
                *_services(connection),
                *_deployments(connection),
                *_infrastructures(connection),
                *_people(connection),
            ]


def _services(connection: Connection) -> Iterator[Entry]:
    v = tables.versions.c
    endpoints: dict[str, str] = {}
    found = connection.execute(sa.select(v.service, v.version, v.release_notes, v.endpoints).order_by(v.at))
    for row in found.all():
        yield Entry(
            kind=FoundKind.VERSION, id=row.version, description=row.release_notes, service=row.service
        )
        endpoints[row.service] = row.endpoints
    for service in connection.execute(sa.select(tables.services.c.id)).scalars():
        newest = msgspec.json.decode(endpoints.get(service) or "{}", type=dict[str, str])
        yield Entry(
            kind=FoundKind.PUBLISHED_SERVICE, id=service, description=", ".join(newest), service=service
        )


def _deployments(connection: Connection) -> Iterator[Entry]:
    d = tables.deployments.c
    for row in connection.execute(sa.select(d.id, d.service, d.infrastructure, d.tags)):
        yield Entry(
            kind=FoundKind.DEPLOYMENT,
            id=row.id,
            description=", ".join(msgspec.json.decode(row.tags, type=list[str])),
            service=row.service,
            infrastructure=row.infrastructure,
        )


def _infrastructures(connection: Connection) -> Iterator[Entry]:
    i = tables.infrastructures.c
    for row in connection.execute(sa.select(i.id, i.stage)):
        yield Entry(kind=FoundKind.INFRASTRUCTURE, id=row.id, description=row.stage, infrastructure=row.id)


def _people(connection: Connection) -> Iterator[Entry]:
    for kind, table in ((FoundKind.USER, tables.users), (FoundKind.GROUP, tables.groups)):
        for name in connection.execute(sa.select(table.c.name)).scalars():
            yield Entry(kind=kind, id=name)
