"""The OpenAPI description: every route says which messages it reads and answers, and brings their schemas."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from scoreline.wire.problems import Problem

_REFERENCE = "#/components/schemas/{name}"
_BYTES = {"type": "string", "format": "binary"}
_SCHEMAS = "x-schemas"
"""Under which a route keeps its schemas until they are put together."""


def operation(
    answers: Any,
    *,
    status: int = 200,
    body: Any = None,
    archive: bool = False,
    media: str = "application/json",
    others: Mapping[int, Any] | None = None,
) -> dict[str, Any]:
    """What a route says about itself: the message that it answers (as `media`), and the one that it reads.

    `answers` None: bytes. `archive`: it reads a package. `others`: further statuses with their messages.
    """
    statuses = {status: answers, **(others or {})}
    kinds = [*(kind for kind in statuses.values() if kind is not None), Problem]
    kinds += [] if body is None else [body]

    def content(kind: Any, media: str = "application/json") -> dict[str, Any]:
        return {media: {"schema": _BYTES if kind is None else _schema(kind)[0]}}

    extra: dict[str, Any] = {
        _SCHEMAS: {name: one for kind in kinds for name, one in _schema(kind)[1].items()}
    }
    if body is not None:
        extra["requestBody"] = {"required": True, "content": content(body)}
    if archive:
        extra["requestBody"] = {"required": True, "content": {"application/zip": {"schema": _BYTES}}}
    refusals = {"4XX": "Refused", "503": "Not now"}
    return {
        "status_code": status,
        "responses": {
            **{
                one: {"description": "Done", "content": content(kind, media)}
                for one, kind in statuses.items()
            },
            **{one: {"description": why, "content": content(Problem)} for one, why in refusals.items()},
        },
        "openapi_extra": extra,
        "response_model": None,
    }


@functools.cache
def _schema(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a message, and by their names those that it refers to. Made once: it takes a while."""
    (shown,), schemas = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return shown, schemas


def describe(app: FastAPI) -> None:
    """Give the description of `app` the schemas that its routes refer to."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            described["components"] = {
                "schemas": _collect_schemas(described),
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "basic": {"type": "http", "scheme": "basic"},
                },
            }
            described["security"] = [{"bearer": []}, {"basic": []}]
            _drop_unused_validation(described)
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _collect_schemas(described: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for path in described["paths"].values():
        for call in path.values():
            for name, schema in call.pop(_SCHEMAS, {}).items():
                if schemas.setdefault(name, schema) != schema:
                    raise AssertionError(f"two messages are called {name}")
    return dict(sorted(schemas.items()))


def _drop_unused_validation(described: dict[str, Any]) -> None:
    # FastAPI documents its own 422, which is answered as 400 in the one shape here.
    for path in described["paths"].values():
        for call in path.values():
            call["responses"].pop("422", None)
