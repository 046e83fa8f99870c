"""Metrics of predictions against the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics

from scoreline.core.model import METRICS, Task
from scoreline.core.names import did_you_mean
from scoreline.errors import Invalid

_SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "median_ae"})


@dataclass(frozen=True)
class Scored:
    """Predictions of some rows. Labels are codes: places in the signature's classes."""

    task: Task
    values: np.ndarray[Any, Any]
    """Predicted codes (int) or numbers (double)."""
    probas: np.ndarray[Any, Any] | None
    """One column for each class; None for a regression, and where only classes are known."""

    @property
    def positive(self) -> np.ndarray[Any, Any]:
        """Binary: the probability of the positive class."""
        assert self.probas is not None
        return np.ascontiguousarray(self.probas[:, -1])


def check_metric(name: str | None, task: Task) -> str:
    """The metric that decides: `name` if the task has it, the default for None. Raises Invalid."""
    if name is None:
        return METRICS[task][0]
    if name not in METRICS[task]:
        raise Invalid(f"{name!r} is no metric of a {task.value} task; {did_you_mean(name, METRICS[task])}")
    return name


def gain(name: str, value: float) -> float:
    """A metric's value so that more is better."""
    return -value if name in _SMALLER_IS_BETTER else value


def measure(scored: Scored, truth: np.ndarray[Any, Any]) -> dict[str, float]:
    """Every metric of the task that is defined on these rows: without rows of two classes there is no auc."""
    if not len(truth):
        return {}
    if scored.task is Task.REGRESSION:
        measured = _regression(scored.values, truth)
    elif scored.task is Task.BINARY:
        measured = _binary(scored, truth)
    else:
        measured = _multiclass(scored, truth)
    order = METRICS[scored.task]
    return {
        name: float(measured[name]) for name in order if name in measured and math.isfinite(measured[name])
    }


def _binary(scored: Scored, truth: np.ndarray[Any, Any]) -> Mapping[str, float]:
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, scored.values, average="binary", pos_label=1, zero_division=0.0
    )
    of_labels = {"precision": precision, "recall": recall, "f1": f1, **_labels(scored.values, truth)}
    if scored.probas is None:
        return of_labels
    proba = scored.positive
    ranked = {}
    if len(np.unique(truth)) == 2:
        ranked["auc"] = metrics.roc_auc_score(truth, proba)
        ranked["average_precision"] = metrics.average_precision_score(truth, proba)
    return ranked | {
        "log_loss": _log_loss(scored, truth),
        "brier": float(np.mean((proba - truth) ** 2)),
        **of_labels,
    }


def _multiclass(scored: Scored, truth: np.ndarray[Any, Any]) -> Mapping[str, float]:
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, scored.values, labels=list(np.unique(truth)), average="macro", zero_division=0.0
    )
    of_labels = {"precision": precision, "recall": recall, "f1": f1, **_labels(scored.values, truth)}
    if scored.probas is None:
        return of_labels
    areas = [
        metrics.roc_auc_score(truth == code, scored.probas[:, code])
        for code in range(scored.probas.shape[1])
        if 0 < (truth == code).sum() < len(truth)
    ]
    return ({"auc": float(np.mean(areas))} if areas else {}) | {
        "log_loss": _log_loss(scored, truth),
        **of_labels,
    }


def _log_loss(scored: Scored, truth: np.ndarray[Any, Any]) -> float:
    """As scikit-learn's, which wants probabilities to sum to 1 more closely than those of XGBoost do."""
    assert scored.probas is not None
    likelihoods = scored.probas[np.arange(len(truth)), truth]
    return float(-np.mean(np.log(np.clip(likelihoods, np.finfo(np.float64).eps, 1.0))))


def _labels(predicted: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> dict[str, float]:
    present = np.unique(truth)
    recalls = [float((predicted[truth == code] == code).mean()) for code in present]
    several = len(present) > 1
    return {
        "accuracy": float((predicted == truth).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        **({"mcc": metrics.matthews_corrcoef(truth, predicted)} if several else {}),
    }


def _regression(predicted: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> Mapping[str, float]:
    errors = truth - predicted
    several = len(truth) > 1 and float(np.ptp(truth)) > 0
    return ({"r2": metrics.r2_score(truth, predicted)} if several else {}) | {
        "rmse": math.sqrt(float(np.mean(errors**2))),
        "mae": float(np.mean(np.abs(errors))),
        "median_ae": float(np.median(np.abs(errors))),
    }
