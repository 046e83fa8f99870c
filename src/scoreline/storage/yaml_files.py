"""YAML as data with line numbers: the plain part of YAML 1.2, without anchors, tags or other surprises."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from scoreline.core.names import shortened

_DEEPEST = 32
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Leaf:
    """One value that holds no others."""

    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True)
class Items:
    """A sequence."""

    values: tuple[Node, ...]
    line: int


@dataclass(frozen=True)
class Entries:
    """A mapping; keys are text, each there once."""

    keys: dict[str, int]
    """Key -> its line."""
    values: dict[str, Node]
    line: int


Node = Leaf | Items | Entries


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a text."""

    line: int
    message: str


def parse(text: str) -> tuple[Node | None, list[Fault]]:
    """The one document in `text` (None when it is empty or cannot be read), and all that is wrong with it."""
    reading = _Reading(text)
    try:
        return reading.document(), reading.faults
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reading.faults.append(
            Fault(mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}")
        )
    except (YAMLError, ValueError) as error:
        at = getattr(error, "position", 0)
        line = text.count("\n", 0, at if isinstance(at, int) else 0) + 1
        reading.faults.append(Fault(line, "not YAML: a character that YAML does not allow"))
    except _Hopeless as hopeless:
        reading.faults.append(hopeless.fault)
    return None, reading.faults


class _Hopeless(Exception):
    """Reading on would not help."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class _Reading:
    """One pass over the events of one text."""

    def __init__(self, text: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        self.events: Iterator[Event] = iter(yaml.parse(text))
        self.resolver = yaml.resolver
        self.faults: list[Fault] = []

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if event.version or event.tags:
                    raise _hopeless(event, "directives (lines with %) are not read here; remove them")
                if documents > 1:
                    raise _hopeless(event, "a file holds one document; remove what follows '---'")
                root = self.node(next(self.events), 1)
        return root

    def node(self, event: Event, depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _hopeless(event, "anchors and aliases (& and *) are not read here; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _hopeless(event, "tags (!) are not read here; write the plain value")
        if isinstance(event, ScalarEvent):
            return Leaf(self.scalar(event, line), line)
        if depth > _DEEPEST:
            raise _hopeless(event, f"nested more than {_DEEPEST} levels deep")
        if isinstance(event, SequenceStartEvent):
            return Items(tuple(self.items(depth)), line)
        assert isinstance(event, MappingStartEvent)
        return self.entries(line, depth)

    def items(self, depth: int) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self.node(event, depth + 1)

    def entries(self, line: int, depth: int) -> Entries:
        keys: dict[str, int] = {}
        values: dict[str, Node] = {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.node(event, depth + 1)
            value = self.node(next(self.events), depth + 1)
            if not isinstance(key, Leaf) or not isinstance(key.value, str):
                self.faults.append(Fault(key.line, "a key must be text; put it in quotes"))
            elif key.value == "<<":
                self.faults.append(Fault(key.line, "merge keys (<<) are not read here; write the keys out"))
            elif key.value in keys:
                first = keys[key.value]
                self.faults.append(
                    Fault(key.line, f"key {shortened(key.value)} is given twice (line {first})")
                )
            else:
                keys[key.value] = key.line
                values[key.value] = value
        return Entries(keys, values, line)

    def scalar(self, event: ScalarEvent, line: int) -> str | int | float | bool | None:
        text: str = event.value
        tag = str(self.resolver.resolve(ScalarNode, text, event.implicit)).removeprefix(_TAG)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            number = _whole(text)
            if number is None:
                self.faults.append(
                    Fault(line, "a whole number must fit into 64 bits; put longer ones in quotes")
                )
            return number
        if tag == "float":
            value = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(value):
                self.faults.append(Fault(line, "a number must be finite"))
            return value
        return text  # also dates: JSON, the language of queries, has none


def _whole(text: str) -> int | None:
    """The whole number that YAML 1.2 writes as `text`; None when it has more than 64 bits."""
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    bases = {"0x": 16, "0o": 8, "0b": 2}
    base = bases.get(digits[:2], 10)
    if len(digits) > 80:
        return None
    number = sign * int(digits if base == 10 else digits[2:], base)
    return number if -(2**63) <= number < 2**63 else None


def _hopeless(event: Event, message: str) -> _Hopeless:
    return _Hopeless(Fault(event.start_mark.line + 1, message))
