"""The statistics of two samples: SciPy's own, and what a table worked out by hand says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from scoreline.statistics.two_samples import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
    rate_p_value,
    wasserstein,
)

# A table by hand: 100 rows before, 200 after.
BEFORE = (50, 30, 20)
AFTER = (60, 60, 80)


def test_the_stability_index_is_that_of_the_table_by_hand() -> None:
    # shares 0.5 0.3 0.2 and 0.3 0.3 0.4:
    # (0.3 - 0.5) ln(0.3/0.5) = 0.1021651; (0.3 - 0.3) ln 1 = 0; (0.4 - 0.2) ln 2 = 0.1386294
    assert population_stability_index(BEFORE, AFTER) == pytest.approx(0.2407946, abs=1e-7)


def test_chi_square_is_that_of_the_table_by_hand() -> None:
    # 300 rows, columns 110 90 100; expected 36.667 30 33.333 before and 73.333 60 66.667 after:
    # 13.333²/36.667 + 0 + 13.333²/33.333 + 13.333²/73.333 + 0 + 13.333²/66.667 = 15.272727
    # and with 2 degrees of freedom the p-value is exp(-15.272727 / 2)
    found = chi_square(BEFORE, AFTER)

    assert found is not None
    assert found[0] == pytest.approx(15.2727273, abs=1e-6)
    assert found[1] == pytest.approx(math.exp(-15.2727273 / 2), rel=1e-6)


def test_jensen_shannon_is_that_of_the_table_by_hand() -> None:
    # the middle is 0.4 0.3 0.3; the divergences from it, to the base 2:
    # 0.5 log2(0.5/0.4) + 0 + 0.2 log2(0.2/0.3) = 0.1609640 - 0.1169925 = 0.0439715
    # 0.3 log2(0.3/0.4) + 0 + 0.4 log2(0.4/0.3) = 0.4150375 * (0.4 - 0.3) = 0.0415037
    # the distance is the root of their mean
    assert jensen_shannon(BEFORE, AFTER) == pytest.approx(math.sqrt(0.0427376), abs=1e-6)


def test_kolmogorov_smirnov_and_wasserstein_are_those_of_samples_by_hand() -> None:
    # Of 1 2 3 4 and 3 4 5 6 the distribution functions differ most between 2 and 3: 0.5 and 0.
    statistic, _ = kolmogorov_smirnov(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))

    assert statistic == 0.5
    assert wasserstein(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_statistics_are_scipys(seed: int) -> None:
    generator = np.random.default_rng(seed)
    before, after = generator.lognormal(3, 1, 900), generator.lognormal(3.1, 1, 1_300)
    counts = generator.integers(10, 90, 12), generator.integers(10, 90, 12)

    expected = stats.ks_2samp(before, after, method="asymp")
    assert kolmogorov_smirnov(before, after) == (expected.statistic, expected.pvalue)
    assert wasserstein(before, after) == stats.wasserstein_distance(before, after)
    test = stats.chi2_contingency(np.array(counts), correction=False)
    assert chi_square(*counts) == pytest.approx((test.statistic, test.pvalue), rel=1e-12)
    assert jensen_shannon(*counts) == jensenshannon(*counts, base=2)


def test_equal_samples_do_not_differ() -> None:
    numbers = np.arange(50.0)

    assert kolmogorov_smirnov(numbers, numbers) == (0.0, 1.0)
    assert wasserstein(numbers, numbers) == 0
    assert jensen_shannon((1, 2, 3), (10, 20, 30)) == pytest.approx(0, abs=1e-8)
    assert population_stability_index((1, 2, 3), (10, 20, 30)) == pytest.approx(0, abs=1e-12)


def test_an_empty_cell_counts_as_a_ten_thousandth() -> None:
    # shares 1 0 and 0.9 0.1: (0.9 - 1) ln 0.9 + (0.1 - 0.0001) ln(0.1 / 0.0001)
    expected = 0.1 * -math.log(0.9) + 0.0999 * math.log(1_000)

    assert population_stability_index((100, 0), (90, 10)) == pytest.approx(expected)


def test_rare_categories_are_tested_together() -> None:
    # Of each of the last four fewer than 5 rows are expected on a side; together they are 22 of 200.
    enough = chi_square((90, 2, 2, 3, 3), (88, 4, 4, 2, 2))
    # Here fewer than 5 are expected of all rare ones together, so that the smallest of the others joins them.
    too_few = chi_square((90, 5, 2, 2, 1), (85, 11, 1, 1, 2))

    expected = stats.chi2_contingency([[90, 10], [88, 12]], correction=False)
    merged = stats.chi2_contingency([[90, 10], [85, 15]], correction=False)
    assert enough == pytest.approx((expected.statistic, expected.pvalue))
    assert too_few == pytest.approx((merged.statistic, merged.pvalue))


@pytest.mark.parametrize("counts", [((5,), (7,)), ((0, 0), (3, 4)), ((3, 0), (4, 0)), ((9, 1), (9, 1))])
def test_there_is_no_chi_square_of_one_category_or_of_too_few_rows(counts) -> None:
    assert chi_square(*counts) is None


def test_two_rates_are_compared_by_chi_square_and_of_few_rows_exactly() -> None:
    table = [[20, 980], [60, 940]]
    few = [[1, 9], [6, 4]]

    assert rate_p_value(20, 1_000, 60, 1_000) == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    assert rate_p_value(1, 10, 6, 10) == pytest.approx(stats.fisher_exact(few).pvalue)
    assert rate_p_value(0, 100, 0, 900) == 1.0
    assert rate_p_value(100, 100, 900, 900) == 1.0
