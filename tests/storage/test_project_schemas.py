"""The JSON Schemas for editors accept what Scoreline accepts and refuse what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import scoreline
from scoreline.storage.project_schemas import SCHEMA_NAMES, json_schema, write_schemas

TEMPLATES = Path(scoreline.__file__).parent / "templates"


def definitions() -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for project in TEMPLATES.glob("*/project.yaml"):
        found.append(("project", project))
        found += [
            (name, path) for name in SCHEMA_NAMES for path in sorted((project.parent / name).glob("*.yaml"))
        ]
    return found


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(name))


@pytest.mark.parametrize(("name", "path"), definitions(), ids=lambda part: str(part).rpartition("/")[2])
def test_the_templates_fit_their_schemas(name: str, path: Path) -> None:
    jsonschema.validate(YAML(typ="safe").load(path), json_schema(name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project", {"id": "x", "naem": "y"}),
        ("project", {}),
        ("datasets", {"kind": "file", "path": "x"}),
        ("datasets", {"kind": "files"}),
        ("datasets", {"kind": "managed", "columns": [{"name": "a", "type": "text"}]}),
        ("recipes", {"kind": "sql", "inputs": "a", "output": "b"}),
        ("services", {"endpoints": [{"kind": "lookup", "id": "a"}]}),
        ("scenarios", {"steps": [{"id": "a", "kind": "build", "items": ["a"], "force": "yes"}]}),
    ],
)
def test_what_is_wrong_does_not_fit(name: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, json_schema(name))


def test_all_schemas_are_written_into_the_project(tmp_path: Path) -> None:
    names = write_schemas(tmp_path)

    assert names == [f".schemas/{name}.json" for name in SCHEMA_NAMES]
    for name, file in zip(SCHEMA_NAMES, names, strict=True):
        assert json.loads((tmp_path / file).read_text()) == json_schema(name)
