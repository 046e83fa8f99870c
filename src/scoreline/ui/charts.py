"""Charts: where the parts of a picture stand, as pure functions; `charts.html` draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.ui.figures import number

_SERIES = 4
"""Colours that there are."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in the picture's own units, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True)
class Series:
    """A line: its name, and its points; a point without y leaves a gap."""

    name: str
    points: Sequence[tuple[float, float | None]]
    marks: bool = False
    """Whether each point is drawn, and not the line only."""


@dataclass(frozen=True)
class Point:
    """A point of a line, and what it says when it is pointed at."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Line:
    """A line as it is drawn."""

    name: str
    colour: int
    path: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Rule:
    """A horizontal line at a value, such as the bound of a check."""

    y: float
    label: str
    soft: bool


@dataclass(frozen=True)
class LineChart:
    """Lines over one axis."""

    width: int
    height: int
    left: float
    top: float
    right: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...]
    x_label: str
    y_label: str
    diagonal: bool


@dataclass(frozen=True)
class Bar:
    """A bar: its row's name, its length, and the value in words."""

    label: str
    short: str
    x: float
    y: float
    width: float
    height: float
    value: str
    colour: int = 1


@dataclass(frozen=True)
class BarChart:
    """Bars, lying (importance) or standing (a histogram)."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    bottom: float
    left: float = 0


def line_chart(
    series: Sequence[Series],
    *,
    width: int = 460,
    height: int = 300,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    x_label: str = "",
    y_label: str = "",
    diagonal: bool = False,
    rules: Sequence[tuple[float, str, bool]] = (),
) -> LineChart:
    """Lines over one axis. Without ranges, all points and rules can be seen; `rules`: value, name, soft."""
    left, top, right, bottom = (
        (66.0 if y_label else 52.0),
        12.0,
        width - 14.0,
        height - (46.0 if x_label else 30.0),
    )
    known = [(x, y) for one in series for x, y in one.points if y is not None]
    x_low, x_high = x_range or _around([x for x, _ in known])
    y_low, y_high = y_range or _around([y for _, y in known] + [value for value, _, _ in rules])
    y_steps = nice_ticks(y_low, y_high, 5)
    if y_range is None:
        y_low, y_high = min(y_low, y_steps[0]), max(y_high, y_steps[-1])

    def at_x(value: float) -> float:
        return round(left + (right - left) * (value - x_low) / (x_high - x_low), 2)

    def at_y(value: float) -> float:
        return round(bottom - (bottom - top) * (value - y_low) / (y_high - y_low), 2)

    steps = (
        x_ticks if x_ticks is not None else [(one, tick_label(one)) for one in nice_ticks(x_low, x_high, 5)]
    )
    return LineChart(
        width=width,
        height=height,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        x_ticks=tuple(Tick(at_x(value), label) for value, label in steps if x_low <= value <= x_high),
        y_ticks=tuple(Tick(at_y(one), tick_label(one)) for one in y_steps if y_low <= one <= y_high),
        lines=tuple(
            Line(
                name=one.name,
                colour=place % _SERIES + 1,
                path=_path([(at_x(x), None if y is None else at_y(y)) for x, y in one.points]),
                points=tuple(
                    Point(at_x(x), at_y(y), f"{one.name}: {number(y)}")
                    for x, y in one.points
                    if one.marks and y is not None
                ),
            )
            for place, one in enumerate(series)
        ),
        rules=tuple(Rule(at_y(value), label, soft) for value, label, soft in rules),
        x_label=x_label,
        y_label=y_label,
        diagonal=diagonal,
    )


def lying_bars(values: Sequence[tuple[str, float]], *, width: int = 460, name_width: int = 190) -> BarChart:
    """A bar for each value, one below the other, from 0 on; what is less than 0 has none."""
    row, gap, value_width = 20, 8, 64
    most = max((value for _, value in values), default=0) or 1
    room = width - name_width - value_width
    longest = name_width // 7
    return BarChart(
        width=width,
        height=len(values) * (row + gap),
        bars=tuple(
            Bar(
                label=label,
                short=label if len(label) <= longest else label[: longest - 1] + "…",
                x=name_width,
                y=place * (row + gap) + gap / 2,
                width=round(max(0.0, value) / most * room, 2),
                height=row,
                value=number(value, 3),
            )
            for place, (label, value) in enumerate(values)
        ),
        ticks=(),
        bottom=0,
        left=name_width,
    )


def standing_bars(
    values: Sequence[tuple[str, Sequence[float]]], *, width: int = 460, height: int = 200, names: int = 4
) -> BarChart:
    """A histogram: for each range its bars side by side, one for each side that is compared."""
    top, bottom, left, right = 8.0, height - 24.0, 46.0, width - 8.0
    most = max((value for _, sides in values for value in sides), default=0) or 1
    step = (right - left) / max(1, len(values))
    sides = max((len(one) for _, one in values), default=1)
    thin = max(1.0, step * 0.86 / sides)
    bars = []
    every = max(1, math.ceil(len(values) / names))
    for place, (label, heights) in enumerate(values):
        for side, value in enumerate(heights):
            tall = (bottom - top) * value / most
            bars.append(
                Bar(
                    label=label,
                    short=_short(label, int(step * every / 7)) if side == 0 and place % every == 0 else "",
                    x=round(left + place * step + step * 0.07 + side * thin, 2),
                    y=round(bottom - tall, 2),
                    width=round(thin, 2),
                    height=round(tall, 2),
                    value=number(value, 3),
                    colour=side + 1,
                )
            )
    ticks = tuple(
        Tick(round(bottom - (bottom - top) * one / most, 2), tick_label(one))
        for one in nice_ticks(0, most, 4)
        if one <= most
    )
    return BarChart(width=width, height=height, bars=tuple(bars), ticks=ticks, bottom=bottom, left=left)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """Round values from `low` to about `high`, about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def tick_label(value: float) -> str:
    """A value on an axis, short."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            divisor = 1e3 if unit == "k" else limit
            return f"{value / divisor:g}{unit}"
    return f"{value:g}"


def _around(values: Sequence[float]) -> tuple[float, float]:
    """A range in which all values are seen."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if high > low:
        return low, high
    room = abs(low) * 0.1 or 0.5
    return low - room, high + room


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    parts, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x:g} {y:g}")
        pen = "L"
    return "".join(parts)


def _short(label: str, longest: int) -> str:
    label = label.split(" – ")[0]
    return label if len(label) <= longest else label[: max(1, longest - 1)] + "…"
