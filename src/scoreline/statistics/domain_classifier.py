"""The domain classifier: whether current rows can be told from those of the reference at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from scoreline.core.drift import DomainClassifier
from scoreline.statistics.counting import Columns, is_category

_FEWEST_ROWS = 40
_SHUFFLED_ROWS = 4_000  # on which the importance of columns is measured
_CATEGORIES = 254  # the classifier takes 255; the last one is that of all others


def tell_apart(
    reference: Columns, current: Columns, *, rows: int, confidence: float, seed: int
) -> DomainClassifier | None:
    """Learn to tell as many rows of one side as of the other on half of them; measure it on the other half.

    At most `rows` of each side, drawn by `seed`. None where there are fewer than 40 of one, or no columns.
    """
    sizes = [len(next(iter(side.values()), ())) for side in (reference, current)]
    count = min(*sizes, rows) // 2 * 2
    if count < _FEWEST_ROWS:
        return None
    generator = np.random.default_rng(seed)
    places = [generator.permutation(size)[:count] for size in sizes]
    matrix, categorical = _encoded(reference, current, places)
    label = np.repeat([0, 1], count)
    learning = np.tile(np.arange(count) < count // 2, 2)
    matrix[:, np.isnan(matrix[learning]).all(axis=0)] = 0  # the classifier cannot take what is always missing
    # One thread: sums over several depend on how many there are.
    with threadpool_limits(limits=1):
        classifier = HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=6,  # small trees: what is learnt of chance makes real drift harder to see
            categorical_features=categorical,
            early_stopping=False,
            random_state=seed,
        ).fit(matrix[learning], label[learning])
        return _measured(
            classifier, matrix[~learning], label[~learning], list(reference), confidence, generator
        )


def _measured(
    classifier: HistGradientBoostingClassifier,
    matrix: np.ndarray[Any, Any],
    label: np.ndarray[Any, Any],
    names: list[str],
    confidence: float,
    generator: np.random.Generator,
) -> DomainClassifier:
    hits = classifier.predict(matrix) == label
    right = int(hits.sum())
    interval = binomtest(right, len(label)).proportion_ci(confidence, method="exact")
    some = generator.permutation(len(label))[:_SHUFFLED_ROWS]
    lost = {}
    for place, name in enumerate(names):
        shuffled = matrix[some]
        shuffled[:, place] = generator.permutation(shuffled[:, place])
        lost[name] = float(hits[some].mean() - (classifier.predict(shuffled) == label[some]).mean())
    return DomainClassifier(
        accuracy=right / len(label),
        lower=float(interval.low),
        upper=float(interval.high),
        confidence=confidence,
        p_value=float(binomtest(right, len(label), 0.5, alternative="greater").pvalue),
        rows=len(label),
        importance=dict(sorted(lost.items(), key=lambda pair: -pair[1])),
    )


def _encoded(
    reference: Columns, current: Columns, places: list[np.ndarray[Any, Any]]
) -> tuple[np.ndarray[Any, Any], list[bool]]:
    """The rows at `places` of both sides as one matrix, categories as codes; which columns are categories."""
    columns = []
    for name, values in reference.items():
        both = np.concatenate([values[places[0]], current[name][places[1]]])
        columns.append(_codes(both) if is_category(both) else both)
    return np.column_stack(columns), [is_category(values) for values in reference.values()]


def _codes(texts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Places by frequency; NaN for missing."""
    distinct, inverse, counts = np.unique(texts.astype(str), return_inverse=True, return_counts=True)
    rank = np.empty(len(distinct), dtype=np.float64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(distinct))
    rank = np.minimum(rank, _CATEGORIES)
    rank[distinct == ""] = np.nan
    codes: np.ndarray[Any, Any] = rank[inverse]
    return codes
