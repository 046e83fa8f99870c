"""The layout of a flow: nothing lies on anything else, lines run forward, zones hold what is theirs."""

from __future__ import annotations

import random
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.ui.flow_layout import Box, Layout, curve, layout
from scoreline.ui.flow_picture import fitted


def boxes(*ids: str, band: str = "") -> tuple[Box, ...]:
    return tuple(Box(one, 100.0, 40.0, band) for one in ids)


def overlaps(found: Layout, placed: tuple[Box, ...]) -> list[tuple[str, str]]:
    wrong = []
    for one, other in combinations(placed, 2):
        first, second = found.spots[one.id], found.spots[other.id]
        apart = abs(first.x - second.x) >= (one.width + other.width) / 2 - 0.01
        if not apart and abs(first.y - second.y) < (one.height + other.height) / 2 - 0.01:
            wrong.append((one.id, other.id))
    return wrong


@st.composite
def graphs(draw: st.DrawFn) -> tuple[tuple[Box, ...], tuple[tuple[str, str], ...]]:
    count = draw(st.integers(1, 14))
    bands = draw(st.lists(st.sampled_from(["", "", "left", "right"]), min_size=count, max_size=count))
    placed = tuple(Box(f"b{at}", 100.0, 40.0, band) for at, band in enumerate(bands))
    pairs = [(f"b{one}", f"b{other}") for one, other in combinations(range(count), 2)]
    lines = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    return placed, tuple(lines)


@settings(max_examples=40)
@given(graphs())
def test_boxes_lie_apart_and_lines_run_from_left_to_right(
    graph: tuple[tuple[Box, ...], tuple[tuple[str, str], ...]],
) -> None:
    placed, lines = graph

    found = layout(placed, lines, head=30.0)

    assert found.spots.keys() == {box.id for box in placed}
    assert overlaps(found, placed) == []
    for (source, target), points in zip(lines, found.lines, strict=True):
        assert points[0] == (found.spots[source].x + 50, found.spots[source].y)
        assert points[-1] == (found.spots[target].x - 50, found.spots[target].y)
        assert [x for x, _ in points] == sorted(x for x, _ in points)
    for box, spot in found.spots.items():
        assert spot.y - 20 >= -0.01, box
        assert spot.y + 20 <= found.height + 0.01, box
        assert 50 - 0.01 <= spot.x <= found.width - 50 + 0.01, box


def test_a_chain_is_a_level_line() -> None:
    found = layout(boxes("a", "b", "c"), (("a", "b"), ("b", "c")))

    assert len({spot.y for spot in found.spots.values()}) == 1
    assert found.spots["a"].x < found.spots["b"].x < found.spots["c"].x
    assert "C" not in curve(found.lines[0])


def test_lines_that_would_cross_are_untangled() -> None:
    lines = (("a", "y"), ("b", "x"))

    found = layout(boxes("a", "b", "x", "y"), lines)

    order = [(found.spots[source].y, found.spots[target].y) for source, target in lines]
    assert (order[0][0] < order[1][0]) == (order[0][1] < order[1][1])


def test_a_zone_is_framed_and_holds_no_others() -> None:
    placed = (*boxes("a", "b", band="mine"), *boxes("c", "d"))

    found = layout(placed, (("a", "b"), ("c", "d"), ("b", "d")), head=30.0)

    (frame,) = found.frames
    assert frame.band == "mine"
    inside = {
        one
        for one, spot in found.spots.items()
        if frame.x <= spot.x <= frame.x + frame.width and frame.y <= spot.y <= frame.y + frame.height
    }
    assert inside == {"a", "b"}


def test_boxes_of_a_flow_of_600_lie_apart() -> None:
    draw = random.Random(3)
    lines = []
    for at in range(20, 300):
        lines.append((f"r{at}", f"d{at}"))
        lines += [(f"d{one}", f"r{at}") for one in {draw.randrange(max(0, at - 40), at) for _ in range(2)}]
    placed = boxes(*(f"d{at}" for at in range(300)), *(f"r{at}" for at in range(20, 300)))

    found = layout(placed, tuple(lines))

    assert overlaps(found, placed) == []


def test_long_names_are_parted_where_words_end_and_cut_where_nothing_helps() -> None:
    assert fitted("train", 133) == ("train",)
    assert fitted("new_transactions_prepared", 133) == ("new_transactions_", "prepared")
    assert fitted("x" * 200, 133)[-1].endswith("…")
    assert len(fitted("a very long name of a very long thing that goes on", 133)) == 2
