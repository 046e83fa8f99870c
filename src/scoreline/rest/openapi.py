"""The OpenAPI description, with the messages of `wire.control` as its schemas."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from scoreline.core.deployment import Update
from scoreline.wire import control
from scoreline.wire.problems import Problem

_REFERENCE = "#/components/schemas/{name}"
_MESSAGES: tuple[Any, ...] = (
    control.Status,
    control.Service,
    control.Version,
    control.Infrastructure,
    control.Deployment,
    control.NewDeployment,
    control.NewUpdate,
    control.TestRun,
    Update,
    Problem,
)


def operation(answers: Any, *, status: int = 200, body: Any = None, archive: bool = False) -> dict[str, Any]:
    """What a route says about itself: the message that it answers, and the one that it reads."""
    extra: dict[str, Any] = {}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": _content(body)}
    if archive:
        schema = {"type": "string", "format": "binary"}
        extra["requestBody"] = {"required": True, "content": {"application/zip": {"schema": schema}}}
    return {
        "status_code": status,
        "responses": {
            status: {"description": "Done", "content": _content(answers)},
            "4XX": {"description": "Refused", "content": _content(Problem)},
            "5XX": {"description": "Not now", "content": _content(Problem)},
        },
        "openapi_extra": extra,
        "response_model": None,
    }


def describe(app: FastAPI) -> None:
    """Give the description of `app` the schemas that its routes refer to."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            _, schemas = msgspec.json.schema_components(_MESSAGES, ref_template=_REFERENCE)
            components = described.setdefault("components", {})
            components["schemas"] = schemas
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            }
            described["security"] = [{"bearer": []}, {"basic": []}]
            _drop_unused_validation(described)
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _content(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return {"application/json": {"schema": schema}}


def _drop_unused_validation(described: dict[str, Any]) -> None:
    # FastAPI documents its own 422, which is answered as 400 in the one shape here.
    for path in described["paths"].values():
        for call in path.values():
            call["responses"].pop("422", None)
