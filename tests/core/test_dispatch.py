"""Queries are divided between generations by their shares; keys stay where they are when shares change."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.core.deployment import MappingEntry
from scoreline.core.dispatch import Dispatch

KEYS = [f"C_{number}" for number in range(20_000)]


def dispatch(shares: Mapping[str, float], service: str = "cards") -> Dispatch:
    return Dispatch(service, [MappingEntry(name, share) for name, share in shares.items()])


def placed(shares: Mapping[str, float]) -> list[str]:
    found = dispatch(shares)
    return [found.keyed(key) for key in KEYS]


def moves(before: Mapping[str, float], after: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """(from, to) -> which part of all keys went that way."""
    pairs = zip(placed(before), placed(after), strict=True)
    counted = Counter((old, new) for old, new in pairs if old != new)
    return {pair: count / len(KEYS) for pair, count in counted.items()}


def test_draws_follow_the_shares() -> None:
    draw = random.Random(1).random
    found = dispatch({"v1": 0.5, "v2": 0.3, "v3": 0.2})

    counted = Counter(found.drawn(draw) for _ in range(20_000))

    # Five standard deviations.
    assert counted["v1"] == pytest.approx(10_000, abs=354)
    assert counted["v2"] == pytest.approx(6_000, abs=325)
    assert counted["v3"] == pytest.approx(4_000, abs=283)


@pytest.mark.parametrize(
    ("drawn", "generation"), [(0.0, "v1"), (0.6999, "v1"), (0.7, "v2"), (1 - 2**-53, "v2")]
)
def test_every_number_that_is_drawn_has_its_generation(drawn: float, generation: str) -> None:
    assert dispatch({"v1": 0.7, "v2": 0.3}).drawn(lambda: drawn) == generation


def test_keys_follow_the_shares() -> None:
    counted = Counter(placed({"v1": 0.7, "v2": 0.3}))

    assert counted["v1"] == pytest.approx(14_000, abs=325)
    assert counted["v1"] + counted["v2"] == 20_000


def test_a_key_has_the_generation_that_every_release_has_given_it() -> None:
    found = dispatch({"v1": 0.7, "v2": 0.3})

    assert [found.keyed(key) for key in ("", "C_1", "C_2", "C_6", "ключ", "\ud800")] == [
        "v2",
        "v1",
        "v2",
        "v1",
        "v2",
        "v2",
    ]


def test_the_order_of_the_entries_counts_for_nothing() -> None:
    assert placed({"v1": 0.2, "v2": 0.3, "v3": 0.5}) == placed({"v3": 0.5, "v1": 0.2, "v2": 0.3})


def test_a_share_that_grows_by_ten_percent_takes_ten_percent_of_the_keys_and_no_others() -> None:
    moved = moves({"v1": 0.7, "v2": 0.3}, {"v1": 0.6, "v2": 0.4})

    assert list(moved) == [("v1", "v2")]
    assert moved["v1", "v2"] == pytest.approx(0.1, abs=0.011)


def test_a_generation_that_comes_or_goes_moves_its_own_keys_only() -> None:
    two, three = {"v1": 0.7, "v2": 0.3}, {"v1": 0.63, "v2": 0.27, "v3": 0.1}

    came, went = moves(two, three), moves(three, two)

    assert came.keys() == {("v1", "v3"), ("v2", "v3")}
    assert went.keys() == {("v3", "v1"), ("v3", "v2")}
    assert sum(came.values()) == sum(went.values()) == pytest.approx(0.1, abs=0.011)


def test_of_three_shares_two_change_and_hardly_more_keys_move_than_must() -> None:
    for names in (("v1", "v2", "v3"), ("v1", "v3", "v2"), ("v2", "v3", "v1")):
        before = dict(zip(names, (0.5, 0.2, 0.3), strict=True))
        after = dict(zip(names, (0.4, 0.3, 0.3), strict=True))
        assert 0.09 < sum(moves(before, after).values()) < 0.15


def test_services_divide_their_keys_independently() -> None:
    shares = {"v1": 0.5, "v2": 0.5}
    cards, carts = dispatch(shares), dispatch(shares, "carts")

    alike = sum(cards.keyed(key) == carts.keyed(key) for key in KEYS)

    assert alike == pytest.approx(10_000, abs=354)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.floats(1e-6, 1), min_size=1),
    st.text(max_size=20),
)
def test_any_key_has_a_generation_whatever_the_shares(shares: dict[str, float], key: str) -> None:
    assert dispatch(shares).keyed(key) in shares
