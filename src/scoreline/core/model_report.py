"""Model reports: what is drawn and listed about a model version or an evaluation."""

from __future__ import annotations

from msgspec import Struct


class Curve(Struct, frozen=True, kw_only=True):
    """Points of a curve, each with the threshold that gives it; at most a few hundred."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float, ...]


class CalibrationBin(Struct, frozen=True, kw_only=True):
    """Rows whose predicted probability lies in one tenth of 0 to 1."""

    predicted: float
    """Mean predicted probability of the positive class."""
    observed: float
    """Share of them that are positive."""
    rows: int


class ConfusionMatrix(Struct, frozen=True, kw_only=True):
    """How often each true class was predicted as each class."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """One row for each true class, one column for each predicted class."""


class Importance(Struct, frozen=True, kw_only=True):
    """How much worse the model gets when one feature is shuffled."""

    feature: str
    mean: float
    """Mean loss of the metric over the repeats; 0 or less: the model does not need it."""
    deviation: float


class NumericDistribution(Struct, frozen=True, kw_only=True, tag_field="kind", tag="numeric"):
    """The values of a numeric column."""

    rows: int
    missing: int
    mean: float | None
    deviation: float | None
    quantiles: dict[str, float]
    """Keys 0, 0.05, 0.25, 0.5, 0.75, 0.95, 1; empty when there is no value."""


class CategoryDistribution(Struct, frozen=True, kw_only=True, tag_field="kind", tag="category"):
    """The values of a category column, or of predicted classes."""

    rows: int
    missing: int
    distinct: int
    counts: dict[str, int]
    """The most frequent values, the most frequent first."""


Distribution = NumericDistribution | CategoryDistribution


class Residuals(Struct, frozen=True, kw_only=True):
    """Errors of a regression: true minus predicted."""

    quantiles: dict[str, float]
    predicted: tuple[float, ...]
    """A sample of predictions, …"""
    true: tuple[float, ...]
    """… and the truth of the same rows."""


class PerformanceReport(Struct, frozen=True, kw_only=True):
    """How predictions compare with the truth. What does not apply to the task is None."""

    confusion: ConfusionMatrix | None = None
    roc: Curve | None = None
    """x: false positive rate, y: true positive rate."""
    precision_recall: Curve | None = None
    """x: recall, y: precision."""
    calibration: tuple[CalibrationBin, ...] | None = None
    residuals: Residuals | None = None


class ModelReport(Struct, frozen=True, kw_only=True):
    """All of it, for one model version; measured on its test rows."""

    performance: PerformanceReport
    importance: tuple[Importance, ...]
    """The most important first."""
    importance_metric: str
    features: dict[str, Distribution]
    """Over the training rows."""
    predictions: Distribution
    """Over the test rows: predicted classes, or predicted values."""
