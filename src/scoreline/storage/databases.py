"""Databases by URL, through SQLAlchemy; secrets are read when used, never shown."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa

from scoreline.core.project import Connection
from scoreline.errors import Invalid, MissingExtra, Unavailable

_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_DRIVERS = {"psycopg": "postgresql"}
_OTHER_FILES = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)


@contextlib.contextmanager
def connect(
    definition: Connection, connection_id: str, project: Path, environment: Mapping[str, str]
) -> Iterator[sa.Connection]:
    """Yield a connection to a database, closed afterwards.

    SQLite files are found from the project's folder. Raises Invalid for a URL or secret that cannot be used,
    MissingExtra for a driver that is not installed, Unavailable when the database does not answer or refuses.
    """
    text, secrets = _resolve(definition.url, connection_id, environment)
    engine = _engine(text, connection_id, project)
    if engine.url.password:
        secrets = [*secrets, str(engine.url.password)]
    try:
        with _translated(connection_id, secrets), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(text: str, connection_id: str, project: Path) -> sa.Engine:
    try:
        url = sa.make_url(text)
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            url = url.set(database=str(project / str(url.database)))
        engine = sa.create_engine(url, poolclass=sa.NullPool)
    except ModuleNotFoundError as error:
        extra = _DRIVERS.get((error.name or "").split(".")[0])
        if extra:
            raise MissingExtra(extra, f"connection {connection_id!r}") from error
        raise Invalid(f"connection {connection_id!r} needs the module {error.name!r}") from error
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which may quote the URL.
        raise Invalid(
            f"connection {connection_id!r}: the URL cannot be understood; write it like "
            "postgresql+psycopg://reader:${env:DB_PASSWORD}@db.example.com/cards"
        ) from None
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _confine)
    return engine


def _confine(connection: sqlite3.Connection, _record: object) -> None:
    """Keep SQL to the one file of its connection: it opens no other one, and writes none (VACUUM INTO)."""
    connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_DENY if action in _OTHER_FILES else sqlite3.SQLITE_OK
    )


def _resolve(url: str, connection_id: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """The URL with its secrets in it, and those secrets."""
    secrets: list[str] = []
    before_host = url.rfind("@")

    def value(found: re.Match[str]) -> str:
        secret = environment.get(found[1])
        if secret is None:
            raise Invalid(f"connection {connection_id!r} needs the environment variable {found[1]}; set it")
        secrets.append(secret)
        # A password may hold any character; a whole URL or a path is taken as it is.
        return urllib.parse.quote(secret, safe="") if found.start() < before_host else secret

    return _REFERENCE.sub(value, url), secrets


@contextlib.contextmanager
def _translated(connection_id: str, secrets: list[str]) -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        for secret in secrets:
            cause = cause.replace(secret, "…") if secret else cause
        raise Unavailable(f"connection {connection_id!r}: {cause[:300]}", code="database") from None
