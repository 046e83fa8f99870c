"""The kernel's twin: the same trees walked in pure Python, with the same answers bit for bit.

It serves where there is no compiler, and is the oracle of the kernel's tests. Small ensembles are written as
one Python function, which is five times quicker than walking; large ones would take too long to compile.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

from scoreline.scoring.document import CategorySlot, Ensemble, ScorerDocument
from scoreline.scoring.encoder import Vector, compile_function
from scoreline.scoring.links import link_for
from scoreline.scoring.trees import ZERO, Kind, Node, Trees, check_trees, doubles, integers, tree_bounds

_MOST_WRITTEN_NODES = 16_000
_DEEPEST_WRITTEN = 60

Raw = Callable[[Vector], Vector]
Branch = list[Any]
"""kind, slot, value, left, right; the value of MEMBER is a table from code to whether it goes left."""
Walked = float | Vector | Branch
"""A leaf is its value or its row of values."""

# An attribute of an enum costs more than the comparison.
_BELOW, _BELOW_OR_MISSING, _BELOW_NOT_ZERO = (
    int(Kind.BELOW),
    int(Kind.BELOW_OR_MISSING),
    int(Kind.BELOW_NOT_ZERO),
)
_EQUAL, _MEMBER = int(Kind.EQUAL), int(Kind.MEMBER)


def make_twin(document: ScorerDocument, ensemble: Ensemble, trees: Trees) -> Raw:
    """The function from vector to outputs. Raises Invalid (code `invalid-scorer`) if the arrays are wrong."""
    check_trees(document, ensemble, trees)
    sizes = [slot.size if isinstance(slot, CategorySlot) else 0 for slot in document.slots]
    roots = _roots(trees, ensemble, sizes)
    targets = integers(trees.outputs, "I")
    raw = _write(ensemble, roots, targets, sizes) if _is_small(ensemble, trees, roots) else None
    raw = raw or _walker(ensemble, roots, targets)
    link = link_for(ensemble.link, scale=ensemble.scale)

    def outputs(vector: Vector) -> Vector:
        return link(raw(vector))

    return outputs


def _roots(trees: Trees, ensemble: Ensemble, sizes: list[int]) -> list[Walked]:
    """The first node of each tree, its children inside it."""
    nodes = trees.node_list()
    rows = doubles(trees.leaves)
    words = integers(trees.bits, "Q")
    made: list[Walked] = [0.0] * len(nodes)
    tables: dict[tuple[int, int], bytes] = {}
    for index in range(len(nodes) - 1, -1, -1):
        value, right, slot, kind = nodes[index]
        if kind == Kind.LEAF:
            made[index] = _leaf(nodes[index], ensemble.width, rows)
            continue
        compared: float | bytes = value
        if kind == Kind.MEMBER:
            key = (int(value), sizes[slot])
            compared = tables.setdefault(key, _table(words, *key))
        made[index] = [kind, slot, compared, made[index + 1], made[right]]
    return [made[start] for start, _ in tree_bounds(trees, len(nodes))]


def _leaf(node: Node, width: int, rows: list[float]) -> float | Vector:
    return node[0] if width == 1 else tuple(rows[node[1] * width : (node[1] + 1) * width])


def _table(words: list[int], start: int, size: int) -> bytes:
    return bytes(words[bit >> 6] >> (bit & 63) & 1 for bit in range(start, start + size))


def _is_small(ensemble: Ensemble, trees: Trees, roots: list[Walked]) -> bool:
    return (
        ensemble.width == 1
        and len(trees.nodes) // 16 <= _MOST_WRITTEN_NODES
        and all(_depth(root) <= _DEEPEST_WRITTEN for root in roots)
    )


def _depth(root: Walked) -> int:
    depth, level = 0, [root]
    while level := [child for node in level if isinstance(node, list) for child in node[3:]]:
        depth += 1
    return depth


# ---- written -------------------------------------------------------------------------------------


def _write(ensemble: Ensemble, roots: list[Walked], targets: list[int], sizes: list[int]) -> Raw:
    """One function for all trees. Only numbers are written into its source."""
    names: dict[str, object] = {"inf": math.inf, "start": ensemble.start, "array": array}
    count = len(ensemble.start)
    lines = ["def raw(vector):"]
    if sizes:
        lines.append(f" ({''.join(f'x{index}, ' for index in range(len(sizes)))}) = vector")
    if ensemble.single:
        lines.append(" r = array('f', start)")
        sums = [f"r[{index}]" for index in range(count)]
    else:
        lines.append(f" ({''.join(f'r{index}, ' for index in range(count))}) = start")
        sums = [f"r{index}" for index in range(count)]
    writer = _Writer(sizes, names)
    lines += [f" {sums[target]} += {writer(root)}" for root, target in zip(roots, targets, strict=True)]
    lines.append(f" return ({''.join(f'{name}, ' for name in sums)})")
    return compile_function("\n".join(lines), "raw", names)


class _Writer:
    """Writes a tree as an expression."""

    def __init__(self, sizes: list[int], names: dict[str, object]) -> None:
        self._sizes = sizes
        self._names = names

    def __call__(self, node: Walked) -> str:
        if not isinstance(node, list):
            return repr(node)
        kind, slot, value, left, right = node
        condition, first, second = self._condition(Kind(kind), slot, value, left, right)
        return f"({self(first)} if {condition} else {self(second)})"

    def _condition(
        self, kind: Kind, slot: int, value: float | bytes, left: Walked, right: Walked
    ) -> tuple[str, Walked, Walked]:
        x = f"x{slot}"
        if isinstance(value, bytes):
            name = f"table{len(self._names)}"
            self._names[name] = value
            return f"{name}[{x}]", left, right
        zero = f"not {-ZERO!r} <= {x} <= {ZERO!r}"
        match kind:
            case Kind.BELOW:
                return f"{x} <= {self._threshold(slot, value)}", left, right
            case Kind.BELOW_OR_MISSING:
                return f"{x} > {self._threshold(slot, value)}", right, left
            case Kind.BELOW_NOT_ZERO:
                return f"{x} <= {value!r} and {zero}", left, right
            case Kind.BELOW_OR_ZERO:
                return f"{x} > {value!r} and {zero}", right, left
            case _:
                return f"{x} == {int(value) if value.is_integer() else value!r}", right, left

    def _threshold(self, slot: int, value: float) -> str:
        """Codes are whole numbers, and comparing those with each other is quicker."""
        return repr(math.floor(value)) if self._sizes[slot] and math.isfinite(value) else repr(value)


# ---- walked --------------------------------------------------------------------------------------


def _walker(ensemble: Ensemble, roots: list[Walked], targets: list[int]) -> Raw:
    start = ensemble.start

    def wide(vector: Vector) -> Vector:
        sums = list(start)
        for root in roots:
            for index, value in enumerate(_leaf_of(root, vector)):
                sums[index] += value
        return tuple(sums)

    def narrow(vector: Vector) -> Vector:
        sums = array("f", start) if ensemble.single else list(start)
        for root, target in zip(roots, targets, strict=True):
            sums[target] += _leaf_of(root, vector)
        return tuple(sums)

    return wide if ensemble.width > 1 else narrow


def _leaf_of(node: Any, vector: Vector) -> Any:
    while node.__class__ is list:
        kind, slot, value, left, right = node
        x = vector[slot]
        if kind == _BELOW:
            node = left if x <= value else right
        elif kind == _BELOW_OR_MISSING:
            node = right if x > value else left
        elif kind == _EQUAL:
            node = right if x == value else left
        elif kind == _MEMBER:
            node = left if value[x] else right
        elif kind == _BELOW_NOT_ZERO:
            node = left if x <= value and not -ZERO <= x <= ZERO else right
        else:
            node = right if x > value and not -ZERO <= x <= ZERO else left
    return node
