"""The domain classifier tells drifted rows from the reference, says by which columns, and else guesses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from scoreline.core.drift import DomainClassifier
from scoreline.statistics.counting import Columns
from scoreline.statistics.domain_classifier import tell_apart


def rows(count: int, seed: int, *, shift: float = 0.0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    kinds = np.array([*(f"kind {n}" for n in range(300)), ""], dtype=object)
    return {
        "amount": generator.lognormal(3 + shift, 1, count),
        "age": generator.integers(18, 90, count).astype(float),
        "kind": kinds[generator.integers(0, len(kinds), count)],
    }


def told(reference: Columns, current: Columns, *, seed: int = 1, most: int = 10_000) -> DomainClassifier:
    found = tell_apart(reference, current, rows=most, confidence=0.95, seed=seed)
    assert found is not None
    return found


def test_without_drift_it_guesses() -> None:
    found = told(rows(3_000, 1), rows(2_000, 2))

    assert found.lower < 0.5 < found.upper
    assert found.p_value > 0.01


def test_a_shifted_column_is_seen_and_named() -> None:
    found = told(rows(3_000, 1), rows(2_000, 2, shift=1.5))

    assert found.accuracy > 0.7
    assert found.p_value < 1e-20
    assert next(iter(found.importance)) == "amount"
    assert found.importance["amount"] > 0.1
    assert abs(found.importance["age"]) < 0.03


def test_a_new_category_and_missing_values_are_seen() -> None:
    current = rows(2_000, 2)
    current["kind"][:600] = "a new kind"
    empty = rows(2_000, 2)
    empty["age"][:600] = np.nan

    assert next(iter(told(rows(2_000, 1), current).importance)) == "kind"
    assert next(iter(told(rows(2_000, 1), empty).importance)) == "age"


def test_interval_and_test_are_scipys() -> None:
    found = told(rows(500, 1), rows(800, 2, shift=0.4))

    right = round(found.accuracy * found.rows)
    interval = binomtest(right, found.rows).proportion_ci(0.95, method="exact")
    assert (found.lower, found.upper) == (interval.low, interval.high)
    assert found.p_value == binomtest(right, found.rows, 0.5, alternative="greater").pvalue


def test_both_sides_have_as_many_rows_and_half_of_them_are_tested_on() -> None:
    assert told(rows(5_000, 1), rows(700, 2)).rows == 700
    assert told(rows(5_000, 1), rows(5_000, 2), most=200).rows == 200


def test_the_same_seed_gives_the_same_answer() -> None:
    reference, current = rows(600, 1), rows(600, 2, shift=0.5)

    assert told(reference, current, seed=4) == told(reference, current, seed=4)
    assert told(reference, current, seed=4) != told(reference, current, seed=5)


@pytest.mark.parametrize("count", [0, 39])
def test_of_too_few_rows_or_no_columns_nothing_is_said(count: int) -> None:
    assert tell_apart(rows(1_000, 1), rows(count, 2), rows=10_000, confidence=0.95, seed=1) is None
    assert tell_apart({}, {}, rows=10_000, confidence=0.95, seed=1) is None


def test_columns_without_any_value_do_not_disturb() -> None:
    reference, current = rows(400, 1), rows(400, 2)
    for side in (reference, current):
        side["empty"] = np.full(400, np.nan)
        side["constant"] = np.full(400, 3.0)
        side["blank"] = np.full(400, "", dtype=object)

    assert told(reference, current).importance["empty"] == 0
