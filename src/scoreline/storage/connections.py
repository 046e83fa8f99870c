"""The connections of a project, by id."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scoreline.core.names import did_you_mean
from scoreline.core.project import Connection
from scoreline.errors import NotFound

if TYPE_CHECKING:
    import sqlalchemy as sa


class Connections:
    """The connections of one project. Opens nothing before it is asked to."""

    def __init__(
        self, definitions: Mapping[str, Connection], project: Path, environment: Mapping[str, str]
    ) -> None:
        self._definitions = definitions
        self._project = project
        self._environment = environment

    @contextlib.contextmanager
    def open(self, connection_id: str) -> Iterator[sa.Connection]:
        """Yield a connection to the database, closed afterwards.

        Raises NotFound for an unknown id, and what `databases.connect` raises.
        """
        # Here: most projects have no connection, and SQLAlchemy is slow to load.
        from scoreline.storage.databases import connect

        definition = self._definitions.get(connection_id)
        if definition is None:
            raise NotFound(
                f"no connection {connection_id!r}; {did_you_mean(connection_id, self._definitions)}"
            )
        with connect(definition, connection_id, self._project, self._environment) as connection:
            yield connection
