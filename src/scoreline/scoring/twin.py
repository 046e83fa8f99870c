"""The kernel's twin: the same trees in pure Python, with the same answers bit for bit.

It serves where there is no compiler, and is the oracle of the kernel's tests. What fits is written as one
Python function over its `exits`; larger trees are walked, which takes several times longer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from scoreline.scoring.document import CategorySlot, Ensemble, ScorerDocument
from scoreline.scoring.encoder import compile_function
from scoreline.scoring.exits import Exits, Vector, Walked, find_exits
from scoreline.scoring.links import link_for
from scoreline.scoring.trees import ZERO, Kind, Node, Trees, check_trees, doubles, integers, tree_bounds

_TERMS_OF_A_SUM = 50

Raw = Callable[[Vector], Vector]

# An attribute of an enum costs more than the comparison.
_BELOW, _BELOW_OR_MISSING, _BELOW_NOT_ZERO = (
    int(Kind.BELOW),
    int(Kind.BELOW_OR_MISSING),
    int(Kind.BELOW_NOT_ZERO),
)
_EQUAL, _MEMBER = int(Kind.EQUAL), int(Kind.MEMBER)
_CAST = {16: "H", 32: "I", 64: "Q"}


def make_twin(
    document: ScorerDocument, ensemble: Ensemble, trees: Trees, *, always_walk: bool = False
) -> Raw:
    """The function from vector to outputs. Raises Invalid (code `invalid-scorer`) if the arrays are wrong.

    `always_walk`: in the plainest way, for comparison.
    """
    check_trees(document, ensemble, trees)
    sizes = [slot.size if isinstance(slot, CategorySlot) else 0 for slot in document.slots]
    roots = _roots(trees, ensemble, sizes)
    targets = integers(trees.outputs, "I")
    exits = None if always_walk else find_exits(roots, sizes)
    raw = _walker(ensemble, roots, targets) if exits is None else _write(ensemble, sizes, exits, targets)
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


# ---- written -------------------------------------------------------------------------------------


def _write(ensemble: Ensemble, sizes: Sequence[int], exits: Exits, targets: Sequence[int]) -> Raw:
    """One function for all trees: find the exits, add their leaves in the order of the trees."""
    names: dict[str, Any] = {"bisect": bisect_left, "full": exits.full, "ones": exits.ones}
    unpacked = "".join(f"x{index}, " for index in range(len(sizes)))
    lines = ["def raw(vector):", *([f" ({unpacked}) = vector"] if unpacked else [])]
    rows = []
    for each in exits.slots:
        index = each.slot
        names[f"rows{index}"], names[f"missing{index}"] = each.rows, each.missing
        if each.thresholds is None:
            rows.append(f"rows{index}[x{index}]")
            continue
        names[f"thresholds{index}"] = each.thresholds
        row = f"rows{index}[bisect(thresholds{index}, x{index})]"
        rows.append(f"({row} if x{index} == x{index} else missing{index})")
    lines.append(f" m = {' & '.join(rows) or 'full'}")
    if exits.bits > 8:
        # In every mask a bit is left, so that no carry of the negation goes over to the next one.
        lines.append(" m &= (full ^ m) + ones")
    lines.append(f" left = m.to_bytes({exits.bits // 8 * exits.trees}, 'little')")
    lines += _unpack_lines(exits, names)
    lines += _sum_lines(ensemble, exits, targets, names)
    constants = {f"leaf{index}": leaves for index, leaves in enumerate(exits.leaves)}
    return compile_function("\n".join(lines), "raw", names, constants)


def _unpack_lines(exits: Exits, names: dict[str, Any]) -> list[str]:
    if not exits.trees:
        return []
    fields = "left"
    if exits.bits > 64:
        names["unpack"] = Struct(f"{exits.bits // 8}s" * exits.trees).unpack
        fields = "unpack(left)"
    elif exits.bits > 8:
        fields = f"memoryview(left).cast('{_CAST[exits.bits]}')"
    return [f" ({''.join(f'b{index}, ' for index in range(exits.trees))}) = {fields}"]


def _sum_lines(ensemble: Ensemble, exits: Exits, targets: Sequence[int], names: dict[str, Any]) -> list[str]:
    names["start"] = ensemble.start
    leaves = [f"'leaf{index}'[b{index}]" for index in range(exits.trees)]
    count = len(ensemble.start)
    sums = [f"r{index}" for index in range(count)]
    if ensemble.width > 1:
        lines = [" r = list(start)"]
        lines += [f" for i, v in enumerate({leaf}): r[i] += v" for leaf in leaves]
        return [*lines, " return tuple(r)"]
    if ensemble.single:  # an array rounds every sum
        names["array"] = array
        lines = [" r = array('f', start)"]
        lines += [f" r[{target}] += {leaf}" for target, leaf in zip(targets, leaves, strict=True)]
        return [*lines, " return tuple(r)"]
    lines = [f" ({''.join(f'{name}, ' for name in sums)}) = start"]
    for output, name in enumerate(sums):
        own = [leaf for target, leaf in zip(targets, leaves, strict=True) if target == output]
        for place in range(0, len(own), _TERMS_OF_A_SUM):
            lines.append(f" {name} = {' + '.join([name, *own[place : place + _TERMS_OF_A_SUM]])}")
    return [*lines, f" return ({''.join(f'{name}, ' for name in sums)})"]


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
