"""Distributions of columns and of predictions, for reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoreline.core.model import Task
from scoreline.core.model_report import CategoryDistribution, Distribution, NumericDistribution
from scoreline.studio.metrics import Scored

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_MOST_LISTED = 50


def column_distribution(column: pd.Series) -> Distribution:
    """The distribution of one column of a feature frame."""
    values = column.to_numpy()
    return category_distribution(values) if values.dtype == object else numeric_distribution(values)


def prediction_distribution(scored: Scored, classes: Sequence[str]) -> Distribution:
    """The distribution of predicted labels, or of predicted numbers."""
    if scored.task is Task.REGRESSION:
        return numeric_distribution(scored.values)
    return category_distribution(np.array(classes, dtype=object)[scored.values])


def numeric_distribution(values: np.ndarray[Any, Any]) -> NumericDistribution:
    """The distribution of doubles; NaN is missing."""
    present = values[~np.isnan(values)]
    some = len(present) > 0
    return NumericDistribution(
        rows=len(values),
        missing=len(values) - len(present),
        mean=float(present.mean()) if some else None,
        deviation=float(present.std()) if some else None,
        quantiles=quantiles(present),
    )


def category_distribution(values: np.ndarray[Any, Any]) -> CategoryDistribution:
    """The distribution of texts; "" is missing."""
    counts = Counter(values)
    missing = counts.pop("", 0)
    return CategoryDistribution(
        rows=len(values), missing=missing, distinct=len(counts), counts=most_frequent(counts, _MOST_LISTED)
    )


def most_frequent(counts: Counter[str], most: int) -> dict[str, int]:
    """The most frequent values with their counts; equally frequent ones in the order of their text."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(ordered[:most])


def quantiles(values: np.ndarray[Any, Any]) -> dict[str, float]:
    """The quantiles 0, 0.05, 0.25, 0.5, 0.75, 0.95 and 1; none of no values."""
    if not len(values):
        return {}
    return {
        f"{q:g}": float(value) for q, value in zip(_QUANTILES, np.quantile(values, _QUANTILES), strict=True)
    }
