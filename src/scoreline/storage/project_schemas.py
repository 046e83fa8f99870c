"""JSON Schemas of the definitions, for editors that complete and check YAML while it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from scoreline.core.project import ProjectSettings
from scoreline.storage.atomic import write_file
from scoreline.storage.project_files import TYPES

SCHEMAS_FOLDER = ".schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[str, Any] = {"project": ProjectSettings} | {kind.value: type_ for kind, type_ in TYPES.items()}

SCHEMA_NAMES = tuple(_TYPES)
"""`project`, and the name of each folder of definitions."""


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one kind of definition; `name` is one of SCHEMA_NAMES."""
    schema = {"$schema": _DIALECT, "title": f"Scoreline: {name}"} | msgspec.json.schema(_TYPES[name])
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    return plain


def write_schemas(folder: Path) -> list[str]:
    """Write all schemas into `.schemas/` of a project and give their names inside it.

    A definition uses one with its first line:
    `# yaml-language-server: $schema=../.schemas/datasets.json`.
    """
    names = [f"{SCHEMAS_FOLDER}/{name}.json" for name in SCHEMA_NAMES]
    for name, file in zip(SCHEMA_NAMES, names, strict=True):
        text = json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
        write_file(folder / file, text.encode())
    return names
