"""Deployments in the catalog."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from scoreline.core.deployment import Deployment, Update
from scoreline.errors import Conflict
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.catalog_updates import check_versions, gone, insert_update
from scoreline.storage.deployment_rows import deployment_of
from scoreline.storage.lost_updates import stale
from scoreline.storage.transactions import Transactions


class CatalogDeployments:
    """The deployments: what is saved of each, and what is live."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> list[Deployment]:
        """All deployments, sorted by id."""
        query = sa.select(tables.deployments).order_by(tables.deployments.c.id)
        with self._transactions.reading() as connection:
            return [deployment_of(row) for row in connection.execute(query).all()]

    def page(
        self,
        after: str,
        *,
        limit: int,
        service: str | None = None,
        infrastructure: str | None = None,
        stage: str | None = None,
        contains: str | None = None,
    ) -> list[Deployment]:
        """At most `limit` deployments by id, after this one; where given, only those of a service, on an
        infrastructure, in a stage, or with a text in their id, service or tags."""
        c = tables.deployments.c
        query = sa.select(tables.deployments).where(c.id > after).order_by(c.id).limit(limit)
        if service is not None:
            query = query.where(c.service == service)
        if infrastructure is not None:
            query = query.where(c.infrastructure == infrastructure)
        if stage is not None:
            i = tables.infrastructures.c
            query = query.where(c.infrastructure.in_(sa.select(i.id).where(i.stage == stage)))
        if contains:
            texts = (c.id, c.service, c.tags)
            query = query.where(sa.or_(*(text.icontains(contains, autoescape=True) for text in texts)))
        with self._transactions.reading() as connection:
            return [deployment_of(row) for row in connection.execute(query).all()]

    def ids(self) -> list[str]:
        """The ids of all deployments, sorted."""
        with self._transactions.reading() as connection:
            return list(connection.execute(sa.select(tables.deployments.c.id).order_by("id")).scalars())

    def one(self, deployment: str) -> Deployment | None:
        """One deployment, or None."""
        query = sa.select(tables.deployments).where(tables.deployments.c.id == deployment)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else deployment_of(row)

    def add(self, deployment: Deployment) -> None:
        """Add a deployment.

        Raises Conflict when its id is taken, or when its infrastructure holds the service already.
        """
        with self._transactions.writing() as connection:
            _insert(connection, deployment)

    def add_with(self, deployment: Deployment, first: Update) -> Update:
        """Add a deployment together with its first update, or neither. The update gets its number."""
        with self._transactions.writing() as connection:
            _insert(connection, deployment)
            return insert_update(connection, first)

    def save(self, deployment: Deployment) -> Deployment:
        """Save the settings of a deployment; gives it with its new revision.

        Raises Conflict when somebody else saved since its revision was read, NotFound when it was deleted.
        """
        with self._transactions.writing() as connection:
            return _save(connection, deployment)

    def save_with(self, deployment: Deployment, update: Update) -> Update:
        """Save the settings of a deployment together with an update that begins, or neither."""
        with self._transactions.writing() as connection:
            begun = insert_update(connection, update)
            _save(connection, deployment)
            return begun

    def leave(self, deployment: str, *, expected: int | None = None) -> Deployment:
        """Mark a deployment as being deleted; once more is no error.

        Raises NotFound, and Conflict (code `update-running`) while an update runs, or (code `stale-revision`)
        when it is not at the revision that is `expected`.
        """
        d, u = tables.deployments.c, tables.updates.c
        with self._transactions.writing() as connection:
            row = connection.execute(sa.select(tables.deployments).where(d.id == deployment)).one_or_none()
            if row is None:
                raise gone(deployment)
            running = sa.select(u.id).where(u.deployment == deployment, u.outcome == "RUNNING")
            if connection.execute(running).first() is not None:
                raise Conflict(
                    f"an update of {deployment!r} is running; wait until it has ended, or cancel it",
                    code="update-running",
                )
            found = deployment_of(row)
            if expected is not None and found.revision != expected:
                raise stale(connection, _target(deployment), expected)
            if not found.leaving:
                connection.execute(tables.deployments.update().where(d.id == deployment).values(leaving=True))
                audited(connection, "delete", _target(deployment), before=found)
            return msgspec.structs.replace(found, leaving=True)

    def remove(self, deployment: str) -> None:
        """Remove a deployment with its history; one that is not there is no error."""
        mine = tables.deployments.c.id == deployment
        with self._transactions.writing() as connection:
            row = connection.execute(sa.select(tables.deployments).where(mine)).one_or_none()
            if row is not None:
                connection.execute(tables.deployments.delete().where(mine))
                audited(connection, "be gone", _target(deployment), before=deployment_of(row))


def _insert(connection: Connection, deployment: Deployment) -> None:
    values = {
        "id": deployment.id,
        "service": deployment.service,
        "infrastructure": deployment.infrastructure,
        "deployed_service": deployment.deployed_service,
        "live": to_text(deployment.live),
        "live_enabled": deployment.live_enabled,
        "former": to_text(deployment.former),
        "leaving": deployment.leaving,
        "revision": deployment.revision,
        **_settings(deployment),
    }
    check_versions(connection, deployment.service, deployment.mapping)
    try:
        connection.execute(tables.deployments.insert().values(values))
    except IntegrityError as error:
        raise Conflict(
            f"there is a deployment {deployment.id!r} or another one of {deployment.deployed_service!r} on "
            f"{deployment.infrastructure!r} already; update that one",
            code="deployment-exists",
        ) from error
    audited(connection, "create", _target(deployment.id), after=deployment)


def _save(connection: Connection, deployment: Deployment) -> Deployment:
    c = tables.deployments.c
    check_versions(connection, deployment.service, deployment.mapping)
    row = connection.execute(sa.select(tables.deployments).where(c.id == deployment.id)).one_or_none()
    if row is None:
        raise gone(deployment.id)
    before = deployment_of(row)
    if before.revision != deployment.revision:
        raise stale(connection, _target(deployment.id), deployment.revision)
    saved = msgspec.structs.replace(deployment, revision=deployment.revision + 1)
    values = {"revision": saved.revision, **_settings(saved)}
    connection.execute(tables.deployments.update().where(c.id == deployment.id).values(values))
    audited(connection, "save", _target(saved.id), before=before, after=saved)
    return saved


def _target(deployment: str) -> str:
    return f"deployment:{deployment}"


def _settings(deployment: Deployment) -> dict[str, Any]:
    return {
        "enabled": deployment.enabled,
        "tags": to_text(deployment.tags),
        "mapping": to_text(deployment.mapping),
    }
