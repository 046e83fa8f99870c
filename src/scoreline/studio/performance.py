"""How predictions compare with the truth: confusion, curves, calibration, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from scoreline.core.model import Task
from scoreline.core.model_report import (
    CalibrationBin,
    ConfusionMatrix,
    Curve,
    PerformanceReport,
    Residuals,
)
from scoreline.studio.distributions import quantiles
from scoreline.studio.metrics import Scored

_MOST_POINTS = 200
_MOST_RESIDUALS = 500
_BINS = 10


def compare(scored: Scored, truth: np.ndarray[Any, Any], classes: Sequence[str]) -> PerformanceReport:
    """Everything that is drawn of predictions whose truth is known. Empty without rows."""
    if not len(truth):
        return PerformanceReport()
    if scored.task is Task.REGRESSION:
        return PerformanceReport(residuals=_residuals(scored.values, truth))
    confusion = _confusion(scored.values, truth, classes)
    if scored.task is Task.MULTICLASS or scored.probas is None:
        return PerformanceReport(confusion=confusion)
    proba = scored.positive
    both = 0 < truth.sum() < len(truth)
    return PerformanceReport(
        confusion=confusion,
        roc=_roc(truth, proba) if both else None,
        precision_recall=_precision_recall(truth, proba) if both else None,
        calibration=_calibration(truth, proba),
    )


def _confusion(
    predicted: np.ndarray[Any, Any], truth: np.ndarray[Any, Any], classes: Sequence[str]
) -> ConfusionMatrix:
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return ConfusionMatrix(classes=tuple(classes), counts=tuple(tuple(row) for row in counts.tolist()))


def _roc(truth: np.ndarray[Any, Any], proba: np.ndarray[Any, Any]) -> Curve:
    false_positive, true_positive, thresholds = metrics.roc_curve(truth, proba)
    return _curve(false_positive, true_positive, np.minimum(thresholds, 1.0))  # the first one is infinite


def _precision_recall(truth: np.ndarray[Any, Any], proba: np.ndarray[Any, Any]) -> Curve:
    precision, recall, thresholds = metrics.precision_recall_curve(truth, proba)
    return _curve(recall, precision, np.append(thresholds, 1.0))  # at the last point nothing is predicted


def _curve(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], thresholds: np.ndarray[Any, Any]) -> Curve:
    places = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(int))
    return Curve(
        x=tuple(x[places].tolist()),
        y=tuple(y[places].tolist()),
        thresholds=tuple(thresholds[places].tolist()),
    )


def _calibration(truth: np.ndarray[Any, Any], proba: np.ndarray[Any, Any]) -> tuple[CalibrationBin, ...]:
    tenth = np.minimum((proba * _BINS).astype(int), _BINS - 1)
    return tuple(
        CalibrationBin(
            predicted=float(proba[tenth == place].mean()),
            observed=float(truth[tenth == place].mean()),
            rows=int((tenth == place).sum()),
        )
        for place in np.unique(tenth)
    )


def _residuals(predicted: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> Residuals:
    places = np.unique(np.linspace(0, len(truth) - 1, _MOST_RESIDUALS).round().astype(int))
    return Residuals(
        quantiles=quantiles(truth - predicted),
        predicted=tuple(predicted[places].tolist()),
        true=tuple(truth[places].tolist()),
    )
