"""A layered layout: boxes in columns from left to right, lines with few crossings, bands one below the other.

Every line goes from one column to a later one; where it passes columns in between it has a place of its own
there, so that it runs around boxes. Within a band the order of a column follows the neighbours' (barycentres,
the best of several sweeps), and then every box comes as near to the middle of its neighbours as the order
allows (least squares).
"""

from __future__ import annotations

import functools
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

COLUMN_GAP = 30.0
ROW_GAP = 18.0
_LINE_ROOM = 10.0
"""Height of a line where it passes a column."""
_LONE_COLUMNS = 4
"""Columns of those boxes that have no line."""
_ORDER_SWEEPS = 8
_PLACINGS = 20_000
"""How many boxes and knots are placed at most, all sweeps together: few are placed many times."""


class Box(Struct, frozen=True):
    """Something to be placed."""

    id: str
    width: float
    height: float
    band: str = ""
    """Boxes of one band stand together; those without one, with what they hang together with."""
    apart: int = 1
    """How many columns it stands behind what leads to it, at least."""


class Spot(Struct, frozen=True):
    """Where the middle of a box is."""

    x: float
    y: float


class Frame(Struct, frozen=True):
    """The room that a band takes."""

    band: str
    x: float
    y: float
    width: float
    height: float


class Layout(Struct, frozen=True):
    """Where everything is."""

    spots: dict[str, Spot]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    """Of every line the points that it passes, in pairs: each pair is a level stretch."""
    frames: tuple[Frame, ...]
    """Of the bands that have a name."""
    width: float
    height: float


@functools.lru_cache(maxsize=64)
def layout(boxes: tuple[Box, ...], lines: tuple[tuple[str, str], ...], *, head: float = 0.0) -> Layout:
    """Place boxes and the lines between them; `head` is the room above a band that has a name.

    Lines go to boxes that are there, and in no circle. The same picture is worked out once.
    """
    by_id = {box.id: box for box in boxes}
    columns = _columns(by_id, lines)
    lone = [box.id for box in boxes if box.id not in columns and not box.band]
    columns |= {one: 0 for one in by_id if one not in columns and one not in lone}
    widths: dict[int, float] = {}
    for one, column in columns.items():
        widths[column] = max(widths.get(column, 0.0), by_id[one].width)
    lefts = _lefts(widths)
    graph = _Graph(by_id, columns, lines)
    spots: dict[str, Spot] = {}
    frames = []
    top = 0.0
    for band, members in _bands(boxes, columns, lines):
        if band:
            top += head
        places = graph.place(members)
        first = min(place - graph.heights[one] / 2 for one, place in places.items())
        last = max(place + graph.heights[one] / 2 for one, place in places.items())
        for one, place in places.items():
            graph.ys[one] = place - first + top
        if band:
            frames.append(_frame(band, members, columns, lefts, widths, top - head, last - first + head))
        top += last - first + 2 * ROW_GAP
    for one, column in columns.items():
        spots[one] = Spot(lefts[column] + widths[column] / 2, graph.ys[one])
    width = max((lefts[column] + widths[column] for column in widths), default=0.0)
    width, top = _place_lone([by_id[one] for one in lone], spots, width, top)
    routes = tuple(graph.route(line, lefts, widths) for line in lines)
    return Layout(spots, routes, tuple(frames), width, max(top - 2 * ROW_GAP, 0.0))


def curve(points: Sequence[tuple[float, float]]) -> str:
    """The path of a line as SVG draws it: level stretches, and smooth curves between them."""
    (x, y), *rest = points
    parts = [f"M{x:.1f} {y:.1f}"]
    before = (x, y)
    for at, (x, y) in enumerate(rest):
        if at % 2 == 0 and abs(y - before[1]) < 0.05:
            parts.append(f"H{x:.1f}")
        elif at % 2 == 0:
            middle = (before[0] + x) / 2
            parts.append(f"C{middle:.1f} {before[1]:.1f} {middle:.1f} {y:.1f} {x:.1f} {y:.1f}")
        elif x != before[0]:
            parts.append(f"H{x:.1f}")
        before = (x, y)
    return "".join(parts)


def _columns(boxes: Mapping[str, Box], lines: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The column of every box that has a line: behind what leads to it; beginnings near to what follows."""
    after: dict[str, list[str]] = {}
    missing: dict[str, int] = {}
    for source, target in lines:
        after.setdefault(source, []).append(target)
        missing[target] = missing.get(target, 0) + 1
        missing.setdefault(source, 0)
    begins = [one for one in boxes if missing.get(one) == 0]
    column = dict.fromkeys(begins, 0)
    ready = deque(begins)
    order = []
    while ready:
        one = ready.popleft()
        order.append(one)
        for following in after.get(one, ()):
            column[following] = max(column.get(following, 0), column[one] + boxes[following].apart)
            missing[following] -= 1
            if missing[following] == 0:
                ready.append(following)
    for one in begins:
        column[one] = min(column[following] - boxes[following].apart for following in after[one])
    return {one: column[one] for one in order}


def _lefts(widths: Mapping[int, float]) -> dict[int, float]:
    lefts, left = {}, 0.0
    for column in sorted(widths):
        lefts[column] = left
        left += widths[column] + COLUMN_GAP
    return lefts


def _bands(
    boxes: Sequence[Box], columns: Mapping[str, int], lines: Iterable[tuple[str, str]]
) -> list[tuple[str, list[str]]]:
    """Bands from top to bottom: each with its name, if it has one, and its boxes. The largest come first."""
    parent = {box.id: box.id for box in boxes if box.id in columns}

    def root(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    named: dict[str, str] = {}
    for box in boxes:
        if box.id in columns and box.band:
            parent[root(box.id)] = root(named.setdefault(box.band, box.id))
    bands = {box.id: box.band for box in boxes}
    for source, target in lines:
        if bands[source] == bands[target]:
            parent[root(source)] = root(target)
    members: dict[str, list[str]] = {}
    for box in boxes:
        if box.id in columns:
            members.setdefault(root(box.id), []).append(box.id)
    found = [(bands[first], inside) for first, inside in members.items()]
    return sorted(found, key=lambda one: (min(columns[box] for box in one[1]), -len(one[1])))


def _frame(
    band: str,
    members: Iterable[str],
    columns: Mapping[str, int],
    lefts: Mapping[int, float],
    widths: Mapping[int, float],
    top: float,
    height: float,
) -> Frame:
    used = [columns[one] for one in members]
    left = lefts[min(used)]
    return Frame(band, left, top, lefts[max(used)] + widths[max(used)] - left, height)


def _place_lone(lone: Sequence[Box], spots: dict[str, Spot], width: float, top: float) -> tuple[float, float]:
    """Boxes without lines stand in rows below everything. Gives the width and the height of the whole."""
    for at in range(0, len(lone), _LONE_COLUMNS):
        row = lone[at : at + _LONE_COLUMNS]
        height = max(box.height for box in row)
        left = 0.0
        for box in row:
            spots[box.id] = Spot(left + box.width / 2, top + height / 2)
            left += box.width + COLUMN_GAP / 2
        width = max(width, left - COLUMN_GAP / 2)
        top += height + (ROW_GAP if at + _LONE_COLUMNS < len(lone) else 2 * ROW_GAP)
    return width, top


class _Graph:
    """Boxes and, where a line passes a column, a place for it: its knots."""

    def __init__(
        self, boxes: Mapping[str, Box], columns: Mapping[str, int], lines: Sequence[tuple[str, str]]
    ) -> None:
        self.column = dict(columns)
        self.heights = {one: boxes[one].height for one in columns}
        self.bands = {one: boxes[one].band for one in columns}
        self.ys: dict[str, float] = {}
        self._widths = {one: boxes[one].width for one in columns}
        self._chains: dict[tuple[str, str], list[str]] = {}
        self._before: dict[str, list[str]] = {one: [] for one in columns}
        self._after: dict[str, list[str]] = {one: [] for one in columns}
        self._knots: dict[str, list[str]] = {}
        for source, target in lines:
            self._chain(source, target)

    def _chain(self, source: str, target: str) -> None:
        if (source, target) in self._chains:
            return
        chain = [source]
        for column in range(self.column[source] + 1, self.column[target]):
            # Lines that leave one box share their way for as long as they go along together.
            knot = f"\0{source}\0{column}\0{self.bands[target]}"
            if knot not in self.column:
                self.column[knot] = column
                self.heights[knot] = _LINE_ROOM
                self._before[knot], self._after[knot] = [], []
                self._knots.setdefault(target, []).append(knot)
            chain.append(knot)
        chain.append(target)
        for left, right in pairwise(chain):
            if right not in self._after[left]:
                self._after[left].append(right)
                self._before[right].append(left)
        self._chains[source, target] = chain

    def place(self, members: Iterable[str]) -> dict[str, float]:
        """The heights at which the boxes of a band, and the knots of the lines that lead to it, stand."""
        inside: dict[str, None] = {}
        for one in members:
            inside[one] = None
            inside.update(dict.fromkeys(self._knots.get(one, ())))
        layers: dict[int, list[str]] = {}
        for one in self._walk(inside):
            layers.setdefault(self.column[one], []).append(one)
        ordered = [layers[column] for column in sorted(layers)]
        self._untangle(ordered)
        return self._settle(ordered)

    def _walk(self, inside: Mapping[str, None]) -> Iterable[str]:
        """Depth first, so that what hangs together begins side by side."""
        seen: set[str] = set()
        for start in sorted(inside, key=lambda one: self.column[one]):
            stack = [start]
            while stack:
                one = stack.pop()
                if one in seen or one not in inside:
                    continue
                seen.add(one)
                yield one
                stack.extend(reversed(self._after[one]))

    def _untangle(self, layers: list[list[str]]) -> None:
        best = [list(layer) for layer in layers]
        places = {one: at for layer in layers for at, one in enumerate(layer)}
        fewest = self._crossings(layers)
        for sweep in range(_ORDER_SWEEPS):
            if fewest == 0:
                break
            forth = sweep % 2 == 0
            neighbours = self._before if forth else self._after
            for layer in layers[1:] if forth else layers[-2::-1]:
                _order(layer, neighbours, places)
            crossings = self._crossings(layers)
            if crossings < fewest:
                fewest, best = crossings, [list(layer) for layer in layers]
        for layer, order in zip(layers, best, strict=True):
            layer[:] = order

    def _crossings(self, layers: Sequence[Sequence[str]]) -> int:
        found = 0
        for layer, following in pairwise(layers):
            places = {one: at for at, one in enumerate(following)}
            passed: list[int] = []
            for one in layer:
                targets = sorted(places[other] for other in self._after[one] if other in places)
                found += sum(len(passed) - bisect_right(passed, target) for target in targets)
                for target in targets:
                    insort(passed, target)
        return found

    def _settle(self, layers: Sequence[Sequence[str]]) -> dict[str, float]:
        places: dict[str, float] = {}
        for layer in layers:
            places.update(self._apart(layer, dict.fromkeys(layer, 0.0)))
        sweeps = min(max(_PLACINGS // max(len(places), 1), 6), 40)
        for sweep in range(sweeps):
            last = sweep >= sweeps // 2
            forth = sweep % 2 == 0
            for layer in layers if forth else reversed(layers):
                wanted = {}
                for one in layer:
                    sides = (
                        (self._before, self._after) if last else ((self._before if forth else self._after),)
                    )
                    near = [places[other] for side in sides for other in side[one] if other in places]
                    wanted[one] = sum(near) / len(near) if near else places[one]
                places.update(self._apart(layer, wanted))
        self._level(layers, places)
        return places

    def _level(self, layers: Sequence[Sequence[str]], places: dict[str, float]) -> None:
        """Let lines run level where there is room: a box, its only follower, that one's only follower, …"""
        above, below = {}, {}
        for layer in layers:
            for upper, lower in pairwise(layer):
                above[lower], below[upper] = upper, lower
        for run in sorted(self._runs(places), key=len, reverse=True):
            lowest, highest = float("-inf"), float("inf")
            for one in run:
                if one in above:
                    lowest = max(lowest, places[above[one]] + self._room(above[one], one))
                if one in below:
                    highest = min(highest, places[below[one]] - self._room(one, below[one]))
            if lowest <= highest:
                middle = sum(places[one] for one in run) / len(run)
                places.update(dict.fromkeys(run, min(max(middle, lowest), highest)))

    def _runs(self, places: Mapping[str, float]) -> Iterable[list[str]]:
        only = {
            one: self._after[one][0]
            for one in places
            if len(self._after[one]) == 1
            and self._after[one][0] in places
            and len(self._before[self._after[one][0]]) == 1
        }
        followers = set(only.values())
        for start in (one for one in only if one not in followers):
            run = [start]
            while run[-1] in only:
                run.append(only[run[-1]])
            yield run
        # A line that is long is level by itself, though its box has others.
        for knots in self._knots.values():
            chain = [one for one in knots if one in places]
            yield from _split(chain, self._before)

    def _room(self, upper: str, lower: str) -> float:
        return (self.heights[upper] + self.heights[lower]) / 2 + ROW_GAP

    def _apart(self, layer: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
        """As near to what is wanted as the order and the heights allow: isotonic regression."""
        blocks: list[tuple[float, float, int]] = []  # sum of weighted wishes, weight, how many
        offsets = []
        offset = 0.0
        for at, one in enumerate(layer):
            if at:
                offset += self._room(layer[at - 1], one)
            offsets.append(offset)
            weight = 3.0 if one.startswith("\0") else 1.0
            blocks.append((weight * (wanted[one] - offset), weight, 1))
            while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
                total, weight, count = blocks.pop()
                blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + weight, blocks[-1][2] + count)
        found: dict[str, float] = {}
        at = 0
        for total, weight, count in blocks:
            for one in layer[at : at + count]:
                found[one] = total / weight + offsets[at]
                at += 1
        return found

    def route(
        self, line: tuple[str, str], lefts: Mapping[int, float], widths: Mapping[int, float]
    ) -> tuple[tuple[float, float], ...]:
        """The points of a line: level through each column, from the edge of one box to that of the other."""
        chain = self._chains[line]
        points = []
        for at, one in enumerate(chain):
            column, y = self.column[one], self.ys[one]
            left, width = lefts[column], widths[column]
            middle = left + width / 2
            half = self._widths[one] / 2 if one in self._widths else width / 2
            if at:
                points.append((middle - half, y))
            if at < len(chain) - 1:
                points.append((middle + half, y))
        return tuple(points)


def _split(knots: Sequence[str], before: Mapping[str, Sequence[str]]) -> Iterable[list[str]]:
    """The knots that lead to a box as lines: each a run of knots that follow each other."""
    run: list[str] = []
    for one in knots:
        if run and run[-1] not in before[one]:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _order(layer: list[str], neighbours: Mapping[str, Sequence[str]], places: dict[str, int]) -> None:
    """Sort a column by the middles of the neighbours; what has none stays about where it is."""

    def middle(one: str) -> float:
        near = [places[other] for other in neighbours[one] if other in places]
        return sum(near) / len(near) if near else places[one]

    layer.sort(key=middle)
    places.update((one, at) for at, one in enumerate(layer))
