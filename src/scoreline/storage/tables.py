"""The datasets of a project as tables: read, described, digested, and (managed ones) written.

PyArrow is loaded when rows are touched, not before: a control plane that shows what there is does without.
"""

from __future__ import annotations

import datetime
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scoreline.core.dataset import Dataset, FilesDataset, ManagedDataset, SqlDataset
from scoreline.core.names import did_you_mean
from scoreline.core.project import Project
from scoreline.core.schema import Schema
from scoreline.errors import Invalid, NotFound
from scoreline.storage.connections import Connections
from scoreline.storage.digests import FileDigests
from scoreline.storage.source_files import files_of
from scoreline.storage.workspace import Workspace
from scoreline.storage.written_rows import Current, current, not_built

if TYPE_CHECKING:
    import pyarrow as pa

Value = str | int | float | bool | None
_BATCH = 10_000


class Tables:
    """The datasets of one project, by id. Threads may share it.

    A SQL table is read once for its digest and remembered by it for the life of this object, so make one
    per build or command.
    """

    def __init__(self, project: Project, workspace: Workspace, connections: Connections) -> None:
        self._datasets = project.datasets
        self._workspace = workspace
        self._connections = connections
        self._files = FileDigests(workspace.root / "digests.json", workspace.project)
        self._sql_digests: dict[str, str] = {}
        self._lock = threading.Lock()

    def read(self, dataset_id: str) -> pa.Table:
        """All rows, in the types of `storage.columns`, in a stable order.

        Raises NotFound (no such dataset, file or table; code "not-built" when its recipe has not run),
        Invalid naming file, row and column, Unavailable (the database does not answer).
        """
        dataset = self._dataset(dataset_id)
        match dataset:
            case FilesDataset():
                from scoreline.storage.table_files import read_files

                return read_files(dataset, self._source(dataset, dataset_id), self._workspace.project)
            case SqlDataset():
                # Here: most projects read no database, and SQLAlchemy is slow to load.
                from scoreline.storage.sql_tables import read_sql_table

                table = read_sql_table(dataset, dataset_id, self._connections)
                with self._lock:
                    self._sql_digests.setdefault(dataset_id, _digest_of_rows(table))
                return table
            case ManagedDataset():
                from scoreline.storage.managed import read_managed

                return read_managed(self._workspace.dataset(dataset_id))

    def schema(self, dataset_id: str) -> Schema:
        """Names and types of the columns. Looks at rows only where nothing else says them."""
        dataset = self._dataset(dataset_id)
        if isinstance(dataset, ManagedDataset):
            found = current(self._workspace.dataset(dataset_id))
            if found is not None:
                return found.columns
        if dataset.columns is not None:
            return dataset.columns
        if isinstance(dataset, SqlDataset):
            from scoreline.storage.sql_tables import sql_schema

            return sql_schema(dataset, dataset_id, self._connections)
        from scoreline.storage.columns import schema_of

        return schema_of(self.read(dataset_id))

    def write(self, dataset_id: str, table: pa.Table) -> Current:
        """Replace the rows of a managed dataset, whole or not at all; checked against declared columns.

        One writer at a time (the project's lock). Raises Invalid for another kind of dataset, wrong columns.
        """
        from scoreline.storage.columns import canonical, select
        from scoreline.storage.managed import write_managed

        dataset = self._dataset(dataset_id)
        if not isinstance(dataset, ManagedDataset):
            raise Invalid(f"dataset {dataset_id!r} is not managed: a recipe cannot write it")
        what = f"output {dataset_id!r}"
        table = canonical(table, what)
        if dataset.columns is not None:
            table = select(table, dataset.columns, what)
        return write_managed(self._workspace.dataset(dataset_id), table)

    def written(self, dataset_id: str) -> Current | None:
        """What is known of a managed dataset's rows without reading them; None when there are none."""
        return current(self._workspace.dataset(dataset_id))

    def digest(self, dataset_id: str) -> str:
        """A digest of the content: equal while rows and the way to read them are. Raises as `read`."""
        dataset = self._dataset(dataset_id)
        match dataset:
            case ManagedDataset():
                found = current(self._workspace.dataset(dataset_id))
                if found is None:
                    raise not_built(dataset_id)
                return found.digest
            case FilesDataset():
                content = self._files.digest(self._source(dataset, dataset_id))
                shape = [dataset.format, dataset.delimiter, dataset.columns, content]
                return hashlib.sha256(msgspec.json.encode(shape)).hexdigest()
            case SqlDataset():
                with self._lock:
                    known = self._sql_digests.get(dataset_id)
                return known if known is not None else _digest_of_rows(self.read(dataset_id))

    def rows(self, dataset_id: str, columns: Sequence[str]) -> Iterator[tuple[Value, ...]]:
        """The rows as tuples of plain values in the order of `columns`; dates as ISO 8601, missing as None.

        Raises NotFound for an unknown column, and what `read` raises.
        """
        table = self.read(dataset_id)
        for name in columns:
            if name not in table.column_names:
                known = did_you_mean(name, table.column_names)
                raise NotFound(f"dataset {dataset_id!r} has no column {name!r}; {known}")
        for batch in table.select(list(columns)).to_batches(max_chunksize=_BATCH):
            yield from zip(*(plain_values(column) for column in batch.columns), strict=True)

    def _dataset(self, dataset_id: str) -> Dataset:
        dataset = self._datasets.get(dataset_id)
        if dataset is None:
            raise NotFound(f"no dataset {dataset_id!r}; {did_you_mean(dataset_id, self._datasets)}")
        return dataset

    def _source(self, dataset: FilesDataset, dataset_id: str) -> list[Path]:
        return files_of(dataset, dataset_id, self._workspace.project)


def open_tables(project: Project, folder: Path, environment: Mapping[str, str]) -> Tables:
    """The tables of the project in a folder; `environment` holds the secrets that connections name."""
    return Tables(project, Workspace(folder), Connections(project.connections, folder, environment))


def plain_values(column: pa.Array) -> list[Value]:
    """The values of a canonical column as Python values; dates as ISO 8601 text."""
    import pyarrow as pa

    values: list[Value] = column.to_pylist()
    if pa.types.is_temporal(column.type):
        return [_iso(value) for value in values]
    return values


def _iso(value: object) -> str | None:
    if isinstance(value, datetime.date):
        return value.isoformat().replace("+00:00", "Z")
    return None


def _digest_of_rows(table: pa.Table) -> str:
    whole = hashlib.sha256(str(table.schema).encode())
    for batch in table.to_batches(max_chunksize=_BATCH):
        whole.update(msgspec.msgpack.encode([plain_values(column) for column in batch.columns]))
    return whole.hexdigest()
