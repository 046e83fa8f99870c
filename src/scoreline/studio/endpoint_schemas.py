"""What the endpoints of a project's service take and give, as it is defined now."""

from __future__ import annotations

from pathlib import Path

from scoreline.core.endpoint_schema import EndpointSchema, LookupTable, endpoint_schema
from scoreline.core.lookup import Lookup
from scoreline.core.model import Signature
from scoreline.core.schema import Column
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint, lookups_of
from scoreline.storage.models import ModelStore
from scoreline.storage.tables import Tables
from scoreline.storage.workspace import Workspace
from scoreline.wire.control_designer import EndpointInput, EndpointOutput, EndpointTakes
from scoreline.wire.service_openapi import query_schema


def schema_of_endpoint(endpoint: Endpoint, folder: Path, tables: Tables) -> EndpointSchema:
    """The schema of an endpoint of the project in a folder.

    Raises NotFound for a dataset that is not there or not built, and for a model that is not trained.
    """

    def table(lookup: Lookup) -> LookupTable:
        keys = {key.column for key in lookup.keys}
        columns = tables.schema(lookup.dataset)
        return LookupTable(
            keys=tuple(one for one in columns if one.name in keys),
            columns=tuple(one for one in columns if one.name not in keys or _wants(lookup, one)),
        )

    def signature(model: str) -> Signature:
        store = ModelStore(Workspace(folder).model(model))
        return store.signature(store.active_version().id)

    return endpoint_schema(endpoint, table, signature)


def endpoint_takes(endpoint: Endpoint, folder: Path, tables: Tables) -> EndpointTakes:
    """The same for those who write queries. Raises as `schema_of_endpoint`."""
    schema = schema_of_endpoint(endpoint, folder, tables)
    sources = enriched_from(endpoint, tables)
    signature = schema.signature
    return EndpointTakes(
        endpoint=endpoint.id,
        kind=str(endpoint.__struct_config__.tag),
        action=schema.action,
        record=schema.record_name,
        inputs=tuple(
            EndpointInput(
                name=one.name,
                type=one.type,
                required=one.required,
                description=one.description,
                examples=one.examples,
                enriched_from=sources.get(one.name),
            )
            for one in schema.inputs
        ),
        found=tuple(EndpointOutput(name=one.name, type=one.type) for one in schema.found),
        task=signature.task if signature else None,
        target=signature.target if signature else "",
        classes=signature.classes if signature else (),
        model_version=model_version(endpoint, folder),
        query_schema=query_schema(schema),
        example=schema.example(),
    )


def model_version(endpoint: Endpoint, folder: Path) -> str | None:
    """The version of its model that an endpoint would be frozen with; None: it has no trained model."""
    if not isinstance(endpoint, PredictionEndpoint):
        return None
    return ModelStore(Workspace(folder).model(endpoint.model)).active()


def enriched_from(endpoint: Endpoint, tables: Tables) -> dict[str, str]:
    """Value of the record -> the dataset in which the endpoint finds it."""
    if isinstance(endpoint, LookupEndpoint):
        return {}
    return {name: lookup.dataset for lookup in lookups_of(endpoint) for name in output_names(lookup, tables)}


def output_names(lookup: Lookup, tables: Tables) -> list[str]:
    """The names that the columns of a lookup get."""
    if lookup.columns != "all":
        return [one.output_name for one in lookup.columns]
    keys = {key.column for key in lookup.keys}
    return [column.name for column in tables.schema(lookup.dataset) if column.name not in keys]


def _wants(lookup: Lookup, column: Column) -> bool:
    return lookup.columns != "all" and any(one.column == column.name for one in lookup.columns)
