"""One definition: from YAML to a typed value, with everything that does not fit its type."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect

from scoreline.core.names import did_you_mean, nearest, shortened
from scoreline.storage.yaml_files import Entries, Fault, Items, Leaf, Node, parse

MOST_FAULTS = 1_000
"""Told of one thing; who reads on after so many has something else than a definition."""
_KEPT = 4_096
_LONGEST_KEPT = 16_000
Path = tuple[str | int, ...]
"""Where in a definition: keys and positions from the top."""


@dataclass(frozen=True)
class Definition:
    """A text as read: its value when it is sound, else all its faults."""

    value: Any
    """None when there are faults."""
    faults: tuple[Fault, ...]
    root: Node | None

    def line(self, path: Path) -> int:
        """The line of the part at `path`, or of the nearest part around it that is written out."""
        return _line(self.root, path)


def read_definition(text: str, type_: Any) -> Definition:
    """Read `text` as a value of the msgspec type `type_`.

    What was read lately is not read again: a project is looked at far more often than it is changed.
    """
    return _read_once(text, type_) if len(text) <= _LONGEST_KEPT else _read(text, type_)


def _read(text: str, type_: Any) -> Definition:
    root, faults = parse(text)
    if root is None:
        if not faults:
            faults = [Fault(1, "the file is empty")]
        return Definition(None, tuple(faults), None)
    if not isinstance(root, Entries):
        fault = Fault(root.line, "a definition is a mapping (key: value)")
        return Definition(None, (*faults, fault), root)
    faults.extend(islice(_misfits(root, _type_info(type_), ()), MOST_FAULTS))
    if faults:
        return Definition(None, tuple(faults), root)
    try:
        value = msgspec.convert(_plain(root), type_)
    except msgspec.ValidationError as error:
        return Definition(None, (Fault(root.line, str(error)),), root)
    return Definition(value, (), root)


_read_once = functools.lru_cache(maxsize=_KEPT)(_read)
_type_info = functools.cache(inspect.type_info)


def _line(root: Node | None, path: Path) -> int:
    line, node = (root.line if root else 1), root
    for step in path:
        if isinstance(node, Entries) and isinstance(step, str) and step in node.values:
            line, node = node.keys[step].line, node.values[step]
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.values):
            node = node.values[step]
            line = node.line
        else:
            break
    return line


def _plain(node: Node) -> Any:
    match node:
        case Leaf():
            return node.value
        case Items():
            return [_plain(value) for value in node.values]
        case Entries():
            return {key: _plain(value) for key, value in node.values.items()}


def _misfits(node: Node, type_: inspect.Type, path: Path) -> Iterator[Fault]:
    """Every place below `node` that does not fit `type_`."""
    match type_:
        case inspect.UnionType():
            yield from _union_misfits(node, type_, path)
        case inspect.StructType():
            yield from _struct_misfits(node, type_, path)
        case inspect.DictType():
            if isinstance(node, Entries):
                for key, value in node.values.items():
                    yield from _misfits(value, type_.value_type, (*path, key))
            else:
                yield _expected("a mapping (key: value)", node, path)
        case inspect.VarTupleType():
            if isinstance(node, Items):
                for position, value in enumerate(node.values):
                    yield from _misfits(value, type_.item_type, (*path, position))
            else:
                yield _expected("a list", node, path)
        case inspect.AnyType():
            return
        case _:
            yield from _leaf_misfits(node, type_, path)


def _union_misfits(node: Node, union: inspect.UnionType, path: Path) -> Iterator[Fault]:
    structs = [choice for choice in union.types if isinstance(choice, inspect.StructType)]
    if structs and isinstance(node, Entries):
        yield from _tagged_misfits(node, structs, path)
        return
    found = [list(_misfits(node, choice, path)) for choice in union.types]
    if not all(found):
        return
    # A shape that fits but whose parts do not: speak of the parts.
    for choice, faults in zip(union.types, found, strict=True):
        if _same_shape(node, choice):
            yield from faults
            return
    yield _expected(" or ".join(dict.fromkeys(map(_described, union.types))), node, path)


def _same_shape(node: Node, type_: inspect.Type) -> bool:
    if isinstance(type_, inspect.VarTupleType):
        return isinstance(node, Items)
    if isinstance(type_, inspect.DictType | inspect.StructType):
        return isinstance(node, Entries)
    if not isinstance(node, Leaf):
        return False
    if isinstance(type_, inspect.LiteralType | inspect.EnumType | inspect.StrType):
        return isinstance(node.value, str)
    numeric = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(type_, inspect.IntType | inspect.FloatType) and numeric


def _tagged_misfits(node: Entries, structs: list[inspect.StructType], path: Path) -> Iterator[Fault]:
    """A mapping whose tag key (`kind`) says which of several structs it is."""
    by_tag = {struct.tag: struct for struct in structs}
    if None in by_tag:
        yield from _struct_misfits(node, structs[0], path)
        return
    tag_field = structs[0].tag_field or "kind"
    tag = node.values.get(tag_field)
    known = sorted(str(name) for name in by_tag)
    if tag is None:
        yield _fault(node.line, path, f"missing key {tag_field!r} (one of: {', '.join(known)})")
    elif not isinstance(tag, Leaf) or tag.value not in by_tag:
        yield _unknown_value(tag, known, (*path, tag_field))
    else:
        yield from _struct_misfits(node, by_tag[str(tag.value)], path)


def _struct_misfits(node: Node, struct: inspect.StructType, path: Path) -> Iterator[Fault]:
    if not isinstance(node, Entries):
        yield _expected("a mapping (key: value)", node, path)
        return
    fields = {field.encode_name: field for field in struct.fields}
    meant: set[str | None] = set()
    known = [*fields, *([struct.tag_field] if struct.tag_field else [])]
    for key, value in node.values.items():
        if key in fields:
            yield from _misfits(value, fields[key].type, (*path, key))
        elif key not in known:
            left = [name for name in known if name not in node.values]
            meant.add(nearest(key, left))
            hint = did_you_mean(key, left or known)
            yield _fault(node.keys[key].line, path, f"unknown key {shortened(key)}; {hint}")
    for name, field in fields.items():
        if field.required and name not in node.values and name not in meant:
            yield _fault(node.line, path, f"missing key {name!r}")


def _leaf_misfits(node: Node, type_: inspect.Type, path: Path) -> Iterator[Fault]:
    value = node.value if isinstance(node, Leaf) else node
    match type_:
        case inspect.LiteralType() | inspect.EnumType():
            known = _choices(type_)
            if value not in known or isinstance(value, bool):
                yield _unknown_value(node, known, path)
            return
        case inspect.StrType():
            fits = isinstance(value, str)
        case inspect.BoolType():
            fits = isinstance(value, bool)
        case inspect.IntType():
            fits = isinstance(value, int) and not isinstance(value, bool)
        case inspect.FloatType():
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.NoneType():
            fits = value is None
        case _:
            raise TypeError(f"definitions cannot hold {type(type_).__name__}")
    if not fits:
        yield _expected(_described(type_), node, path)
    elif isinstance(type_, inspect.IntType | inspect.FloatType) and isinstance(value, int | float):
        yield from _out_of_range(value, type_, node, path)


def _out_of_range(
    value: float, type_: inspect.IntType | inspect.FloatType, node: Node, path: Path
) -> Iterator[Fault]:
    if type_.ge is not None and value < type_.ge:
        yield _fault(node.line, path, f"must be at least {type_.ge}")
    if type_.gt is not None and value <= type_.gt:
        yield _fault(node.line, path, f"must be more than {type_.gt}")
    if type_.le is not None and value > type_.le:
        yield _fault(node.line, path, f"must be at most {type_.le}")
    if type_.lt is not None and value >= type_.lt:
        yield _fault(node.line, path, f"must be less than {type_.lt}")


def _choices(type_: inspect.LiteralType | inspect.EnumType) -> list[str]:
    if isinstance(type_, inspect.EnumType):
        return [str(member.value) for member in type_.cls]
    return [str(value) for value in type_.values]


def _unknown_value(node: Node, known: list[str], path: Path) -> Fault:
    if not isinstance(node, Leaf) or not isinstance(node.value, str):
        return _expected("one of: " + ", ".join(known), node, path)
    return _fault(node.line, path, f"{shortened(node.value)} is not known; {did_you_mean(node.value, known)}")


def _expected(what: str, node: Node, path: Path) -> Fault:
    quote = isinstance(node, Leaf) and node.value is not None and what.startswith("text")
    hint = " (put it in quotes)" if quote else ""
    return _fault(node.line, path, f"must be {what}, not {_found(node)}{hint}")


def _fault(line: int, path: Path, message: str) -> Fault:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    where = where if len(where) <= 120 else "…" + where[-120:]
    return Fault(line, f"{where}: {message}" if where else message)


def _found(node: Node) -> str:
    match node:
        case Items():
            return "a list"
        case Entries():
            return "a mapping"
        case Leaf(value=None):
            return "empty"
        case Leaf(value=bool()):
            return "true or false"
        case Leaf(value=int() | float()):
            return "a number"
        case Leaf():
            return "text"


def _described(type_: inspect.Type) -> str:
    match type_:
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.NoneType():
            return "empty"
        case inspect.VarTupleType():
            return "a list"
        case inspect.LiteralType() | inspect.EnumType():
            return "one of: " + ", ".join(_choices(type_))
        case _:
            return "a mapping (key: value)"
