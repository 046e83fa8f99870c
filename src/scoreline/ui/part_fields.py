"""Fields of the forms of scenarios: what each asks, and how it is read and shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from scoreline.ui.forms import Form

FieldType = Literal[
    "text",
    "area",
    "code",
    "flag",
    "number",
    "date",
    "whole",
    "select",
    "choice",
    "choices",
    "lines",
    "boxes",
    "variables",
    "headers",
    "shares",
    "json",
    "when",
]

CONDITIONS = (
    ("no_failure", "if nothing before it has failed"),
    ("some_failure", "if something before it has failed"),
    ("always", "always"),
    ("never", "never"),
)
OTHER = "condition"
"""What a form says for a condition that is none of those."""


class Field(Struct, frozen=True, kw_only=True):
    """One field."""

    name: str
    """Of the value in the definition; below it, with a slash: `message/mail/to`."""
    label: str
    type: FieldType = "text"
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Of a select and of boxes: value and words."""
    names: str = ""
    """What a choice is offered: `models`, `datasets`, …"""
    required: bool = False
    none: str = ""
    """Shown in an empty field: what that means."""
    shown_for: str = ""
    """The value of the field `message/kind` for which it is shown; empty: always."""


def shown(fields: Iterable[Field], plain: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in each field for a definition, as plain JSON."""
    return {field.name: _shown(field, _value(field.name, plain)) for field in fields}


def typed(fields: Iterable[Field], form: Form) -> dict[str, Any]:
    """What stands in each field after it was typed: the same again."""
    return {field.name: _typed(field, form) for field in fields}


def read(fields: Iterable[Field], form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The definition that was typed, as plain JSON, and what is wrong with it beside each field."""
    plain: dict[str, Any] = {}
    errors: dict[str, str] = {}
    kind = form.text("message/kind")
    for field in fields:
        if field.shown_for and field.shown_for != kind:
            continue
        try:
            value = _read(field, form)
        except ValueError as error:
            errors[field.name] = str(error)
            continue
        if value is None or value == "" or value == [] or value == {}:
            if field.required:
                errors[field.name] = "is missing"
        else:
            _put(field.name, value, plain)
    return plain, errors


def scalar(text: str) -> str | int | float | bool:
    """A number, true, false or a text in quotes as JSON says it; anything else as it is."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return value if isinstance(value, str | int | float) else text


def scalar_text(value: Any) -> str:
    """How a value is typed, so that `scalar` gives it again."""
    if isinstance(value, str):
        return value if scalar(value) == value and isinstance(scalar(value), str) else json.dumps(value)
    return json.dumps(value)


def pairs(form: Form, name: str) -> dict[str, str]:
    """Names and values of rows; rows without a name count only when they have a value. Raises ValueError."""
    found: dict[str, str] = {}
    for key, value in zip(form.texts(f"{name}:name"), form.texts(f"{name}:value"), strict=False):
        if not key.strip():
            if value.strip():
                raise ValueError(f"a value has no name: {value.strip()[:40]}")
            continue
        if key.strip() in found:
            raise ValueError(f"{key.strip()[:40]} is listed twice")
        found[key.strip()] = value.strip()
    return found


def _read(field: Field, form: Form) -> Any:
    name = field.name
    match field.type:
        case "flag":
            return form.flag(name)
        case "number" | "whole":
            return _number(form.text(name), whole=field.type == "whole")
        case "choices" | "lines" | "boxes":
            return [text.strip() for text in form.texts(name) if text.strip()]
        case "variables":
            return {key: scalar(value) for key, value in pairs(form, name).items()}
        case "headers":
            return pairs(form, name)
        case "shares":
            rows = zip(form.texts(f"{name}:version"), form.texts(f"{name}:share"), strict=False)
            return [
                {"version": version.strip(), "share": _share(share.strip())}
                for version, share in rows
                if version.strip() or share.strip()
            ]
        case "json":
            return _json(form.text(name))
        case "when":
            chosen = form.text(name)
            return form.text(f"{name}:condition") if chosen == OTHER else chosen
        case "code" | "area":
            text = form.raw(name)
            return text if text.strip() else None
        case _:
            return form.text(name)


def _number(text: str, *, whole: bool) -> float | int | None:
    if not text:
        return None
    try:
        return int(text) if whole else _plain_number(float(text))
    except ValueError:
        raise ValueError(f"is to be a {'whole ' if whole else ''}number, not {text[:40]}") from None


def _plain_number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _share(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _json(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, {error.msg}") from None


def _put(name: str, value: Any, plain: dict[str, Any]) -> None:
    """Of `message/mail/to` the middle says only for which kind of message the field is."""
    first, *rest = name.split("/")
    if not rest:
        plain[first] = value
    else:
        plain.setdefault(first, {})[rest[-1]] = value


def _value(name: str, plain: Mapping[str, Any]) -> Any:
    first, *rest = name.split("/")
    found = plain.get(first)
    if not rest:
        return found
    if not isinstance(found, Mapping) or (len(rest) > 1 and found.get("kind") != rest[0]):
        return None
    return found.get(rest[-1])


def _shown(field: Field, value: Any) -> Any:
    match field.type:
        case "flag":
            return bool(value)
        case "variables":
            return [(key, scalar_text(one)) for key, one in (value or {}).items()]
        case "headers":
            return list((value or {}).items())
        case "shares":
            return [(one["version"], f"{one['share']}") for one in value or ()]
        case "choices" | "lines" | "boxes":
            return list(value or ())
        case "json":
            return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
        case "when":
            return (value, "") if value in dict(field.options) else (OTHER, value or "")
        case "number":
            return "" if value is None else _plain_number(value)
        case _:
            return "" if value is None else value


def _typed(field: Field, form: Form) -> Any:
    name = field.name
    match field.type:
        case "flag":
            return form.flag(name)
        case "variables" | "headers":
            return list(zip(form.texts(f"{name}:name"), form.texts(f"{name}:value"), strict=False))
        case "shares":
            return list(zip(form.texts(f"{name}:version"), form.texts(f"{name}:share"), strict=False))
        case "choices" | "lines" | "boxes":
            return form.texts(name)
        case "when":
            return (form.text(name), form.text(f"{name}:condition"))
        case "code" | "area" | "json":
            return form.raw(name)
        case _:
            return form.text(name)
