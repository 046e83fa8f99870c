"""Which leaf of each tree a vector reaches, without walking: the kernel's `_exits.h` in Python.

The bit vectors of QuickScorer (Lucchese and others, SIGIR 2015), added up beforehand. The leaves of a tree
are numbered from left to right, a bit for each. A node that sends x to the right makes the leaves on its left
unreachable; the exit is the lowest bit that no node has cleared. What the nodes of one slot clear hangs on x
alone and changes at their thresholds only: so every slot has a row, the masks of all trees as one large
number, for each interval between thresholds, and a vector costs a search and an AND per slot.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any

from scoreline.scoring.trees import ZERO, Kind

Vector = tuple[float, ...]
Branch = list[Any]
"""kind, slot, value, left, right; the value of MEMBER is a table from code to whether it goes left."""
Walked = float | Vector | Branch
"""A leaf is its value or its row of values."""

_MOST_LEAVES = 512
_MOST_ROW_BYTES = 16 * 2**20
_MOST_WORK = 5_000_000

_BELOW = (Kind.BELOW, Kind.BELOW_OR_MISSING)


@dataclass(frozen=True)
class SlotRows:
    """The rows of one slot."""

    slot: int
    thresholds: list[float] | None
    """Ascending; row i is for an x above i of them. None: x is a code, and the row its own."""
    rows: list[int]
    missing: int
    """The row for an x that is missing."""


@dataclass(frozen=True)
class Exits:
    """Masks of `bits` bits, the first tree's lowest."""

    bits: int
    trees: int
    full: int
    """Every leaf of every tree."""
    slots: list[SlotRows]
    leaves: list[Any]
    """Per tree: the value of the leaf that is reached, or its row; by what is left of the mask where masks
    have 8 bits, else by its lowest bit, as bytes where they have more than 64."""

    @property
    def ones(self) -> int:
        """The lowest bit of every mask."""
        return sum(1 << tree * self.bits for tree in range(self.trees))


@dataclass
class _Split:
    kind: int
    slot: int
    value: Any
    keep: int
    """All leaves of all trees but those on the left of the node."""


@dataclass
class _Tree:
    leaves: list[Any] = field(default_factory=list)
    branches: list[tuple[Branch, int, int]] = field(default_factory=list)
    """Each with the first leaf on its left and the first on its right."""


def find_exits(roots: Sequence[Walked], sizes: Sequence[int]) -> Exits | None:
    """The exits of trees over slots with so many codes (0: numbers). None: they are too large for it."""
    trees = []
    for root in roots:
        tree = _number(root)
        if tree is None:
            return None
        trees.append(tree)
    most = max((len(tree.leaves) for tree in trees), default=1)
    bits = max(8, 1 << (most - 1).bit_length())
    full = sum(((1 << len(tree.leaves)) - 1) << index * bits for index, tree in enumerate(trees))
    by_slot: dict[int, list[_Split]] = {}
    for index, tree in enumerate(trees):
        for (kind, slot, value, _, _), start, end in tree.branches:
            keep = full ^ (((1 << end) - (1 << start)) << index * bits)
            by_slot.setdefault(slot, []).append(_Split(kind, slot, value, keep))
    if not _is_affordable(by_slot, sizes, bits * len(trees) // 8):
        return None
    slots = [_rows(slot, splits, sizes[slot], full) for slot, splits in sorted(by_slot.items())]
    return Exits(bits, len(trees), full, slots, [_table(tree.leaves, bits) for tree in trees])


def _table(leaves: Sequence[Any], bits: int) -> Any:
    if bits == 8:
        exits = ((left & -left).bit_length() - 1 for left in range(1, 1 << len(leaves)))
        return (None, *(leaves[place] for place in exits))  # something is always left
    masks = (1 << place for place in range(len(leaves)))
    keys = masks if bits <= 64 else (mask.to_bytes(bits // 8, "little") for mask in masks)
    return dict(zip(keys, leaves, strict=True))


def _number(root: Walked) -> _Tree | None:
    """The leaves of a tree from left to right, and its branches. None: there are too many."""
    tree = _Tree()
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Tree):  # the left side of the branch that waits behind it is done
            branch, start, _ = waiting.pop()
            tree.branches.append((branch, start, len(tree.leaves)))
            waiting.append(branch[4])
        elif isinstance(node, list):
            waiting += [(node, len(tree.leaves), 0), tree, node[3]]
        elif len(tree.leaves) == _MOST_LEAVES:
            return None
        else:
            tree.leaves.append(node)
    return tree


def _is_affordable(by_slot: dict[int, list[_Split]], sizes: Sequence[int], stride: int) -> bool:
    rows = work = 0
    for slot, splits in by_slot.items():
        count = sizes[slot] or len(splits)
        rows += count
        work += count * sum(split.kind not in _BELOW and split.kind != Kind.EQUAL for split in splits)
    return rows * stride <= _MOST_ROW_BYTES and work <= _MOST_WORK


def _rows(slot: int, splits: list[_Split], size: int, full: int) -> SlotRows:
    row_of = _RowOf(splits, full)
    if size:
        return SlotRows(slot, None, [row_of(float(code)) for code in range(size)], full)
    places = sorted({place for split in splits for place in _breakpoints(split)})
    return SlotRows(slot, places, [row_of(x) for x in [*places, math.inf]], row_of(math.nan))


def _breakpoints(split: _Split) -> Iterable[float]:
    """Where the answer of a node about a number can change."""
    if split.kind in _BELOW:
        return (split.value,)
    if split.kind == Kind.EQUAL:
        return (math.nextafter(split.value, -math.inf), split.value)
    return (split.value, math.nextafter(-ZERO, -math.inf), ZERO)


class _RowOf:
    """From the number of a slot to the leaves that its nodes leave reachable."""

    def __init__(self, splits: list[_Split], full: int) -> None:
        self._full = full
        below = sorted((split for split in splits if split.kind in _BELOW), key=lambda split: split.value)
        self._thresholds = [split.value for split in below]
        self._below = [full]  # after so many thresholds are passed
        for split in below:
            self._below.append(self._below[-1] & split.keep)
        self._below_missing = reduce(and_, (split.keep for split in below if split.kind == Kind.BELOW), full)
        self._equal: dict[float, int] = {}
        for split in splits:
            if split.kind == Kind.EQUAL:
                self._equal[split.value] = self._equal.get(split.value, full) & split.keep
        self._others = [split for split in splits if split.kind not in (*_BELOW, Kind.EQUAL)]

    def __call__(self, x: float) -> int:
        if math.isnan(x):
            row = self._below_missing
        else:
            row = self._below[bisect_left(self._thresholds, x)] & self._equal.get(x, self._full)
        for split in self._others:
            if not _goes_left(split, x):
                row &= split.keep
        return row


def _goes_left(split: _Split, x: float) -> bool:
    if split.kind == Kind.MEMBER:
        return bool(split.value[int(x)])
    zero = -ZERO <= x <= ZERO
    if split.kind == Kind.BELOW_NOT_ZERO:
        return bool(x <= split.value and not zero)
    return not (x > split.value and not zero)
