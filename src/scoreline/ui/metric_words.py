"""Metrics in words: their names, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_NAMES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "mcc": "Matthews correlation",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "median_ae": "Median absolute error",
    "rows": "Rows",
    "scored": "Rows scored",
    "measured": "Rows measured",
    "data_drift": "Data drift (accuracy of the domain classifier)",
    "data_drift_lower": "Data drift, lower bound",
    "data_drift_p_value": "Data drift, p-value",
}
_SMALLER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "median_ae"})
_ENDS = {"_change_p_value": ", p-value of its change", "_change": ", change"}
_DRIFT = {
    "p_value": "p-value",
    "js": "Jensen-Shannon",
    "psi": "PSI",
    "ks": "Kolmogorov-Smirnov",
    "wasserstein": "Wasserstein",
    "wasserstein_scaled": "Wasserstein, scaled",
}
_NO_CHANGE = 1e-12


@dataclass(frozen=True)
class Compared:
    """One metric of two things."""

    name: str
    first: float | None
    second: float | None
    change: float | None
    """Second minus first."""
    verdict: str
    """`better`, `worse`, `same`, or nothing where that cannot be said."""


def metric_name(metric: str) -> str:
    """What a metric or another number of an evaluation is called."""
    if metric in _NAMES:
        return _NAMES[metric]
    if metric.startswith("prediction_drift_"):
        rest = metric.removeprefix("prediction_drift_")
        return f"Drift of predictions, {_DRIFT.get(rest, rest)}"
    for end, words in _ENDS.items():
        if metric.endswith(end):
            return metric_name(metric.removesuffix(end)) + words
    return metric.removeprefix("custom_")


def compared(first: Mapping[str, float], second: Mapping[str, float]) -> list[Compared]:
    """The metrics of two things, side by side, in the order of the first."""
    names = list(dict.fromkeys([*first, *second]))
    return [_compared(name, first.get(name), second.get(name)) for name in names]


def leading(metric: str, metrics: Mapping[str, float], more: Sequence[str] = ()) -> list[tuple[str, float]]:
    """The metrics to show first: the one that decided, then `more`, as far as they are there."""
    wanted = dict.fromkeys([metric, *more])
    return [(name, metrics[name]) for name in wanted if name in metrics]


def _compared(name: str, first: float | None, second: float | None) -> Compared:
    change = None if first is None or second is None else second - first
    verdict = ""
    if change is not None:
        better = change < 0 if name in _SMALLER_IS_BETTER else change > 0
        verdict = "same" if abs(change) < _NO_CHANGE else "better" if better else "worse"
    return Compared(name, first, second, change, verdict)
