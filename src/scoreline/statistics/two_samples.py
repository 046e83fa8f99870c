"""Statistics of two samples: whether, and by how much, the second differs from the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

Numbers = np.ndarray[Any, Any]
_LEAST_SHARE = 1e-4
_LEAST_EXPECTED = 5.0


def kolmogorov_smirnov(reference: Numbers, current: Numbers) -> tuple[float, float]:
    """The statistic and its p-value (asymptotic, two-sided). Neither sample is empty, none has NaN."""
    found = stats.ks_2samp(reference, current, method="asymp")
    return float(found.statistic), float(found.pvalue)


def wasserstein(reference: Numbers, current: Numbers) -> float:
    """The earth mover's distance, in the unit of the numbers."""
    return float(stats.wasserstein_distance(reference, current))


def chi_square(reference: Sequence[int], current: Sequence[int]) -> tuple[float, float] | None:
    """The statistic and its p-value for counts by category, in the same order on both sides.

    Rare categories are taken together, so that at least 5 rows of each are expected on both sides, as the
    test needs. None where fewer than two are left.
    """
    counts = _pooled(np.array([reference, current], dtype=np.int64))
    if counts is None:
        return None
    statistic, p_value, _, _ = stats.chi2_contingency(counts, correction=False)
    return float(statistic), float(p_value)


def jensen_shannon(reference: Sequence[int], current: Sequence[int]) -> float:
    """The Jensen-Shannon distance to the base 2 of two lists of counts, of 0 (equal shares) to 1."""
    found = float(jensenshannon(np.asarray(reference, float), np.asarray(current, float), base=2))
    return 0.0 if math.isnan(found) else found  # of shares that are equal but for the last bit


def population_stability_index(reference: Sequence[int], current: Sequence[int]) -> float:
    """The sum of (c - r) ln(c / r) over the shares of two lists of counts; a share is 0.0001 at least."""
    before = np.maximum(np.asarray(reference, float) / np.sum(reference), _LEAST_SHARE)
    after = np.maximum(np.asarray(current, float) / np.sum(current), _LEAST_SHARE)
    return float(np.sum((after - before) * np.log(after / before)))


def rate_p_value(reference_hits: int, reference_rows: int, hits: int, rows: int) -> float:
    """The p-value of the difference of two rates (two-sided): chi-square, or Fisher's for few rows."""
    table = np.array([[reference_hits, reference_rows - reference_hits], [hits, rows - hits]])
    if (table.sum(axis=0) == 0).any():
        return 1.0
    if _expected(table).min() < _LEAST_EXPECTED:
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def _pooled(counts: Numbers) -> Numbers | None:
    """Columns of a table of two rows of which enough is expected, and the others as one."""
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        return None
    rare = _expected(counts).min(axis=0) < _LEAST_EXPECTED
    if not rare.any():
        return counts
    together = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    if _expected(together)[:, -1].min() < _LEAST_EXPECTED:  # too few even so: with the smallest of the others
        if together.shape[1] < 3:
            return None
        smallest = int(np.argmin(together[:, :-1].sum(axis=0)))
        merged = together[:, smallest] + together[:, -1]
        together = np.column_stack([np.delete(together[:, :-1], smallest, axis=1), merged])
    return together if together.shape[1] > 1 else None


def _expected(counts: Numbers) -> Numbers:
    expected: Numbers = stats.contingency.expected_freq(counts)
    return expected
