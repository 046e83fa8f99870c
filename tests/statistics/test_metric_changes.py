"""Changes of metrics: tests of rates, of means, and of areas under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from scoreline.core.model import Task
from scoreline.statistics.metric_changes import Judged, area_and_variance, change_p_values


def binary(count: int, seed: int, *, noise: float = 0.0) -> Judged:
    """Probabilities that are right, but for noise."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0.5, 1.5, count)
    truth = (generator.random(count) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    proba = 1 / (1 + np.exp(-(logits + noise * generator.normal(size=count))))
    return Judged(Task.BINARY, truth, (proba >= 0.5).astype(np.int64), np.column_stack([1 - proba, proba]))


def test_rates_and_means_are_compared_by_scipys_tests() -> None:
    before, after = binary(800, 1), binary(900, 2, noise=1.0)

    found = change_p_values(before, after)

    hits = [(side.values == side.truth) for side in (before, after)]
    table = [[side.sum(), (~side).sum()] for side in hits]
    assert found["accuracy"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    squares = [(side.probas[:, 1] - side.truth) ** 2 for side in (before, after)]
    assert found["brier"] == pytest.approx(stats.ttest_ind(*squares, equal_var=False).pvalue)
    assert {"precision", "recall", "log_loss", "auc"} < set(found)


def test_the_area_is_scikit_learns_and_its_variance_that_of_repeated_draws() -> None:
    areas, variances = [], []
    for seed in range(300):
        side = binary(300, seed)
        found = area_and_variance(side.probas[:, 1], side.truth)
        assert found is not None
        areas.append(found[0])
        variances.append(found[1])
        assert found[0] == pytest.approx(roc_auc_score(side.truth, side.probas[:, 1]))

    assert np.mean(variances) == pytest.approx(np.var(areas), rel=0.25)


def test_a_model_that_got_worse_is_seen() -> None:
    found = change_p_values(binary(3_000, 1), binary(3_000, 2, noise=2.0))

    assert found["auc"] < 1e-6
    assert found["log_loss"] < 1e-6


def test_a_regression_is_compared_by_its_errors() -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=500)
    before = Judged(Task.REGRESSION, truth, truth + generator.normal(0, 1, 500), None)
    after = Judged(Task.REGRESSION, truth, truth + generator.normal(0, 2, 500), None)

    found = change_p_values(before, after)

    assert set(found) == {"mae", "rmse"}
    assert max(found.values()) < 1e-9


def test_what_cannot_be_tested_is_not_there() -> None:
    one_class = Judged(Task.BINARY, np.ones(5, int), np.ones(5, int), np.tile([0.0, 1.0], (5, 1)))
    only_classes = Judged(Task.MULTICLASS, np.array([0, 1, 2]), np.array([0, 1, 1]), None)

    assert "auc" not in change_p_values(one_class, one_class)
    assert set(change_p_values(only_classes, only_classes)) == {"accuracy"}
