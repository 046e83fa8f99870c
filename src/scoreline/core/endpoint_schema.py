"""Endpoint schemas: what an endpoint takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scoreline.core.lookup import Lookup
from scoreline.core.model import Signature
from scoreline.core.schema import Column, ColumnType
from scoreline.core.service import Endpoint, LookupEndpoint, lookups_of


class Input(Struct, frozen=True, kw_only=True):
    """One value that a record may hold."""

    name: str
    type: ColumnType
    required: bool = False
    """Whether a record without it gets no prediction."""
    description: str = ""
    examples: tuple[str | float, ...] = ()


class EndpointSchema(Struct, frozen=True, kw_only=True):
    """What one endpoint takes and gives."""

    endpoint: Endpoint
    inputs: tuple[Input, ...]
    found: tuple[Column, ...]
    """The columns that its lookups add, under the names they get."""
    signature: Signature | None
    """Of its model; None: it has none."""

    @property
    def action(self) -> str:
        """How it is usually asked."""
        return "lookup" if isinstance(self.endpoint, LookupEndpoint) else "predict"

    @property
    def record_name(self) -> str:
        """Under which name a query holds the record."""
        return "data" if isinstance(self.endpoint, LookupEndpoint) else "features"

    def example(self) -> dict[str, Any]:
        """A query to begin with: the first test query, else one with a value for every input."""
        for query in self.endpoint.test_queries:
            return query.query
        return {self.record_name: {one.name: _example(one) for one in self.inputs}}


class LookupTable(Struct, frozen=True):
    """The columns of the rows that a lookup finds, by which key."""

    keys: tuple[Column, ...]
    columns: tuple[Column, ...]


def endpoint_schema(
    endpoint: Endpoint, table_of: Callable[[Lookup], LookupTable], signature_of: Callable[[str], Signature]
) -> EndpointSchema:
    """The schema of an endpoint; `signature_of` gets the id of its model. Raises what those two raise."""
    inputs: dict[str, Input] = {}
    found: dict[str, Column] = {}
    for lookup in lookups_of(endpoint):
        table = table_of(lookup)
        for key in _keys(lookup, table):
            if key.name not in found:
                inputs.setdefault(key.name, key)
        found.update((column.name, column) for column in _columns(lookup, table))
    signature: Signature | None = None
    if not isinstance(endpoint, LookupEndpoint):
        signature = signature_of(endpoint.model)
        features = {feature.name: feature for feature in _features(signature, found)}
        inputs = {**features, **{name: one for name, one in inputs.items() if name not in features}}
    return EndpointSchema(
        endpoint=endpoint,
        inputs=tuple(inputs.values()),
        found=tuple(found.values()),
        signature=signature,
    )


def _keys(lookup: Lookup, table: LookupTable) -> list[Input]:
    types = {column.name: column.type for column in table.keys}
    return [
        Input(
            name=key.query_name,
            type=types.get(key.column, ColumnType.STRING),
            required=lookup.on_missing_key != "leave_empty",
            description=f"Key in {lookup.dataset}.",
        )
        for key in lookup.keys
    ]


def _columns(lookup: Lookup, table: LookupTable) -> list[Column]:
    types = {column.name: column.type for column in table.columns}
    if lookup.columns == "all":
        return list(table.columns)
    return [Column(one.output_name, types.get(one.column, ColumnType.STRING)) for one in lookup.columns]


def _features(signature: Signature, found: dict[str, Column]) -> list[Input]:
    inputs = []
    for feature in signature.features:
        looked_up = feature.name in found
        examples: tuple[str | float, ...] = feature.categories[:3] if feature.categories else ()
        if feature.minimum is not None and feature.maximum is not None:
            examples = (feature.minimum, feature.maximum)
        inputs.append(
            Input(
                name=feature.name,
                type=feature.type,
                required=feature.required and not looked_up,
                description="Found by key when it is left out." if looked_up else "",
                examples=examples,
            )
        )
    return inputs


def _example(one: Input) -> Any:
    if one.type in (ColumnType.INT, ColumnType.DOUBLE):
        number = next((example for example in one.examples if not isinstance(example, str)), 0)
        return int(number) if one.type is ColumnType.INT else number
    if one.type is ColumnType.BOOLEAN:
        return True
    return next((example for example in one.examples if isinstance(example, str)), "…")
