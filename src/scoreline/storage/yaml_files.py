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
_MOST_VALUES = 100_000
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Span:
    """Where something stands: from offset `start` up to before `end`, beginning in `line`."""

    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Leaf(Span):
    """One value that holds no others."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Items(Span):
    """A sequence."""

    values: tuple[Node, ...]
    flow: bool
    """Written in brackets."""


@dataclass(frozen=True)
class Entries(Span):
    """A mapping; keys are text, each there once."""

    keys: dict[str, Span]
    values: dict[str, Node]
    flow: bool
    """Written in braces."""


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
        self.text = text
        self.events: Iterator[Event] = iter(yaml.parse(text))
        self.resolver = yaml.resolver
        self.faults: list[Fault] = []
        self.values = 0

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
        self.values += 1
        if self.values > _MOST_VALUES:
            raise _hopeless(event, f"more than {_MOST_VALUES:,} values in one file")
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _hopeless(event, "anchors and aliases (& and *) are not read here; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _hopeless(event, "tags (!) are not read here; write the plain value")
        if isinstance(event, ScalarEvent):
            return self.leaf(event)
        if depth > _DEEPEST:
            raise _hopeless(event, f"nested more than {_DEEPEST} levels deep")
        if isinstance(event, SequenceStartEvent):
            return self.items(event, depth)
        assert isinstance(event, MappingStartEvent)
        return self.entries(event, depth)

    def items(self, first: SequenceStartEvent, depth: int) -> Items:
        values: list[Node] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            values.append(self.node(event, depth + 1))
        flow = bool(first.flow_style)
        span = _span(first, event if flow or not values else values[-1])
        return Items(span.line, span.start, span.end, tuple(values), flow)

    def entries(self, first: MappingStartEvent, depth: int) -> Entries:
        keys: dict[str, Span] = {}
        values: dict[str, Node] = {}
        last: Node | None = None
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self.node(event, depth + 1)
            last = self.node(next(self.events), depth + 1)
            if isinstance(last, Leaf) and last.start == last.end:  # nothing written: the mark is elsewhere
                behind = key.end + 1 if self.text[key.end : key.end + 1] == ":" else key.end
                last = Leaf(key.line, behind, behind, None)
            if not isinstance(key, Leaf) or not isinstance(key.value, str):
                self.fault(key, "a key must be text; put it in quotes")
            elif key.value == "<<":
                self.fault(key, "merge keys (<<) are not read here; write the keys out")
            elif key.value in keys:
                first_line = keys[key.value].line
                self.fault(key, f"key {shortened(key.value)} is given twice (line {first_line})")
            else:
                keys[key.value] = key
                values[key.value] = last
        flow = bool(first.flow_style)
        span = _span(first, event if flow or last is None else last)
        return Entries(span.line, span.start, span.end, keys, values, flow)

    def leaf(self, event: ScalarEvent) -> Leaf:
        span = _span(event, event)
        end = span.end
        if event.style in ("|", ">"):  # the mark stands behind the empty lines that follow
            end = span.start + len(self.text[span.start : end].rstrip())
        return Leaf(span.line, span.start, end, self.scalar(event, span))

    def fault(self, at: Span, message: str) -> None:
        self.faults.append(Fault(at.line, message))

    def scalar(self, event: ScalarEvent, span: Span) -> str | int | float | bool | None:
        text: str = event.value
        tag = str(self.resolver.resolve(ScalarNode, text, event.implicit)).removeprefix(_TAG)
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        if tag == "int":
            number = _whole(text)
            if number is None:
                self.fault(span, "a whole number must fit into 64 bits; put longer ones in quotes")
            return number or 0
        if tag == "float":
            value = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(value):
                self.fault(span, "a number must be finite")
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


def _span(first: Event, last: Event | Node) -> Span:
    end = last.end if isinstance(last, Span) else last.end_mark.index
    return Span(first.start_mark.line + 1, first.start_mark.index, end)
