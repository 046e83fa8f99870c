"""Column types as Arrow types, and text made into typed columns, strictly or by looking at the rows.

In every table that Scoreline reads or keeps: string is utf8, int is int64, double is float64 (NaN is the
missing value), boolean is bool, date is date32, timestamp[us] or timestamp[us, UTC].
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from scoreline.core.schema import Column, ColumnType, Schema
from scoreline.errors import Invalid

_ARROW = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
}
_WHOLE = r"^[+-]?[0-9]+(\.0*)?$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_BOOLEAN = r"^(?i:true|false|t|f|1|0)$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_DATE = rf"({_DAY})|({_MOMENT}{_ZONE})|({_MOMENT}$)"
# Found by looking at the rows: codes with leading zeros (a zip code) stay text, and so do numbers too long.
_SNIFFED = (
    (ColumnType.INT, r"^-?(0|[1-9][0-9]{0,17})$"),
    (ColumnType.DOUBLE, r"^-?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"),
    (ColumnType.BOOLEAN, r"^(?i:true|false)$"),
    (ColumnType.DATE, rf"({_DAY})|({_MOMENT}$)"),
    (ColumnType.DATE, rf"{_MOMENT}{_ZONE}"),
)
_NAMES = {ColumnType.INT: "an int", ColumnType.DOUBLE: "a double", ColumnType.BOOLEAN: "a boolean"}


class NotOfType(Exception):
    """The value at `row` (counted from 0) of a column is not of the column's type."""

    def __init__(self, row: int, column: str, value: str, expected: str) -> None:
        super().__init__(f"column {column}: {value} is not {expected}")
        self.row = row


def schema_of(table: pa.Table) -> Schema:
    """The column names and types of a table that `canonical` made."""
    return tuple(Column(field.name, _type_of(field)) for field in table.schema)


def canonical(table: pa.Table, what: str) -> pa.Table:
    """The table with each column in the Arrow type that Scoreline keeps; NaN becomes missing.

    Raises Invalid, beginning with `what`, when a column has no such type (lists, bytes, …), a whole number
    does not fit 64 bits, or two columns share a name.
    """
    names = table.column_names
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"{what}: two columns are named {twice!r}")
    columns = [_canonical_column(table.column(at), table.schema.field(at), what) for at in range(len(names))]
    return pa.table(columns, names=names)


def select(table: pa.Table, declared: Schema, what: str) -> pa.Table:
    """The declared columns of a canonical table, in order; types must agree (int will do for double)."""
    found = []
    for column in declared:
        if column.name not in table.column_names:
            raise Invalid(f"{what}: no column {column.name!r}; there is: {_listed(table.column_names)}")
        values = table.column(column.name)
        kind = _type_of(table.schema.field(column.name))
        if kind is not column.type:
            values = _agree(values, kind, column, what)
        found.append(values)
    return pa.table(found, names=[column.name for column in declared])


def from_text(texts: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Text as values of the column's type; null and "" are missing. Raises NotOfType for the first other."""
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    if column.type is ColumnType.STRING:
        return texts
    trimmed = pc.utf8_trim_whitespace(texts)
    trimmed = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    match column.type:
        case ColumnType.INT:
            _check(trimmed, texts, _WHOLE, column)
            whole = pc.replace_substring_regex(trimmed, r"\.0*$", "")
            whole = pc.replace_substring_regex(whole, r"^\+", "")
            return _cast(whole, pa.int64(), texts, column)
        case ColumnType.DOUBLE:
            _check(trimmed, texts, _NUMBER, column)
            values = _cast(pc.replace_substring_regex(trimmed, r"^\+", ""), pa.float64(), texts, column)
            _refuse_first(pc.is_inf(values), texts, column)
            return values
        case ColumnType.BOOLEAN:
            _check(trimmed, texts, _BOOLEAN, column)
            true = pc.is_in(pc.utf8_lower(trimmed), pa.array(["true", "t", "1"]))
            return pc.if_else(pc.is_valid(trimmed), true, None)
        case ColumnType.DATE:
            _check(trimmed, texts, _DATE, column)
            return _dates(trimmed, texts, column)


def sniff(texts: pa.ChunkedArray) -> ColumnType:
    """The narrowest type that all non-empty texts have; string when there is none or nothing to look at."""
    present = pc.unique(texts).drop_null()
    present = present.filter(pc.not_equal(present, ""))
    if len(present) == 0:
        return ColumnType.STRING
    for kind, pattern in _SNIFFED:
        if pc.all(pc.match_substring_regex(present, pattern)).as_py() and _fits(present, kind):
            return kind
    return ColumnType.STRING


def shortened(value: object) -> str:
    """A value as it may stand in a message."""
    text = repr(value)
    return text if len(text) <= 40 else text[:38] + "…" + text[-1]


def _type_of(field: pa.Field) -> ColumnType:
    for kind, arrow in _ARROW.items():
        if field.type == arrow:
            return kind
    return ColumnType.DATE


def _canonical_column(values: pa.ChunkedArray, field: pa.Field, what: str) -> pa.ChunkedArray:
    kind = field.type
    try:
        if pa.types.is_dictionary(kind):
            return _canonical_column(values.cast(kind.value_type), field.with_type(kind.value_type), what)
        if pa.types.is_null(kind):
            return values.cast(pa.string())
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            return values.cast(pa.string())
        if pa.types.is_boolean(kind) or pa.types.is_date32(kind):
            return values
        if pa.types.is_integer(kind):
            return values.cast(pa.int64())
        if pa.types.is_decimal(kind) and kind.scale == 0 and _fits_int(values):
            return values.cast(pa.int64())
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            doubles = values.cast(pa.float64())
            return pc.if_else(pc.is_nan(doubles), None, doubles)
        if pa.types.is_date64(kind):
            return values.cast(pa.date32())
        if pa.types.is_timestamp(kind):
            return values.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    except pa.ArrowException as error:
        raise Invalid(f"{what}, column {field.name}: {shortened(str(error))}") from error
    raise Invalid(
        f"{what}, column {field.name}: values of type {kind} are not supported; leave the column out"
    )


def _fits_int(values: pa.ChunkedArray) -> bool:
    """Whether whole numbers of any length (the sum of an int column, in DuckDB) fit 64 bits."""
    least, most = pc.min_max(values).as_py().values()
    return least is None or (least >= -(2**63) and most < 2**63)


def _agree(values: pa.ChunkedArray, kind: ColumnType, column: Column, what: str) -> pa.ChunkedArray:
    if values.null_count == len(values):
        return pa.chunked_array([pa.nulls(len(values), _ARROW.get(column.type, pa.timestamp("us")))])
    if kind is ColumnType.INT and column.type is ColumnType.DOUBLE:
        return values.cast(pa.float64())
    raise Invalid(f"{what}: column {column.name} is {kind.value}, declared as {column.type.value}")


def _check(trimmed: pa.ChunkedArray, texts: pa.ChunkedArray, pattern: str, column: Column) -> None:
    _refuse_first(pc.invert(pc.match_substring_regex(trimmed, pattern)), texts, column)


def _refuse_first(wrong: pa.ChunkedArray, texts: pa.ChunkedArray, column: Column) -> None:
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        raise NotOfType(at, column.name, shortened(texts[at].as_py()), _expected(column))


def _cast(
    trimmed: pa.ChunkedArray, kind: pa.DataType, texts: pa.ChunkedArray, column: Column
) -> pa.ChunkedArray:
    try:
        return trimmed.cast(kind)
    except pa.ArrowInvalid as error:
        for at, text in enumerate(trimmed):
            try:
                text.cast(kind)
            except pa.ArrowInvalid:
                value = shortened(texts[at].as_py())
                raise NotOfType(at, column.name, value, _expected(column)) from error
        raise


def _dates(trimmed: pa.ChunkedArray, texts: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    if pc.all(pc.match_substring_regex(trimmed, _DAY)).as_py() is not False:
        return _cast(trimmed, pa.date32(), texts, column)
    with_zone = pc.match_substring_regex(trimmed, rf":[0-9.]+{_ZONE}")
    if not pc.any(with_zone).as_py():
        return _cast(trimmed, pa.timestamp("us"), texts, column)
    _refuse_first(pc.invert(with_zone), texts, column)
    return _cast(trimmed, pa.timestamp("us", "UTC"), texts, column)


def _expected(column: Column) -> str:
    return _NAMES.get(column.type, "a date (ISO 8601, all with or all without a time zone)")


def _fits(texts: pa.Array, kind: ColumnType) -> bool:
    try:
        from_text(pa.chunked_array([texts]), Column("", kind))
    except NotOfType:
        return False
    return True


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
