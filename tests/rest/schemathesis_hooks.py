"""How schemathesis tries the control API: often with names that are there, never with hundreds of nodes."""

from __future__ import annotations

from typing import Any

import schemathesis

_THERE = {
    "deployment": "merchants-on-local",
    "service": "merchants",
    "version": "v1",
    "infrastructure": "local",
    "job": "update-1",
    "number": 1,
    "project": "cards",
    "scenario": "retrain",
    "run": 1,
    "step": "note",
    "user": "admin",
    "group": "team",
    "stage": "Test",
    "on": "service:merchants",
    "to": "group:team",
    "key": 1,
}


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """Names that are there, for nine of ten calls, and not for those that remove what the others need."""
    if not isinstance(path_parameters, dict) or context.operation.method.upper() == "DELETE":
        return path_parameters
    if len(str(path_parameters)) % 10 == 0:
        return path_parameters
    return {name: _THERE.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Infrastructures have nodes of others, or one of their own; deployments are often of what is there."""
    if not isinstance(body, dict):
        return body
    if "infrastructures" in context.operation.path:
        body = {**body, "local_nodes": 1} if isinstance(body.get("local_nodes", 1), int) else body
        return {**body, "kind": "static"} if body.get("kind", "local") == "local" else body
    if "service" in body and len(str(body)) % 4:
        body = {**body, "service": "merchants"}
    if "version" in body and len(str(body)) % 4:
        body = {**body, "version": "v1"}
    return body


@schemathesis.serializer("application/zip")
def as_it_is(_context: Any, value: Any) -> bytes:
    """A package that is none."""
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")
