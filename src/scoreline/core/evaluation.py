"""Evaluations: a model version, or predictions made elsewhere, measured on a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

from scoreline.core.drift import ColumnDrift, DriftReport, DriftSettings
from scoreline.core.model import METRICS, Task
from scoreline.core.model_report import Distribution, PerformanceReport


class ReferenceRows(Struct, frozen=True, kw_only=True):
    """The rows that drift is measured against."""

    kind: Literal["test_rows", "dataset"]
    """The test rows of the model version, or a dataset."""
    id: str
    """Id of the model version or of the dataset."""
    digest: str
    rows: int


class CustomMetric(Struct, frozen=True, kw_only=True):
    """A number that was measured elsewhere, as whoever gave it calls it."""

    value: float
    name: str = ""
    description: str = ""


class Evaluation(Struct, frozen=True, kw_only=True):
    """The outcome of one evaluation, as an evaluation store keeps it."""

    id: str
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    recipe: str
    """The recipe that made it; empty: its numbers were given, and there are no rows."""
    seed: int
    model: str | None
    """None: the predictions, if any, were in the dataset."""
    model_version: str | None
    model_digest: str | None
    task: Task | None
    """None: there are no predictions."""
    dataset: str
    dataset_digest: str
    rows: int
    scored: int
    """Rows that have a prediction; the others lack a required feature."""
    measured: int
    """Scored rows whose truth is known: what the metrics are over."""
    metrics: dict[str, float]
    """Empty when no truth is known."""
    performance: PerformanceReport
    predictions: Distribution | None
    """Over the scored rows; None: there are no predictions."""
    reference: ReferenceRows | None
    drift: DriftReport | None
    """None where there is no reference."""
    drift_problem: str = ""
    """Why there is none."""
    settings: DriftSettings = DriftSettings()
    libraries: dict[str, str] = {}
    """Name -> version."""
    custom: dict[str, CustomMetric] = {}
    """By code, what was measured elsewhere. Where a code is a metric's, it stands in `metrics`, too."""


CUSTOM = "custom_"
"""How the names of the numbers begin that were measured elsewhere under codes of their own."""

_COUNTS = ("rows", "scored", "measured")
_MEASURED = tuple(dict.fromkeys(name for metrics in METRICS.values() for name in metrics))
_CLASSIFIER = {
    "data_drift": "accuracy",
    "data_drift_lower": "lower",
    "data_drift_p_value": "p_value",
}
_PREDICTIONS = ("p_value", "js", "psi", "ks", "wasserstein", "wasserstein_scaled")
_COLUMN = (
    "p_value",
    "js",
    "psi",
    "ks",
    "ks_p_value",
    "wasserstein",
    "wasserstein_scaled",
    "chi_square",
    "chi_square_p_value",
    "null_rate",
    "null_rate_p_value",
    "new_category_count",
    "new_category_share",
)

COLUMN_NUMBERS = (*(f"column_{name}" for name in _COLUMN), "column_null_rate_change")
"""Numbers that every compared column has, or may have."""
NUMBERS = (
    *_MEASURED,
    *_COUNTS,
    *_CLASSIFIER,
    *(f"prediction_drift_{name}" for name in _PREDICTIONS),
    *(f"{name}_{what}" for name in _MEASURED for what in ("change", "change_p_value")),
)
"""Numbers that an evaluation as a whole has, or may have."""


def numbers(evaluation: Evaluation) -> dict[str, float]:
    """Every number that the evaluation has as a whole, by name: in the order of `NUMBERS`, then others."""
    found = dict(_whole_numbers(evaluation))
    others = {
        f"{CUSTOM}{code}": metric.value
        for code, metric in evaluation.custom.items()
        if code not in evaluation.metrics
    }
    return {name: found[name] for name in NUMBERS if name in found} | others


def column_numbers(evaluation: Evaluation, name: str) -> dict[str, float]:
    """One of `COLUMN_NUMBERS` for each compared column that has it."""
    columns = evaluation.drift.columns if evaluation.drift is not None else {}
    found = {column: _of_column(drift, name.removeprefix("column_")) for column, drift in columns.items()}
    return {column: value for column, value in found.items() if value is not None}


def next_evaluation_id(taken: Iterable[str]) -> str:
    """The id of the next evaluation by a recipe: e1, e2, … the first number above all that are taken."""
    return _next_id("e", taken)


def next_given_id(taken: Iterable[str]) -> str:
    """The id of the next evaluation whose numbers are given: g1, g2, …"""
    return _next_id("g", taken)


def is_recipe_id(evaluation_id: str) -> bool:
    """Whether an id is one of those that evaluations by recipes get."""
    return _counted("e", evaluation_id) is not None


def _next_id(letter: str, taken: Iterable[str]) -> str:
    counted = [number for name in taken if (number := _counted(letter, name)) is not None]
    return f"{letter}{max(counted, default=0) + 1}"


def _counted(letter: str, name: str) -> int | None:
    match = re.fullmatch(letter + r"(\d{1,9})", name)
    return int(match[1]) if match else None


def _whole_numbers(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    yield from evaluation.metrics.items()
    if evaluation.recipe:
        for name in _COUNTS:
            yield name, getattr(evaluation, name)
    drift = evaluation.drift
    if drift is None:
        return
    if drift.classifier is not None:
        for name, field in _CLASSIFIER.items():
            yield name, getattr(drift.classifier, field)
    leading = drift.predictions.leading if drift.predictions is not None else None
    if leading is not None:
        for name in _PREDICTIONS:
            value = getattr(leading, name)
            if value is not None:
                yield f"prediction_drift_{name}", value
    for metric, change in drift.performance.items():
        yield f"{metric}_change", change.change
        if change.p_value is not None:
            yield f"{metric}_change_p_value", change.p_value


def _of_column(drift: ColumnDrift, name: str) -> float | None:
    if name == "null_rate_change":
        if drift.null_rate is None or drift.reference_null_rate is None:
            return None
        return drift.null_rate - drift.reference_null_rate
    value: float | None = getattr(drift, name)
    return value
