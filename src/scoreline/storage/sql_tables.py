"""Tables behind a connection, read as Arrow tables."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from scoreline.core.dataset import SqlDataset
from scoreline.core.names import did_you_mean
from scoreline.core.schema import Column, ColumnType, Schema
from scoreline.errors import Invalid, NotFound
from scoreline.storage.columns import NotOfType, from_text, shortened
from scoreline.storage.connections import Connections

_BATCH = 20_000
_KINDS = (
    (sa.types.Boolean, ColumnType.BOOLEAN),
    (sa.types.Integer, ColumnType.INT),
    (sa.types.Numeric, ColumnType.DOUBLE),
    (sa.types.Float, ColumnType.DOUBLE),
    (sa.types.Date, ColumnType.DATE),
    (sa.types.DateTime, ColumnType.DATE),
    (sa.types.String, ColumnType.STRING),
    (sa.types.Uuid, ColumnType.STRING),
)
_ARROW = {ColumnType.INT: pa.int64(), ColumnType.DOUBLE: pa.float64(), ColumnType.BOOLEAN: pa.bool_()}


def read_sql_table(dataset: SqlDataset, dataset_id: str, connections: Connections) -> pa.Table:
    """All rows as a canonical table, in the order of the primary key, else of all columns.

    Declared columns are read strictly; else all columns by their types in the database. Raises Invalid
    naming row and column.
    """
    with connections.open(dataset.connection) as connection:
        table = _reflect(connection, dataset)
        schema = _schema(table, dataset, dataset_id)
        columns = [table.c[column.name] for column in schema]
        # SQLite may hold any type in any column, so its values are judged as they are.
        plain = (
            [sa.type_coerce(c, sa.types.NullType()) for c in columns] if _is_sqlite(connection) else columns
        )
        query = sa.select(*plain).order_by(*(table.primary_key.columns or columns))
        batches: list[list[list[object]]] = []
        first = 1
        with connection.execution_options(yield_per=_BATCH).execute(query) as result:
            for rows in result.partitions():
                batches.append([_values(rows, at, c, dataset_id, first) for at, c in enumerate(schema)])
                first += len(rows)
    made = [_as_column([batch[at] for batch in batches], c, dataset_id) for at, c in enumerate(schema)]
    return pa.table(made, names=[column.name for column in schema])


def sql_schema(dataset: SqlDataset, dataset_id: str, connections: Connections) -> Schema:
    """Names and types of the columns, without reading rows."""
    with connections.open(dataset.connection) as connection:
        return _schema(_reflect(connection, dataset), dataset, dataset_id)


def _is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _reflect(connection: sa.Connection, dataset: SqlDataset) -> sa.Table:
    schema, _, name = dataset.table.rpartition(".")
    try:
        return sa.Table(
            name, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
        )
    except sa.exc.NoSuchTableError as error:
        raise NotFound(f"connection {dataset.connection!r}: there is no table {dataset.table!r}") from error


def _schema(table: sa.Table, dataset: SqlDataset, dataset_id: str) -> Schema:
    if dataset.columns is not None:
        for column in dataset.columns:
            if column.name not in table.c:
                known = did_you_mean(column.name, table.c.keys())
                raise Invalid(f"dataset {dataset_id!r}: no column {column.name!r} in the table; {known}")
        return dataset.columns
    return tuple(Column(column.name, _kind(column, dataset_id)) for column in table.c)


def _kind(column: sa.Column[object], dataset_id: str) -> ColumnType:
    for kind, found in _KINDS:
        if isinstance(column.type, kind):
            return found
    raise Invalid(
        f"dataset {dataset_id!r}, column {column.name}: values of type {column.type!r} are not supported; "
        "declare the columns to read"
    )


def _values(
    rows: Sequence[sa.Row[tuple[object, ...]]], at: int, column: Column, dataset_id: str, first: int
) -> list[object]:
    values: list[object] = []
    for number, row in enumerate(rows, first):
        value: object = row[at]
        if value is None or (isinstance(value, str) and not value):
            values.append(None)
            continue
        fitting = _fit(value, column.type)
        if fitting is None:
            raise Invalid(
                f"dataset {dataset_id!r}, row {number}, column {column.name}: {shortened(value)} is not "
                f"{'an' if column.type is ColumnType.INT else 'a'} {column.type.value}"
            )
        values.append(fitting)
    return values


def _fit(value: object, kind: ColumnType) -> object | None:
    """The value in the type, or None when it is not of it."""
    match kind:
        case ColumnType.STRING:
            return value if isinstance(value, str) else None if isinstance(value, bytes) else str(value)
        case ColumnType.BOOLEAN:
            return bool(value) if value in (0, 1) else None
        case ColumnType.INT if isinstance(value, int | float | decimal.Decimal):
            return int(value) if value == value // 1 and -(2**63) <= value < 2**63 else None
        case ColumnType.DOUBLE if isinstance(value, int | float | decimal.Decimal):
            return float(value)
        case ColumnType.DATE if isinstance(value, datetime.date | str):
            return value.isoformat() if isinstance(value, datetime.date) else value
    return None


def _as_column(batches: list[list[object]], column: Column, dataset_id: str) -> pa.ChunkedArray:
    kind = _ARROW.get(column.type, pa.string())
    values = pa.chunked_array([pa.array(batch, kind, from_pandas=True) for batch in batches], kind)
    if column.type is not ColumnType.DATE:
        return values
    try:
        return from_text(values, column)
    except NotOfType as error:
        raise Invalid(f"dataset {dataset_id!r}, row {error.row + 1}, {error}") from error
