"""Edits: a changed definition written into its text, so that only what changed is touched.

Comments, order, quotes and line ends stay as they were. An edit is a handful of splices; the result is read
again and counts only if it says exactly what was to be said.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scoreline.errors import Invalid
from scoreline.storage.definitions import read_definition
from scoreline.storage.yaml_files import Entries, Items, Leaf, Node
from scoreline.storage.yaml_text import block, flow, plain, same, shown_fields, tag_of, written

Splice = tuple[int, int, str]
"""Start and end of what goes, and what comes in its place."""


def edited(text: str, value: Struct, type_: Any) -> str:
    """`text`, a definition of `type_`, changed to say `value`.

    A text that is not sound, or too tangled to be changed in part, is written anew. Raises Invalid when YAML
    cannot say `value` (such as a number that is not finite).
    """
    old = read_definition(text, type_)
    if old.value is not None and same(old.value, value):
        return text
    if old.value is not None and old.root is not None:
        for splices in _ways(text, old.root, old.value, value):
            result = _applied(text, splices) if splices is not None else None
            if result is not None and _says(result, value, type_):
                return result
    result = written(value)
    if not _says(result, value, type_):
        raise Invalid("the definition holds a value that YAML cannot say")
    return result


def _ways(text: str, root: Node, old: Struct, new: Struct) -> Iterator[list[Splice] | None]:
    """Ways to change a text, the one that touches the least first."""
    edit = _Edit(text)
    yield edit.within(root, old, new)
    yield [(root.start, root.end, edit.indented(written(new), edit.column(root.start), first=False))]


def _says(text: str, value: Struct, type_: Any) -> bool:
    read = read_definition(text, type_).value
    return read is not None and same(read, value)


def _applied(text: str, splices: list[Splice]) -> str | None:
    """The text after the splices; None when they overlap. At one place, they stand in their order."""
    before = len(text) + 1
    order = sorted(range(len(splices)), key=lambda number: (*splices[number][:2], number), reverse=True)
    for start, end, replacement in (splices[number] for number in order):
        if end > before:
            return None
        text = text[:start] + replacement + text[end:]
        before = start
    return text


class _Edit:
    """One walk along a text, its old value and its new one.

    Methods give None where a part cannot be changed by itself, so that the part around it is written anew.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def within(self, node: Node, old: Any, new: Any) -> list[Splice] | None:
        """How the text of `node` comes to say `new`."""
        if same(old, new):
            return []
        splices: list[Splice] | None = None
        if isinstance(node, Entries) and isinstance(new, Struct) and type(old) is type(new):
            fields = {field.encode_name: getattr(old, field.name) for field in msgspec.structs.fields(old)}
            splices = self.entries(node, fields, shown_fields(new, node.values), tag_of(new))
        elif isinstance(node, Entries) and isinstance(new, Mapping):
            in_order = [key for key in old if key in new] == list(new)[: len(set(old) & set(new))]
            splices = self.entries(node, old, new, {}) if in_order else None
        elif isinstance(node, Items) and isinstance(new, tuple | list) and new:
            splices = self.items(node, old, new)
        elif isinstance(node, Leaf) and not isinstance(new, Struct | Mapping | tuple | list):
            return self.scalar(node, new)
        if splices is None and isinstance(node, Entries | Items) and node.flow and node.values:
            return [(node.start, node.end, flow(plain(new)))]
        return splices

    def scalar(self, node: Leaf, new: Any) -> list[Splice] | None:
        text = flow(plain(new))
        beside = self.text[node.end : self.line_end(node.end)].strip()
        if "\n" in str(new) and not beside:
            return None  # as a block of lines, which no comment could follow
        space = "" if self.text[node.start - 1 : node.start] in (" ", "\n", "[", "{") else " "
        return [(node.start, node.end, space + text)]

    def entries(
        self, node: Entries, old: Mapping[str, Any], new: Mapping[str, Any], tag: Mapping[str, str]
    ) -> list[Splice] | None:
        """Change, remove and add entries of a mapping."""
        kept = [key for key in node.values if key in new]
        added = [key for key in new if key not in node.values]
        gone = [key for key in node.values if key not in new and key not in tag]
        stay = [key for key in node.values if key not in gone]
        if not stay or (node.flow and (added or gone)):
            return None
        splices = [self.entry(node, key, old[key], new[key]) for key in kept]
        splices += [self.removal(node.keys[key].start, node.values[key].end) for key in gone]
        if added:
            column = self.column(node.keys[stay[0]].start)
            text = block({key: plain(new[key]) for key in added})
            splices.append([self.below(node.values[stay[-1]].end, self.indented(text, column, first=True))])
        return _joined(splices)

    def entry(self, node: Entries, key: str, old: Any, new: Any) -> list[Splice] | None:
        """Change the value of one key, in place or together with the key."""
        value = node.values[key]
        inner = self.within(value, old, new)
        if inner is not None or node.flow:
            return inner
        start = node.keys[key].start
        text = block({key: plain(new)})
        return [(start, value.end, self.indented(text, self.column(start), first=False))]

    def items(self, node: Items, old: Sequence[Any], new: Sequence[Any]) -> list[Splice] | None:
        """Change, remove and add items of a sequence; the unchanged ones stay where they are."""
        if node.flow:
            if len(old) != len(new):
                return None
            return _joined([self.within(*triple) for triple in zip(node.values, old, new, strict=True)])
        splices: list[list[Splice] | None] = []
        one, other = ([msgspec.json.encode(item) for item in items] for items in (old, new))
        if sorted(one) == sorted(other):
            moved = self.moved(node, one, other)
            if moved is not None:
                return moved
        matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
        for _, start, end, new_start, new_end in matcher.get_opcodes():
            pairs = min(end - start, new_end - new_start)
            for step in range(pairs):
                splices.append(self.item(node, start + step, old[start + step], new[new_start + step]))
            for position in range(start + pairs, end):
                splices.append(self.removal(self.dash(node, position), node.values[position].end))
            if new_start + pairs < new_end:
                splices.append(self.insertion(node, start + pairs, new[new_start + pairs : new_end]))
        return _joined(splices)

    def moved(self, node: Items, old: list[bytes], new: list[bytes]) -> list[Splice] | None:
        """The same items in another order, each with the comments above and beside it."""
        first = self.dash(node, 0)
        begin = first - self.column(first)
        if self.text[begin:first].strip():
            return None
        ends = [min(self.line_end(value.end) + len(self.newline), len(self.text)) for value in node.values]
        lines = [
            self.text[start:end].removesuffix(self.newline)
            for start, end in zip([begin, *ends], ends, strict=False)
        ]
        free = list(range(len(old)))
        order = []
        for wanted in new:
            place = next(place for place in free if old[place] == wanted)
            free.remove(place)
            order.append(place)
        text = self.newline.join(lines[place] for place in order)
        ending = self.newline if self.text[begin : ends[-1]].endswith(self.newline) else ""
        return [(begin, ends[-1], text + ending)]

    def item(self, node: Items, position: int, old: Any, new: Any) -> list[Splice] | None:
        """Change one item of a block sequence, in place or together with its dash."""
        value = node.values[position]
        inner = self.within(value, old, new)
        if inner is not None:
            return inner
        dash = self.dash(node, position)
        return [(dash, value.end, self.dashed(new, self.column(dash), first=False))]

    def insertion(self, node: Items, position: int, new: Sequence[Any]) -> list[Splice]:
        """Items written behind the one before `position`, or before the first one."""
        first_dash = self.dash(node, 0)
        column = self.column(first_dash)
        text = self.newline.join(self.dashed(item, column, first=True) for item in new)
        if position:
            return [self.below(node.values[position - 1].end, text)]
        return [(first_dash - column, first_dash - column, text + self.newline)]

    def below(self, offset: int, text: str) -> Splice:
        """Lines put in below the line of `offset`."""
        stop = self.line_end(offset)
        if stop == len(self.text):
            return (stop, stop, self.newline + text)
        stop += len(self.newline)
        return (stop, stop, text + self.newline)

    def removal(self, start: int, end: int) -> list[Splice] | None:
        """The lines from `start` to `end` taken out; None when the first one holds something else, too."""
        begin = start - self.column(start)
        if self.text[begin:start].strip():
            return None
        stop = self.line_end(end)
        return [(begin, min(stop + len(self.newline), len(self.text)), "")]

    def dash(self, node: Items, position: int) -> int:
        """Offset of the dash before an item."""
        after = node.values[position - 1].end if position else node.start
        return (
            self.text.find("-", after)
            if not position
            else self.text.rfind("-", after, node.values[position].start)
        )

    def dashed(self, item: Any, column: int, *, first: bool) -> str:
        lines = [line.removeprefix("  ") for line in block([plain(item)]).split("\n")]
        return self.indented("\n".join(lines), column, first=first)

    def indented(self, text: str, column: int, *, first: bool) -> str:
        """`text` moved to the right by `column`; its first line only if `first`."""
        pad = " " * column
        head, *rest = text.rstrip("\n").split("\n")
        lines = [(pad if first else "") + head, *(pad + line if line else line for line in rest)]
        return self.newline.join(lines)

    def column(self, offset: int) -> int:
        return offset - (self.text.rfind("\n", 0, offset) + 1)

    def line_end(self, offset: int) -> int:
        """Where the line of `offset` ends, before its line break."""
        found = self.text.find(self.newline, offset)
        return found if found >= 0 else len(self.text)


def _joined(parts: list[list[Splice] | None]) -> list[Splice] | None:
    joined: list[Splice] = []
    for part in parts:
        if part is None:
            return None
        joined += part
    return joined
