"""Charts: everything lies inside the picture, and the ticks are round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.ui.charts import Series, line_chart, lying_bars, nice_ticks, standing_bars, tick_label

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(st.tuples(NUMBERS, st.none() | NUMBERS), min_size=1, max_size=30))
def test_every_point_lies_inside_the_axes(points: list[tuple[float, float | None]]) -> None:
    chart = line_chart([Series("one", points, marks=True)])

    (line,) = chart.lines
    assert len(line.points) == sum(y is not None for _, y in points)
    for point in line.points:
        assert chart.left - 0.1 <= point.x <= chart.right + 0.1
        assert chart.top - 0.1 <= point.y <= chart.bottom + 0.1


def test_a_gap_begins_a_new_stroke() -> None:
    chart = line_chart([Series("one", [(0, 1), (1, None), (2, 3), (3, 4)])])

    assert chart.lines[0].path.count("M") == 2


def test_bounds_of_checks_are_seen_whatever_the_points() -> None:
    chart = line_chart([Series("one", [(0, 0.5), (1, 0.6)])], rules=[(2.0, "max 2", False)])

    assert chart.top <= chart.rules[0].y <= chart.bottom


@given(NUMBERS, st.floats(1e-6, 1e9))
def test_ticks_surround_a_range_and_are_few(low: float, width: float) -> None:
    high = low + width
    if not high > low:
        return

    ticks = nice_ticks(low, high, 5)

    assert 2 <= len(ticks) <= 12
    assert ticks[0] <= low + width * 1e-6 + abs(low) * 1e-9
    assert ticks[-1] >= high - width * 1e-6 - abs(high) * 1e-9


@pytest.mark.parametrize(
    ("value", "label"), [(0.25, "0.25"), (2000, "2000"), (20000, "20k"), (3e6, "3M"), (-1e9, "-1G")]
)
def test_ticks_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label


@given(st.lists(st.tuples(st.text(max_size=60), NUMBERS), max_size=12))
def test_lying_bars_keep_room_for_their_values(values: list[tuple[str, float]]) -> None:
    chart = lying_bars(values)

    assert all(0 <= bar.width <= chart.width - chart.left for bar in chart.bars)
    assert all(bar.y + bar.height <= chart.height for bar in chart.bars)


@given(st.lists(st.tuples(st.text(max_size=60), st.tuples(*[st.floats(0, 1e6)] * 2)), max_size=30))
def test_standing_bars_of_two_sides_stand_beside_each_other(
    values: list[tuple[str, tuple[float, float]]],
) -> None:
    chart = standing_bars(values)

    assert len(chart.bars) == 2 * len(values)
    assert all(bar.x + bar.width <= chart.width and bar.y >= 0 for bar in chart.bars)
