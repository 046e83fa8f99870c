"""The catalog: what the control plane knows, in one SQLite file, changed by whole transactions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row, event
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from scoreline.core.deployment import Deployment, Infrastructure, Update, UpdateOutcome
from scoreline.core.package import Manifest, PublishedVersion
from scoreline.core.service import Service
from scoreline.errors import Conflict, Unavailable
from scoreline.storage import catalog_tables as tables
from scoreline.storage.migrations import migrate

_WAIT_FOR_WRITERS = 10.0  # seconds


class Catalog:
    """Rows as values. Every method is one transaction; it may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> Catalog:
        """Open the catalog at `path`, made or brought to the newest schema first.

        Raises Unavailable when the file cannot be used, or when a newer Scoreline has written it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = cls(_engine(path))
        with catalog._write() as connection:
            migrate(connection)
        return catalog

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    # Keys

    def add_key(self, key_hash: str, label: str, at: str) -> None:
        """Add a key, replacing those of the same label."""
        with self._write() as connection:
            connection.execute(tables.keys.delete().where(tables.keys.c.label == label))
            connection.execute(tables.keys.insert().values(hash=key_hash, label=label, created_at=at))

    def key_label(self, key_hash: str) -> str | None:
        """Whose key it is; None: nobody's."""
        query = sa.select(tables.keys.c.label).where(tables.keys.c.hash == key_hash)
        with self._read() as connection:
            return connection.execute(query).scalar()

    # Services and versions

    def service_ids(self) -> list[str]:
        """All services, sorted."""
        with self._read() as connection:
            return list(connection.execute(sa.select(tables.services.c.id).order_by("id")).scalars())

    def versions(self, service: str) -> list[PublishedVersion]:
        """The versions of a service, oldest first; none when there is no such service."""
        c = tables.versions.c
        query = sa.select(tables.versions).where(c.service == service).order_by(c.at, c.version)
        with self._read() as connection:
            return [_version(row) for row in connection.execute(query)]

    def every_version(self) -> list[PublishedVersion]:
        """The versions of all services, sorted by service, oldest first."""
        c = tables.versions.c
        with self._read() as connection:
            rows = connection.execute(sa.select(tables.versions).order_by(c.service, c.at, c.version))
            return [_version(row) for row in rows]

    def version(self, service: str, version: str) -> PublishedVersion | None:
        """One version, or None."""
        c = tables.versions.c
        query = sa.select(tables.versions).where(c.service == service, c.version == version)
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _version(row)

    def add_version(self, version: PublishedVersion) -> None:
        """Add a version, and its service when it is the first. Raises Conflict when the version is there."""
        manifest = version.manifest
        values = {
            "service": manifest.service,
            "version": manifest.version,
            "digest": manifest.digest,
            "archive": version.archive,
            "size": version.size,
            "manifest": msgspec.json.encode(manifest).decode(),
            "definition": msgspec.json.encode(version.service).decode(),
            "release_notes": manifest.release_notes,
            "by": version.by,
            "at": version.at,
        }
        with self._write() as connection:
            service = tables.services.insert().prefix_with("OR IGNORE").values(id=manifest.service)
            connection.execute(service)
            try:
                connection.execute(tables.versions.insert().values(values))
            except IntegrityError as error:
                raise Conflict(f"{manifest.service} {manifest.version} is published already") from error

    def archives(self) -> set[str]:
        """The archives that some version needs."""
        with self._read() as connection:
            return set(connection.execute(sa.select(tables.versions.c.archive)).scalars())

    # Infrastructures

    def infrastructures(self) -> list[Infrastructure]:
        """All infrastructures, sorted by id."""
        query = sa.select(tables.infrastructures).order_by(tables.infrastructures.c.id)
        with self._read() as connection:
            return [Infrastructure(**row._mapping) for row in connection.execute(query)]

    def ensure_infrastructure(self, infrastructure: Infrastructure) -> None:
        """Add an infrastructure; if its id is there, nothing changes."""
        values = msgspec.structs.asdict(infrastructure)
        with self._write() as connection:
            connection.execute(tables.infrastructures.insert().prefix_with("OR IGNORE").values(values))

    # Deployments

    def deployments(self) -> list[Deployment]:
        """All deployments, sorted by id."""
        query = sa.select(tables.deployments).order_by(tables.deployments.c.id)
        with self._read() as connection:
            return [Deployment(**row._mapping) for row in connection.execute(query)]

    def deployment(self, deployment: str) -> Deployment | None:
        """One deployment, or None."""
        query = sa.select(tables.deployments).where(tables.deployments.c.id == deployment)
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Deployment(**row._mapping)

    def add_deployment(self, deployment: Deployment, first: Update) -> Update:
        """Add a deployment together with its first update, as `add_update` does.

        Raises Conflict when its id is taken, or when its infrastructure holds the service already.
        """
        with self._write() as connection:
            try:
                connection.execute(tables.deployments.insert().values(msgspec.structs.asdict(deployment)))
            except IntegrityError as error:
                raise Conflict(
                    f"there is a deployment {deployment.id!r} or another one of {deployment.service!r} on "
                    f"{deployment.infrastructure!r} already; update that one"
                ) from error
            return _insert_update(connection, first)

    def deployed(self) -> dict[str, Service]:
        """By deployment, what the service is in the version that is wanted."""
        v, d = tables.versions.c, tables.deployments.c
        same = sa.and_(v.service == d.service, v.version == d.version)
        query = sa.select(d.id, v.definition).join_from(tables.deployments, tables.versions, same)
        with self._read() as connection:
            rows = connection.execute(query)
            return {row.id: msgspec.json.decode(row.definition, type=Service) for row in rows}

    # Updates

    def add_update(self, update: Update) -> Update:
        """Add a running update; the answer has its number. Raises Conflict when another one runs."""
        with self._write() as connection:
            return _insert_update(connection, update)

    def update(self, number: int) -> Update | None:
        """One update, or None."""
        with self._read() as connection:
            row = connection.execute(sa.select(tables.updates).where(tables.updates.c.id == number)).first()
        return None if row is None else _update(row)

    def updates(self, deployment: str, *, limit: int) -> list[Update]:
        """The last updates of a deployment, newest first."""
        c = tables.updates.c
        query = sa.select(tables.updates).where(c.deployment == deployment).order_by(c.id.desc()).limit(limit)
        with self._read() as connection:
            return [_update(row) for row in connection.execute(query)]

    def last_updates(self) -> dict[str, Update]:
        """By deployment, its newest update."""
        c = tables.updates.c
        newest = sa.select(sa.func.max(c.id)).group_by(c.deployment)
        with self._read() as connection:
            rows = connection.execute(sa.select(tables.updates).where(c.id.in_(newest)))
            return {row.deployment: _update(row) for row in rows}

    def running_updates(self) -> list[Update]:
        """The updates that have not ended, oldest first."""
        c = tables.updates.c
        query = sa.select(tables.updates).where(c.outcome == UpdateOutcome.RUNNING.value).order_by(c.id)
        with self._read() as connection:
            return [_update(row) for row in connection.execute(query)]

    def log_update(self, number: int, line: str) -> None:
        """Add one line to the log of an update."""
        c = tables.updates.c
        with self._write() as connection:
            connection.execute(
                tables.updates.update().where(c.id == number).values(log=c.log + (line + "\n"))
            )

    def finish_update(self, update: Update, outcome: UpdateOutcome, message: str, at: str) -> None:
        """End an update. On success its deployment wants the new version, in the same transaction.

        An update that has ended already stays as it ended.
        """
        c = tables.updates.c
        running = sa.and_(c.id == update.id, c.outcome == UpdateOutcome.RUNNING.value)
        ended = tables.updates.update().where(running)
        with self._write() as connection:
            ended = ended.values(outcome=outcome.value, message=message, finished_at=at)
            if connection.execute(ended).rowcount and outcome is UpdateOutcome.SUCCESS:
                wanted = tables.deployments.update().where(tables.deployments.c.id == update.deployment)
                connection.execute(wanted.values(version=update.to_version))

    @contextlib.contextmanager
    def _read(self) -> Iterator[Connection]:
        with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def _write(self) -> Iterator[Connection]:
        # The write lock is taken at once: a reader that turns writer could not wait for another one.
        writing = self._engine.execution_options(scoreline_writes=True)
        with _translated(), writing.connect() as connection, connection.begin():
            yield connection


def _engine(path: Path) -> Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": _WAIT_FOR_WRITERS}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that schema changes are part of a transaction
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        writes = connection.get_execution_options().get("scoreline_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the catalog cannot be used now: {error.orig}", code="catalog") from error
    except DatabaseError as error:
        raise Unavailable(f"the catalog is damaged: {error.orig}", code="catalog") from error


def _insert_update(connection: Connection, update: Update) -> Update:
    values = {
        "deployment": update.deployment,
        "from_version": update.from_version,
        "to_version": update.to_version,
        "by": update.by,
        "started_at": update.started_at,
        "finished_at": None,
        "outcome": update.outcome.value,
        "message": "",
        "log": "",
    }
    try:
        inserted = connection.execute(tables.updates.insert().values(values))
    except IntegrityError as error:
        raise Conflict(
            f"another update of {update.deployment!r} is running; wait until it has ended",
            code="update-running",
        ) from error
    key: Sequence[Any] = inserted.inserted_primary_key or ()
    return msgspec.structs.replace(update, id=key[0])


def _update(row: Row[Any]) -> Update:
    values = dict(row._mapping)
    values["outcome"] = UpdateOutcome(values["outcome"])
    values["log"] = tuple(values["log"].splitlines())
    return Update(**values)


def _version(row: Row[Any]) -> PublishedVersion:
    return PublishedVersion(
        manifest=msgspec.json.decode(row.manifest, type=Manifest),
        service=msgspec.json.decode(row.definition, type=Service),
        archive=row.archive,
        size=row.size,
        by=row.by,
        at=row.at,
    )
