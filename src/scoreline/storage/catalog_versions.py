"""Services and their versions in the catalog."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from scoreline.core.access import Kind, Place
from scoreline.core.deployment import GenerationsMapping, UpdateOutcome
from scoreline.core.package import Manifest, PublishedVersion, VersionSummary
from scoreline.core.service import Service, endpoint_kinds
from scoreline.errors import Conflict, NotFound
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.catalog_grants import forget_grants
from scoreline.storage.deployment_rows import deployment_of
from scoreline.storage.transactions import Transactions

_SUMMARY = tuple(getattr(tables.versions.c, name) for name in VersionSummary.__struct_fields__)


class CatalogVersions:
    """The published services, and the versions of each."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def service_ids(self) -> list[str]:
        """All services, sorted."""
        with self._transactions.reading() as connection:
            return list(connection.execute(sa.select(tables.services.c.id).order_by("id")).scalars())

    def page(self, after: str, *, limit: int, contains: str | None = None) -> dict[str, list[VersionSummary]]:
        """At most `limit` services by id, after this one, each with its versions, oldest first.

        `contains`: only those with this text in their id.
        """
        c, s = tables.versions.c, tables.services.c
        ids = sa.select(s.id).where(s.id > after).order_by(s.id).limit(limit)
        if contains:
            ids = ids.where(s.id.icontains(contains, autoescape=True))
        with self._transactions.reading() as connection:
            found: dict[str, list[VersionSummary]] = {id_: [] for id_ in connection.execute(ids).scalars()}
            if not found:
                return found
            query = sa.select(*_SUMMARY).where(c.service > after, c.service <= max(found))
            if contains:
                query = query.where(c.service.icontains(contains, autoescape=True))
            for version in map(_summary, connection.execute(query).all()):
                found[version.service].append(version)
        for versions in found.values():
            versions.sort(key=_age)
        return found

    def of(self, service: str) -> list[VersionSummary]:
        """The versions of a service, oldest first; none when there is no such service."""
        c = tables.versions.c
        query = sa.select(*_SUMMARY).where(c.service == service).order_by(c.at, c.version)
        with self._transactions.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def all(self) -> list[VersionSummary]:
        """The versions of all services, sorted by service, oldest first."""
        with self._transactions.reading() as connection:
            found = [_summary(row) for row in connection.execute(sa.select(*_SUMMARY)).all()]
        return sorted(found, key=lambda version: (version.service, *_age(version)))

    def one(self, service: str, version: str) -> PublishedVersion | None:
        """One version with its manifest and its service, or None."""
        c = tables.versions.c
        query = sa.select(tables.versions).where(c.service == service, c.version == version)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _version(row)

    def summary(self, service: str, version: str) -> VersionSummary | None:
        """One version without its manifest, or None."""
        c = tables.versions.c
        query = sa.select(*_SUMMARY).where(c.service == service, c.version == version)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _summary(row)

    def needed(self, service: str) -> dict[str, str]:
        """Version -> a deployment that needs it, or needs it to go back to."""
        with self._transactions.reading() as connection:
            return _needed(connection, service)

    def remove(self, service: str, version: str) -> str | None:
        """Remove a version that no deployment needs; gives its archive if nothing needs that any more.

        Raises NotFound, and Conflict (code `version-used`) when a deployment needs the version.
        """
        c = tables.versions.c
        mine = sa.and_(c.service == service, c.version == version)
        with self._transactions.writing() as connection:
            archive = connection.execute(sa.select(c.archive).where(mine)).scalar()
            if archive is None:
                raise NotFound(f"{service} {version!r} is not published", code="no-such-version")
            user = _needed(connection, service).get(version)
            if user is not None:
                raise Conflict(
                    f"{service} {version} is used by deployment {user!r}, or needed to go back to; "
                    "update that deployment first",
                    code="version-used",
                )
            digest = connection.execute(sa.select(c.digest).where(mine)).scalar()
            connection.execute(tables.versions.delete().where(mine))
            before = {"version": version, "digest": digest}
            audited(connection, "delete version", _target(service), before=before)
            others = connection.execute(sa.select(c.version).where(c.archive == archive)).first()
            return archive if others is None else None

    def remove_service(self, service: str) -> None:
        """Remove a service. Raises NotFound, and Conflict when it has versions or deployments."""
        with self._transactions.writing() as connection:
            try:
                gone = connection.execute(tables.services.delete().where(tables.services.c.id == service))
            except IntegrityError as error:
                raise Conflict(
                    f"service {service!r} has versions or deployments; delete them first", code="service-used"
                ) from error
            if not gone.rowcount:
                raise NotFound(f"no service {service!r} is published", code="no-such-service")
            forget_grants(connection, Place(Kind.SERVICE, service))
            audited(connection, "delete", _target(service))

    def endpoints(self, *wanted: tuple[str, str]) -> dict[tuple[str, str], dict[str, str]]:
        """(service, version) -> endpoint -> its kind, of every version unless some are named."""
        c = tables.versions.c
        query = sa.select(c.service, c.version, c.endpoints)
        if wanted:
            query = query.where(sa.tuple_(c.service, c.version).in_(wanted))
        with self._transactions.reading() as connection:
            rows = connection.execute(query).all()
            return {(row.service, row.version): msgspec.json.decode(row.endpoints) for row in rows}

    def add_service(self, service: str) -> None:
        """Add a service without versions. Raises Conflict when it is there."""
        with self._transactions.writing() as connection:
            try:
                connection.execute(tables.services.insert().values(id=service))
            except IntegrityError as error:
                raise Conflict(f"there is a service {service!r} already", code="service-exists") from error
            audited(connection, "create", _target(service))

    def add(self, version: PublishedVersion) -> None:
        """Add a version, and its service when it is the first. Raises Conflict when the version is there."""
        manifest = version.manifest
        values = {
            "service": version.service_id,
            "version": manifest.version,
            "project": manifest.project,
            "digest": manifest.digest,
            "archive": version.archive,
            "size": version.size,
            "manifest": to_text(manifest),
            "definition": to_text(version.service),
            "release_notes": manifest.release_notes,
            "created_by": manifest.created_by,
            "created_at": manifest.created_at,
            "models": to_text({model: packaged.version for model, packaged in manifest.models.items()}),
            "endpoints": to_text(endpoint_kinds(version.service)),
            "by": version.by,
            "at": version.at,
        }
        with self._transactions.writing() as connection:
            service = tables.services.insert().prefix_with("OR IGNORE").values(id=version.service_id)
            connection.execute(service)
            try:
                connection.execute(tables.versions.insert().values(values))
            except IntegrityError as error:
                raise Conflict(f"{version.service_id} {manifest.version} is published already") from error
            after = {"version": manifest.version, "digest": manifest.digest, "project": manifest.project}
            audited(connection, "publish", _target(version.service_id), after=after)

    def set_archive(self, version: PublishedVersion) -> None:
        """Let another archive of the same content stand for a version."""
        c = tables.versions.c
        mine = sa.and_(c.service == version.service_id, c.version == version.manifest.version)
        with self._transactions.writing() as connection:
            row = tables.versions.update().where(mine, c.digest == version.manifest.digest)
            connection.execute(row.values(archive=version.archive, size=version.size))

    def archives(self) -> set[str]:
        """The archives that some version needs."""
        with self._transactions.reading() as connection:
            return set(connection.execute(sa.select(tables.versions.c.archive)).scalars())


def _target(service: str) -> str:
    return f"service:{service}"


def _needed(connection: Connection, service: str) -> dict[str, str]:
    d, u = tables.deployments.c, tables.updates.c
    found: dict[str, str] = {}
    for row in connection.execute(sa.select(tables.deployments).where(d.service == service)):
        found.update(dict.fromkeys(deployment_of(row).needed, row.id))
    query = sa.select(u.deployment, u.to_mapping).join_from(tables.updates, tables.deployments)
    running = query.where(d.service == service, u.outcome == UpdateOutcome.RUNNING.value)
    for row in connection.execute(running):
        mapping = msgspec.json.decode(row.to_mapping, type=GenerationsMapping)
        found.update(dict.fromkeys(mapping.generations, row.deployment))
    return found


def _age(version: VersionSummary) -> tuple[str, str]:
    return version.at, version.version


def _summary(row: Any) -> VersionSummary:
    # By place: thousands are read at once, and looking columns up by name takes longer than all the rest.
    service, version, project, digest, size, notes, created_by, created_at, by, at, models = row
    known = msgspec.json.decode(models)
    return VersionSummary(
        service, version, project, digest, size, notes, created_by, created_at, by, at, known
    )


def _version(row: Row[Any]) -> PublishedVersion:
    return PublishedVersion(
        service_id=row.service,
        manifest=msgspec.json.decode(row.manifest, type=Manifest),
        service=msgspec.json.decode(row.definition, type=Service),
        archive=row.archive,
        size=row.size,
        by=row.by,
        at=row.at,
    )
