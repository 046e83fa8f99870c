"""The OpenAPI 3.1 description of a service: its endpoints, with what they take and give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoreline.core.endpoint_schema import EndpointSchema, Input
from scoreline.core.model import Task
from scoreline.core.schema import Column, ColumnType
from scoreline.wire import dataiku

_JSON_TYPES = {
    ColumnType.STRING: {"type": "string"},
    ColumnType.INT: {"type": "integer"},
    ColumnType.DOUBLE: {"type": "number"},
    ColumnType.BOOLEAN: {"type": "boolean"},
    ColumnType.DATE: {"type": "string", "description": "An instant or a day, ISO 8601."},
}
_PROBLEM = {
    "type": "object",
    "required": ["errorType", "message", "detailedMessage", "code"],
    "properties": {name: {"type": "string"} for name in ("errorType", "message", "detailedMessage", "code")},
}
_DISPATCH = {
    "type": ["object", "null"],
    "description": "Which generation is to answer; a forced one goes before a key.",
    "properties": {
        "forcedGeneration": {"type": ["string", "null"]},
        "dispatchKey": {"type": ["string", "null"], "description": "Equal keys get the same generation."},
    },
}
_CONTEXT = {
    "type": "object",
    "required": ["serviceId", "endpointId", "serviceGeneration"],
    "properties": {name: {"type": "string"} for name in ("serviceId", "endpointId", "serviceGeneration")},
}
_TIMING = {
    "type": "object",
    "description": "Where the time went, in microseconds.",
    "additionalProperties": {"type": "integer"},
}


def service_openapi(
    service: str,
    version: str,
    endpoints: Sequence[EndpointSchema],
    *,
    urls: Sequence[str],
    description: str = "",
    needs_key: bool = False,
) -> dict[str, Any]:
    """The description of a service as it answers at `urls`, each the beginning of a node's URLs."""
    paths: dict[str, Any] = {}
    for one in endpoints:
        base = f"{dataiku.BASE}/{service}/{one.endpoint.id}/{one.action}"
        paths[base] = {"post": _call(one, several=False)}
        paths[f"{base}-multi"] = {"post": _call(one, several=True)}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": service, "version": version, "description": description},
        "servers": [{"url": url} for url in urls],
        "paths": paths,
        "components": {"schemas": {"Problem": _PROBLEM}},
    }
    if needs_key:
        described["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "The key as the user name."},
        }
        described["security"] = [{"bearer": []}, {"basic": []}]
    return described


def _call(one: EndpointSchema, *, several: bool) -> dict[str, Any]:
    action = f"{one.action}-multi" if several else one.action
    example = one.example()
    batch = {"items": [{one.record_name: example.get(one.record_name, {})}]}
    content = {
        "schema": _batch(one) if several else query_schema(one),
        "examples": {"first": {"value": batch if several else example}},
    }
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": f"{one.endpoint.id}-{action}",
        "tags": [one.endpoint.id],
        "summary": f"{action} of {one.endpoint.id}",
        "description": one.endpoint.description,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The answer",
                "content": {"application/json": {"schema": _answer(one, several=several)}},
            },
            "4XX": {"description": "Refused", "content": refusal},
            "5XX": {"description": "Not now", "content": refusal},
        },
    }


def query_schema(one: EndpointSchema) -> dict[str, Any]:
    """The JSON schema of the body of a query for one record."""
    return {
        "type": "object",
        "required": [one.record_name],
        "properties": {
            one.record_name: _record(one.inputs),
            "dispatch": _DISPATCH,
            "context": {"description": "The caller's own; nothing looks at it."},
        },
    }


def _batch(one: EndpointSchema) -> dict[str, Any]:
    item = {
        "type": "object",
        "required": [one.record_name],
        "properties": {one.record_name: _record(one.inputs)},
    }
    items = {"type": "array", "maxItems": dataiku.MOST_ITEMS, "items": item}
    return {"type": "object", "required": ["items"], "properties": {"items": items, "dispatch": _DISPATCH}}


def _record(inputs: Sequence[Input]) -> dict[str, Any]:
    required = [one.name for one in inputs if one.required]
    return {
        "type": "object",
        "properties": {one.name: _input(one) for one in inputs},
        **({"required": required} if required else {}),
    }


def _input(one: Input) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_JSON_TYPES[one.type])
    if not one.required:
        schema["type"] = [schema["type"], "null"]
    if one.description:
        schema["description"] = one.description
    if one.examples:
        schema["examples"] = list(one.examples)
    return schema


def _answer(one: EndpointSchema, *, several: bool) -> dict[str, Any]:
    result = _prediction(one) if one.signature else _found(one.found)
    # A lookup of one record is answered in the shape of many, too.
    if several or one.signature is None:
        results = {"results": {"type": "array", "items": result}}
    else:
        results = {"result": result}
    return {
        "type": "object",
        "required": [*results, "timing", "apiContext"],
        "properties": {**results, "timing": _TIMING, "apiContext": _CONTEXT},
    }


def _prediction(one: EndpointSchema) -> dict[str, Any]:
    assert one.signature is not None
    ignored = {
        "ignored": {"type": "boolean", "description": "True: there is no prediction for this record."},
        "ignoreReason": {"type": "string"},
        "message": {"type": "string"},
    }
    properties: dict[str, Any] = {"prediction": {"type": "number"}}
    if one.signature.task is not Task.REGRESSION:
        classes = list(one.signature.classes)
        share = {"type": "number", "minimum": 0, "maximum": 1}
        properties["prediction"] = {"type": "string", "enum": classes}
        properties["probas"] = {
            "type": "object",
            "required": classes,
            "properties": dict.fromkeys(classes, share),
        }
    if one.signature.task is Task.BINARY:
        properties["probaPercentile"] = {"type": "integer", "minimum": 0, "maximum": 100}
    if getattr(one.endpoint, "return_post_enrichment", False):
        properties["postEnrichment"] = {"type": "object", "description": "The record as it was scored."}
    return {"type": "object", "required": ["ignored"], "properties": {**properties, **ignored}}


def _found(columns: Sequence[Column]) -> dict[str, Any]:
    data = {column.name: _nullable(column.type) for column in columns}
    return {
        "type": "object",
        "required": ["data", "found"],
        "properties": {
            "data": {"type": "object", "required": list(data), "properties": data},
            "found": {"type": "boolean", "description": "False: its columns are null."},
            "ignored": {"type": "boolean"},
            "ignoreReason": {"type": "string"},
            "message": {"type": "string"},
        },
    }


def _nullable(kind: ColumnType) -> dict[str, Any]:
    schema = dict(_JSON_TYPES[kind])
    return {**schema, "type": [schema["type"], "null"]}
