"""YAML text of definitions: which keys are written, and how values look."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString


def written(value: Struct) -> str:
    """The text of a new definition. Keys with their default value are left out."""
    return block(plain(value))


def same(one: Any, other: Any) -> bool:
    """Equal, the order of mappings included."""
    return type(one) is type(other) and msgspec.json.encode(one) == msgspec.json.encode(other)


def tag_of(value: Any) -> dict[str, str]:
    """The entry that says which of several kinds a value is (`kind: train`); empty for one kind."""
    config = getattr(value, "__struct_config__", None)
    return {config.tag_field: str(config.tag)} if config is not None and config.tag_field else {}


def shown_fields(value: Struct, there: Collection[str] = ()) -> dict[str, Any]:
    """The fields to write, by their keys: those that differ from their default or cannot be left out.

    One that is written out already (`there`) stays, unless it comes to hold nothing.
    """
    shown = {}
    for field in msgspec.structs.fields(value):
        content = getattr(value, field.name)
        default = field.default if field.default_factory is NODEFAULT else field.default_factory()
        empty = content is None or content in ((), {}, "")
        is_there = field.encode_name in there and not empty
        if default is NODEFAULT or not same(content, default) or is_there:
            shown[field.encode_name] = content
    return shown


def plain(value: Any) -> Any:
    """A value as the mappings, lists and scalars that YAML writes."""
    match value:
        case Struct():
            return tag_of(value) | {name: plain(content) for name, content in shown_fields(value).items()}
        case Mapping():
            return {key: plain(content) for key, content in value.items()}
        case tuple() | list():
            return [plain(content) for content in value]
        case Enum():
            return value.value
        case _:
            return value


def block(value: Any) -> str:
    """Plain data in block style, one entry a line, with a line break at the end."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1 << 20
    yaml.indent(mapping=2, sequence=4, offset=2)
    sink = io.StringIO()
    yaml.dump(_styled(value, lines=True), sink)
    return sink.getvalue()


def flow(value: Any) -> str:
    """Plain data in one line, as it can stand in any place."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 1 << 20
    yaml.default_flow_style = True
    sink = io.StringIO()
    yaml.dump([_styled(value, lines=False)], sink)
    return sink.getvalue().strip()[1:-1]


def _styled(value: Any, *, lines: bool) -> Any:
    """Texts of several lines as blocks of lines, if `lines`; what cannot be seen as escapes in quotes."""
    match value:
        case dict():
            return {_styled(key, lines=False): _styled(inner, lines=lines) for key, inner in value.items()}
        case list():
            return [_styled(inner, lines=lines) for inner in value]
        case str() if lines and "\n" in value and _can_be_literal(value):
            return LiteralScalarString(value)
        case str() if not value.isprintable():
            return DoubleQuotedScalarString(value)
        case _:
            return value


def _can_be_literal(text: str) -> bool:
    lines = text.split("\n")
    return bool(lines[0].strip()) and all(line.isprintable() and line == line.strip() for line in lines)
