"""Transactions of the catalog's database: reads that see one state, and writes that wait for one another."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from scoreline.errors import Unavailable

_WAIT_FOR_WRITERS = 10.0  # seconds
_request: contextvars.ContextVar[str | None] = contextvars.ContextVar("request", default=None)

_HAS_EFFECT = sa.text("UPDATE requests SET has_effect = 1 WHERE key = :key")


@contextlib.contextmanager
def working_for(request: str) -> Iterator[None]:
    """Work for a request of the table `requests`: whatever is written meanwhile marks it as well.

    So it is known of a request that was cut off whether it changed anything. It holds for the block, and for
    threads that work for it.
    """
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


class Transactions:
    """One transaction per block; it may be used from any thread. Trouble with the database is Unavailable."""

    def __init__(self, path: Path, *, foreign_keys: bool = True) -> None:
        self._engine = _engine(path, foreign_keys)
        self._listeners: list[Callable[[], None]] = []

    def on_write(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every write that counts, in the thread that made it."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the state of one moment."""
        with _translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection that alone may write; what it wrote counts when the block ends well."""
        # The write lock is taken at once: a reader that turns writer could not wait for another one.
        alone = self._engine.execution_options(scoreline_writes=True)
        with _translated(), alone.connect() as connection, connection.begin():
            yield connection
            request = _request.get()
            if request is not None:
                connection.execute(_HAS_EFFECT, {"key": request})
        for listener in self._listeners:
            listener()


def _engine(path: Path, foreign_keys: bool) -> Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": _WAIT_FOR_WRITERS}
    )
    checks = "ON" if foreign_keys else "OFF"

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that schema changes are part of a transaction
        for pragma in ("journal_mode=WAL", f"foreign_keys={checks}", "synchronous=FULL"):
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
