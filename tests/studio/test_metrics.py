"""Metrics are those of scikit-learn, and are left out where they are not defined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from scoreline.core.model import Task
from scoreline.errors import Invalid
from scoreline.studio.metrics import METRICS, Scored, check_metric, gain, measure
from scoreline.studio.performance import compare


def binary(proba: list[float], threshold: float = 0.5) -> Scored:
    positive = np.array(proba)
    values = (positive >= threshold).astype(np.int64)
    return Scored(Task.BINARY, values, np.column_stack([1 - positive, positive]))


def test_a_binary_task_has_all_its_metrics():
    truth = np.array([0, 0, 1, 1, 0, 1])
    scored = binary([0.1, 0.6, 0.4, 0.9, 0.2, 0.7])

    found = measure(scored, truth)

    assert tuple(found) == METRICS[Task.BINARY]
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, scored.positive))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, scored.probas))
    assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, scored.values))
    assert found["f1"] == pytest.approx(2 / 3)


def test_a_multiclass_task_has_all_its_metrics():
    generator = np.random.default_rng(0)
    probas = generator.dirichlet([1, 1, 1], size=60)
    truth = np.arange(60) % 3
    scored = Scored(Task.MULTICLASS, probas.argmax(axis=1), probas)

    found = measure(scored, truth)

    assert tuple(found) == METRICS[Task.MULTICLASS]
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probas))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, probas, multi_class="ovr"))
    assert found["f1"] == pytest.approx(metrics.f1_score(truth, scored.values, average="macro"))


def test_a_regression_has_all_its_metrics():
    truth, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 3.0])

    found = measure(Scored(Task.REGRESSION, predicted, None), truth)

    assert tuple(found) == METRICS[Task.REGRESSION]
    assert found["rmse"] == pytest.approx((2 / 3) ** 0.5)
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, predicted))


def test_what_is_not_defined_is_left_out():
    only_positive = measure(binary([0.2, 0.9]), np.array([1, 1]))
    one_row = measure(Scored(Task.REGRESSION, np.array([1.0]), None), np.array([2.0]))

    assert {"auc", "average_precision", "mcc"}.isdisjoint(only_positive)
    assert only_positive["accuracy"] == 0.5
    assert "r2" not in one_row
    assert measure(binary([]), np.array([], dtype=np.int64)) == {}


def test_a_smaller_loss_is_a_greater_gain():
    assert gain("log_loss", 0.1) > gain("log_loss", 0.2)
    assert gain("auc", 0.9) > gain("auc", 0.8)


def test_an_unknown_metric_is_refused_with_the_nearest_one():
    with pytest.raises(Invalid, match="did you mean 'log_loss'"):
        check_metric("logloss", Task.BINARY)
    with pytest.raises(Invalid, match="no metric of a regression task"):
        check_metric("auc", Task.REGRESSION)


def test_the_default_metric_is_that_of_the_task():
    assert [check_metric(None, task) for task in Task] == ["auc", "log_loss", "r2"]


def test_curves_are_bounded_and_go_from_corner_to_corner():
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 5_000)
    scored = binary(list(np.clip(generator.normal(0.4 + 0.2 * truth, 0.2), 0, 1)))

    report = compare(scored, truth, ("no", "yes"))

    assert report.roc is not None
    assert report.precision_recall is not None
    assert report.calibration is not None
    assert report.confusion is not None
    assert len(report.roc.x) <= 200
    assert (report.roc.x[0], report.roc.y[0], report.roc.x[-1], report.roc.y[-1]) == (0, 0, 1, 1)
    assert max(report.roc.thresholds) <= 1.0
    assert sum(one.rows for one in report.calibration) == 5_000
    assert sum(sum(row) for row in report.confusion.counts) == 5_000
    assert report.confusion.counts[1][1] == int(((truth == 1) & (scored.values == 1)).sum())
