"""Tree ensembles as flat arrays: what `trees.bin` holds, what the kernel and its twin walk.

A node has 16 bytes: a double, an unsigned 32-bit number and two unsigned 16-bit ones, little-endian.

    value   threshold; code; first bit of a set of codes; the value of a leaf (if leaves have one)
    right   index of the right child; row in `leaves` (if leaves have one value per output)
    slot    which number of the vector is compared
    kind    what the comparison is

The left child is the next node, the right child stands behind it: every walk ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct, iter_unpack

from scoreline.errors import Invalid
from scoreline.scoring.document import CategorySlot, Ensemble, ScorerDocument, fine_leaf

ZERO = 1.0000000180025095e-35
"""What LightGBM takes for zero: 1e-35 in float32."""

_MAGIC = b"SLTREES1"
_HEADER = Struct("<8s5I")
_NODE = Struct("<dIHH")

Node = tuple[float, int, int, int]
"""value, right, slot, kind"""


class Kind(IntEnum):
    """What a node does with the number x of its slot. Comparisons with a missing x are false."""

    LEAF = 0
    BELOW = 1
    """Left when x <= value."""
    BELOW_OR_MISSING = 2
    """Left unless x > value."""
    BELOW_NOT_ZERO = 3
    """Left when x <= value, and x is not zero."""
    BELOW_OR_ZERO = 4
    """Left unless x > value and x is not zero."""
    EQUAL = 5
    """Right when x = value (a code)."""
    MEMBER = 6
    """Left when the bit of x (a code) is set, counted from bit `value`."""


@dataclass(frozen=True)
class Trees:
    """The arrays of an ensemble, as bytes."""

    roots: bytes
    """Unsigned 32-bit: index of each tree's first node. The trees stand one behind the other."""
    outputs: bytes
    """Unsigned 32-bit: to which output each tree adds."""
    nodes: bytes
    leaves: bytes
    """Doubles: rows of values, if leaves have one per output."""
    bits: bytes
    """Unsigned 64-bit: sets of codes; bit i is bit i % 64 of number i // 64."""

    def node_list(self) -> list[Node]:
        """All nodes, decoded."""
        return list(_NODE.iter_unpack(self.nodes))


def pack_node(value: float, right: int, slot: int, kind: int) -> bytes:
    """One node as bytes."""
    return _NODE.pack(value, right, slot, kind)


def pack_trees(trees: Trees) -> bytes:
    """The content of `trees.bin`."""
    counts = (
        len(trees.roots) // 4,
        len(trees.nodes) // _NODE.size,
        len(trees.leaves) // 8,
        len(trees.bits) // 8,
    )
    header = _HEADER.pack(_MAGIC, *counts, 0)
    return b"".join((header, trees.roots, trees.outputs, trees.nodes, trees.leaves, trees.bits))


def unpack_trees(data: bytes) -> Trees:
    """The arrays in `trees.bin`. Raises Invalid (code `invalid-scorer`) when its length is not right."""
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise _invalid("trees.bin is not a file of trees")
    _, trees, nodes, leaves, bits, _ = _HEADER.unpack_from(data)
    lengths = (4 * trees, 4 * trees, _NODE.size * nodes, 8 * leaves, 8 * bits)
    if len(data) != _HEADER.size + sum(lengths):
        raise _invalid("trees.bin is cut off or too long")
    return Trees(*_cut(data, lengths))


def _cut(data: bytes, lengths: tuple[int, ...]) -> Iterator[bytes]:
    start = _HEADER.size
    for length in lengths:
        yield data[start : start + length]
        start += length


def integers(data: bytes, code: str) -> list[int]:
    """The numbers of a section: code "I" (unsigned 32-bit) or "Q" (unsigned 64-bit)."""
    return [number for (number,) in iter_unpack(f"<{code}", data)]


def doubles(data: bytes) -> list[float]:
    """The doubles of a section."""
    return [number for (number,) in iter_unpack("<d", data)]


def check_trees(document: ScorerDocument, ensemble: Ensemble, trees: Trees) -> None:
    """Check every index and number of the arrays. Raises Invalid (code `invalid-scorer`)."""
    nodes = trees.node_list()
    _check_rows(ensemble, trees, document.outputs)
    sizes = [slot.size if isinstance(slot, CategorySlot) else 0 for slot in document.slots]
    check = _NodeCheck(ensemble, len(trees.leaves) // 8, len(trees.bits) * 8, sizes)
    for start, end in tree_bounds(trees, len(nodes)):
        for index in range(start, end):
            reason = check(nodes[index], index, end)
            if reason:
                raise _invalid(reason)


def tree_bounds(trees: Trees, node_count: int) -> list[tuple[int, int]]:
    """First node and end of each tree. Raises Invalid when they do not stand one behind the other."""
    roots = integers(trees.roots, "I")
    ends = [*roots[1:], node_count]
    bounds = list(zip(roots, ends, strict=True)) if roots else []
    fine = all(start < end <= node_count for start, end in bounds) and (roots[:1] == [0] or not node_count)
    if not fine:
        raise _invalid("the trees do not stand one behind the other")
    return bounds


def _check_rows(ensemble: Ensemble, trees: Trees, outputs: int) -> None:
    if any(output >= outputs for output in integers(trees.outputs, "I")):
        raise _invalid("a tree belongs to no output")
    rows = doubles(trees.leaves)
    if len(rows) % ensemble.width or (rows and ensemble.width == 1):
        raise _invalid("an array has a wrong length")
    if not all(fine_leaf(value, single=ensemble.single) for value in rows):
        raise _invalid("a leaf's value is not finite")


@dataclass(frozen=True)
class _NodeCheck:
    ensemble: Ensemble
    leaf_values: int
    bits: int
    sizes: list[int]

    def __call__(self, node: Node, index: int, end: int) -> str:
        """What is wrong with a node; "" when it is right."""
        value, right, slot, kind = node
        if kind == Kind.LEAF:
            return self._leaf(value, right)
        if kind > Kind.MEMBER or slot >= len(self.sizes):
            return "a node is of no kind or compares no slot"
        if not index + 1 < right < end:
            return "a child does not stand behind its parent"
        if math.isnan(value):
            return "a threshold is not a number"
        if kind == Kind.MEMBER:
            inside = 0 <= value <= self.bits - self.sizes[slot] and value.is_integer()
            return "" if inside and self.sizes[slot] else "a set of codes stands outside the bits"
        return ""

    def _leaf(self, value: float, right: int) -> str:
        if self.ensemble.width > 1:
            return "" if right * self.ensemble.width < self.leaf_values else "a leaf has no values"
        fine = fine_leaf(value, single=self.ensemble.single)
        return "" if fine else "a leaf's value is not finite"


def _invalid(reason: str) -> Invalid:
    return Invalid(f"the scorer cannot be used: {reason}; export the model again", code="invalid-scorer")
