"""The columns of two tables that are compared for drift, as values of one kind on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from scoreline.core.drift import DriftSettings
from scoreline.core.model import Signature
from scoreline.core.names import did_you_mean
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid
from scoreline.storage.columns import schema_of
from scoreline.studio.frames import Handling, category_values, numeric_values, used_columns

Array = np.ndarray[Any, Any]
_ID_SHARE = 0.5
_ID_VALUES = 100


@dataclass
class ComparedColumns:
    """By name, the values of both sides: doubles with NaN for missing, or texts with "" for missing."""

    reference: dict[str, Array] = field(default_factory=dict)
    current: dict[str, Array] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    """Column -> why."""


@dataclass(frozen=True)
class NamedTable:
    """A table and the dataset that its errors name."""

    table: pa.Table
    dataset: str


def compare_features(
    signature: Signature,
    settings: DriftSettings,
    reference: NamedTable,
    current: NamedTable,
    known: Mapping[str, Array],
) -> ComparedColumns:
    """The features of a model, and other columns that the settings name.

    `known` holds values of the current side that need not be read again, as the model handles them.
    """
    handlings: dict[str, Handling] = {feature.name: feature.handling for feature in signature.features}
    _check_named(settings, current)
    compared = ComparedColumns()
    for name in dict.fromkeys([*handlings, *settings.columns]):
        handling = settings.columns.get(name) or handlings[name]
        if handling == "leave_out":
            compared.left_out[name] = "as the recipe says"
        elif name not in reference.table.column_names:
            compared.left_out[name] = "the reference does not have it"
        else:
            compared.reference[name] = _values(reference, name, handling)
            ready = name in known and handlings.get(name) == handling
            compared.current[name] = known[name] if ready else _values(current, name, handling)
    return compared


def compare_tables(
    settings: DriftSettings, reference: NamedTable, current: NamedTable, *, apart: frozenset[str]
) -> ComparedColumns:
    """The columns of both tables but those in `apart`: by the reference's type, or as the settings say."""
    _check_named(settings, current)
    compared = ComparedColumns()
    for name in current.table.column_names:
        if name in apart:
            continue
        if name not in reference.table.column_names:
            compared.left_out[name] = "the reference does not have it"
            continue
        wanted = settings.columns.get(name)
        handling = wanted or _handling(reference, name)
        if handling == "leave_out":
            compared.left_out[name] = "as the recipe says" if wanted else "dates differ by nature"
            continue
        before, after = _values(reference, name, handling), _values(current, name, handling)
        if wanted is None and handling == "category" and (_is_id(before) or _is_id(after)):
            compared.left_out[name] = "nearly every row has a value of its own"
            continue
        compared.reference[name], compared.current[name] = before, after
    return compared


def column_table(columns: Mapping[str, Array], places: Array) -> pa.Table:
    """Some rows of compared columns as a table, missing values as nulls."""
    found: dict[str, pa.Array[Any]] = {}
    for name, values in columns.items():
        chosen = values[places]
        if chosen.dtype == object:
            found[name] = pa.array(chosen, pa.string(), mask=chosen == "")
        else:
            found[name] = pa.array(chosen, pa.float64(), from_pandas=True)
    return pa.table(found)


def _values(given: NamedTable, name: str, handling: str) -> Array:
    column = used_columns(given.table, {name: "column"}, dataset=given.dataset)[name]
    read = numeric_values if handling == "numeric" else category_values
    return read(column, name, dataset=given.dataset)


def _handling(given: NamedTable, name: str) -> str:
    used = used_columns(given.table, {name: "column"}, dataset=given.dataset)
    match schema_of(used)[0].type:
        case ColumnType.INT | ColumnType.DOUBLE:
            return "numeric"
        case ColumnType.DATE:
            return "leave_out"
        case _:
            return "category"


def _is_id(texts: Array) -> bool:
    distinct = set(texts.tolist()) - {""}
    return len(distinct) > _ID_VALUES and len(distinct) > _ID_SHARE * int((texts != "").sum())


def _check_named(settings: DriftSettings, current: NamedTable) -> None:
    for name in settings.columns:
        if name not in current.table.column_names:
            hint = did_you_mean(name, current.table.column_names)
            raise Invalid(
                f"drift.columns: dataset {current.dataset!r} has no column {name!r}; {hint}",
                code="no-such-column",
            )
