"""Writes the trees of any library as flat arrays, each split as what it means for the slots of a record."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoreline.scoring.columns import CodedColumn, Column, Numbers, not_exportable
from scoreline.scoring.trees import ZERO, Kind, Trees, pack_node

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A split by size: left when x <= value."""

    value: float
    missing_left: bool
    """Where a missing number goes."""
    zero_is_missing: bool = False

    def left(self, x: Numbers) -> Mask:
        """Which values go left."""
        missing = np.isnan(x)
        if self.zero_is_missing:
            missing |= np.abs(x) <= ZERO
        return np.where(missing, self.missing_left, x <= self.value)


@dataclass(frozen=True, slots=True)
class Members:
    """A split by membership."""

    left: Callable[[Numbers], Mask]
    """Which values go left."""


Split = Threshold | Members


@dataclass(frozen=True, slots=True)
class Inner:
    """A node that is not a leaf. Children are numbers that the reader of the tree gives meaning to."""

    column: int
    split: Split
    left: int
    right: int


ReadNode = Callable[[int], "Inner | float | Sequence[float]"]
"""From a node's number to the node, its value if it is a leaf, or its values if leaves have several."""


class Flattener:
    """Collects trees. Each node is read once; no recursion, however deep a tree is."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._roots = array("I")
        self._outputs = array("I")
        self._nodes: list[tuple[float, int, int, int]] = []
        self._leaves = array("d")
        self._sets: dict[bytes, int] = {}
        self._bits = array("Q")

    def add(self, output: int, root: int, read: ReadNode) -> None:
        """Add the tree under node `root`, whose leaves add to `output`."""
        self._roots.append(len(self._nodes))
        self._outputs.append(output)
        waiting: list[tuple[int, int | None]] = [(root, None)]
        while waiting:
            number, parent = waiting.pop()
            index = len(self._nodes)
            if parent is not None:
                value, _, slot, kind = self._nodes[parent]
                self._nodes[parent] = (value, index, slot, kind)
            node = read(number)
            if not isinstance(node, Inner):
                self._add_leaf(node)
                continue
            compared = self._compare(node)
            if isinstance(compared, bool):  # all go one way
                waiting.append((node.left if compared else node.right, None))
                continue
            self._nodes.append(compared[0])
            left, right = (node.right, node.left) if compared[1] else (node.left, node.right)
            waiting += [(right, index), (left, None)]

    def trees(self) -> Trees:
        """What was collected."""
        return Trees(
            self._roots.tobytes(),
            self._outputs.tobytes(),
            b"".join([pack_node(*node) for node in self._nodes]),
            self._leaves.tobytes(),
            self._bits.tobytes(),
        )

    def _add_leaf(self, values: float | Sequence[float]) -> None:
        if isinstance(values, float):
            self._nodes.append((values, 0, 0, Kind.LEAF))
            return
        self._nodes.append((0.0, len(self._leaves) // len(values), 0, Kind.LEAF))
        self._leaves.extend(values)

    def _compare(self, node: Inner) -> bool | tuple[tuple[float, int, int, int], bool]:
        """The node, and whether its children change places; or where all go."""
        column, split = self._columns[node.column], node.split
        if isinstance(column, CodedColumn):
            return self._compare_code(column, split.left(column.values()))
        if isinstance(split, Members):
            raise not_exportable("it splits a numeric feature by categories")
        if split.zero_is_missing:
            kind = Kind.BELOW_OR_ZERO if split.missing_left else Kind.BELOW_NOT_ZERO
        else:
            kind = Kind.BELOW_OR_MISSING if split.missing_left else Kind.BELOW
        return (split.value, 0, column.slot, kind), False

    def _compare_code(
        self, column: CodedColumn, left: Mask
    ) -> bool | tuple[tuple[float, int, int, int], bool]:
        """The cheapest comparison that sends the codes where `left` says."""
        count, size = int(left.sum()), len(left)
        if count in (0, size):
            return count == size
        if count in (1, size - 1):
            code = int(np.argmax(left) if count == 1 else np.argmin(left))
            return (float(code), 0, column.slot, Kind.EQUAL), count == 1
        if left[:count].all():
            return (count - 0.5, 0, column.slot, Kind.BELOW), False
        if left[size - count :].all():
            return (size - count - 0.5, 0, column.slot, Kind.BELOW), True
        return (float(self._set(left)), 0, column.slot, Kind.MEMBER), False

    def _set(self, left: Mask) -> int:
        packed = np.packbits(left, bitorder="little").tobytes()
        packed += b"\0" * (-len(packed) % 8)
        if packed not in self._sets:
            self._sets[packed] = len(self._bits) * 64
            self._bits.frombytes(packed)
        return self._sets[packed]


def below_single(thresholds: Numbers) -> list[float]:
    """For each threshold the greatest double whose float32 is at most the threshold.

    Comparing doubles with it is as good as rounding them to float32 and comparing with the threshold.
    Thresholds may be any doubles; an infinite one stays as it is.
    """
    with np.errstate(over="ignore"):
        rounded = thresholds.astype(np.float32)
        too_large = rounded > thresholds
        greatest = np.where(too_large, np.nextafter(rounded, np.float32(-np.inf)), rounded)
        following = np.nextafter(greatest, np.float32(np.inf)).astype(np.float64)
    # Beyond the greatest float32, rounding goes on as if the next power of two were one.
    following[np.isinf(following)] = 2.0**128
    below = greatest.astype(np.float64)
    below[below == -np.inf] = -(2.0**128)
    middle = (below + following) / 2
    even = greatest.view(np.uint32) % 2 == 0
    result = np.where(even, middle, np.nextafter(middle, -np.inf))
    infinite = np.isinf(thresholds)
    result[infinite] = thresholds[infinite]
    return [float(value) for value in result]
