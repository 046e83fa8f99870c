"""Columns compared: as SciPy and a table by hand say, with what is new and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from scoreline.core.drift import ColumnDrift
from scoreline.statistics.cells import range_bounds
from scoreline.statistics.columns import compare_columns
from scoreline.statistics.counting import MISSING, count_categories, count_ranges
from scoreline.storage.queries import selecting


def compared(before: Any, after: Any, scratch: Path) -> ColumnDrift:
    return compare_columns({"x": column(before)}, {"x": column(after)}, scratch)["x"]


def column(values: Any) -> np.ndarray[Any, Any]:
    texts = isinstance(values, list) and isinstance(values[0], str)
    return np.array(values, dtype=object if texts else np.float64)


def test_numbers_are_compared_with_scipys_statistics(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    before, after = generator.lognormal(3, 1, 2_000), generator.lognormal(3.2, 1, 3_000)

    found = compared(before, after, tmp_path)

    expected = stats.ks_2samp(before, after, method="asymp")
    assert (found.ks, found.ks_p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.p_value == found.ks_p_value
    assert found.wasserstein == pytest.approx(stats.wasserstein_distance(before, after))
    assert found.wasserstein_scaled == pytest.approx(found.wasserstein / before.std())
    shares = [[getattr(cell, side) for cell in found.cells] for side in ("reference", "current")]
    assert sum(shares[0]) == 2_000
    assert sum(shares[1]) == 3_000
    assert found.js == pytest.approx(jensenshannon(*shares, base=2))
    assert found.chi_square is None


def test_ranges_are_the_tenths_of_the_reference(tmp_path: Path) -> None:
    # 1 to 100 before: ten rows in each tenth. 51 to 100, twice, after: five tenths of none, five of twenty.
    before, after = np.arange(1.0, 101), np.tile(np.arange(51.0, 101), 2)

    found = compared(before, after, tmp_path)

    assert [cell.label for cell in found.cells[:2]] == ["up to 10", "(10, 20]"]
    assert [cell.reference for cell in found.cells] == [10] * 10
    assert [cell.current for cell in found.cells] == [0] * 5 + [20] * 5
    by_hand = 5 * (0.0001 - 0.1) * np.log(0.0001 / 0.1) + 5 * (0.2 - 0.1) * np.log(2)
    assert found.psi == pytest.approx(by_hand)


def test_few_different_numbers_are_compared_one_by_one(tmp_path: Path) -> None:
    before, after = np.repeat([0.0, 1], [60, 40]), np.repeat([0.0, 1, 7], [30, 60, 10])

    found = compared(before, after, tmp_path)

    assert [(cell.label, cell.reference, cell.current) for cell in found.cells] == [
        ("0", 60, 30),
        ("(0, 1]", 40, 60),
        ("above 1", 0, 10),
    ]
    expected = stats.chi2_contingency([[60, 40, 0], [30, 60, 10]], correction=False)
    assert (found.chi_square, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_a_constant_that_becomes_another_one_is_seen(tmp_path: Path) -> None:
    for after in (4.0, 6.0):
        found = compared(np.full(100, 5.0), np.full(100, after), tmp_path)

        assert found.psi is not None
        assert found.psi > 1
        assert found.ks == 1.0
        assert found.wasserstein_scaled is None


def test_categories_are_compared_with_scipys_statistics(tmp_path: Path) -> None:
    before = ["a"] * 50 + ["b"] * 30 + ["c"] * 20
    after = ["a"] * 60 + ["b"] * 60 + ["c"] * 80

    found = compared(before, after, tmp_path)

    expected = stats.chi2_contingency([[50, 30, 20], [60, 60, 80]], correction=False)
    assert (found.chi_square, found.chi_square_p_value) == pytest.approx(
        (expected.statistic, expected.pvalue)
    )
    assert found.p_value == found.chi_square_p_value
    assert found.psi == pytest.approx(0.2407946, abs=1e-7)  # as in the table by hand
    assert found.ks is found.wasserstein is None
    assert {cell.label: (cell.reference, cell.current) for cell in found.cells} == {
        "a": (50, 60),
        "b": (30, 60),
        "c": (20, 80),
    }


def test_new_categories_are_named_with_their_rows(tmp_path: Path) -> None:
    before = ["a", "b"] * 50
    after = ["a"] * 60 + ["crypto"] * 30 + ["nft"] * 10

    found = compared(before, after, tmp_path)

    assert found.new_categories == {"crypto": 30, "nft": 10}
    assert found.new_category_count == 2
    assert found.new_category_share == 0.4


def test_missing_values_are_a_rate_of_their_own(tmp_path: Path) -> None:
    numbers = compared(np.arange(100.0), np.where(np.arange(100) < 30, np.nan, np.arange(100)), tmp_path)
    texts = compared(["a", "b"] * 50, ["a", "b"] * 35 + [""] * 30, tmp_path)

    for found in (numbers, texts):
        assert (found.reference_null_rate, found.null_rate) == (0, 0.3)
        assert found.null_rate_p_value is not None
        assert found.null_rate_p_value < 1e-6
        assert found.p_value is not None
        assert found.p_value < 1e-4
        assert found.cells[-1].label == "(missing)"
        assert (found.cells[-1].reference, found.cells[-1].current) == (0, 30)


def test_a_column_without_any_value_on_one_side_has_what_can_be_told(tmp_path: Path) -> None:
    found = compared(np.arange(100.0), np.full(80, np.nan), tmp_path)

    assert found.ks is found.wasserstein is None
    assert found.null_rate == 1.0
    assert found.p_value is not None
    assert found.p_value < 1e-9


@pytest.mark.parametrize("empty", [np.empty(0), np.array([], dtype=object)])
def test_no_rows_at_all_give_no_statistics(empty: Any, tmp_path: Path) -> None:
    full = np.arange(30.0) if empty.dtype != object else np.array(["a", "b"] * 15, dtype=object)

    found = compare_columns({"x": full}, {"x": empty}, tmp_path)["x"]

    assert found.p_value is found.psi is found.js is found.null_rate is None


def test_many_rare_categories_are_one_cell(tmp_path: Path) -> None:
    before = [f"id{n}" for n in range(400)] + ["usual"] * 600
    after = [f"other{n}" for n in range(400)] + ["usual"] * 600

    found = compared(before, after, tmp_path)

    assert [cell.label for cell in found.cells] == ["usual", "(others)"]
    assert found.psi == pytest.approx(0)
    assert found.new_category_count == 400
    assert len(found.new_categories) == 20


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60),
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=60),
)
def test_duckdb_counts_ranges_as_numpy_does(before: list[float], after: list[float]) -> None:
    reference, current = np.array(before), np.array(after, dtype=float)
    bounds = range_bounds(reference[~np.isnan(reference)])

    with selecting(Path("unused")) as select:
        counted = count_ranges({"x": current}, {"x": bounds}, select)["x"]

    present = current[~np.isnan(current)]
    places, counts = np.unique(np.searchsorted(bounds, present), return_counts=True)
    expected = dict(zip(places.tolist(), counts.tolist(), strict=True))
    if len(current) - len(present):
        expected[MISSING] = len(current) - len(present)
    assert counted == expected


def test_duckdb_counts_categories_whatever_they_and_their_columns_are_called(tmp_path: Path) -> None:
    texts = np.array(["'", '"', "", "ä", "select", "'"], dtype=object)

    with selecting(tmp_path) as select:
        counted = count_categories({'a "b" c': texts, **{f"x{n}": texts for n in range(25)}}, select)

    assert len(counted) == 26
    for counts in counted.values():
        assert counts == {"'": 2, '"': 1, "": 1, "ä": 1, "select": 1}
