"""Drift: how far the rows of today differ from those of a reference, in numbers and in words for them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

ColumnHandling = Literal["numeric", "category", "leave_out"]


class DriftSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows are compared with the reference."""

    columns: dict[str, ColumnHandling] = {}
    """Columns that are compared in another way than by default, or left out. By default features are compared
    as the model handles them, other columns by their type; dates and ids are left out."""
    classifier_rows: Annotated[int, Meta(ge=100, le=200_000)] = 10_000
    """Rows of each side, at most, that the domain classifier sees; half of them to learn from."""
    confidence: Annotated[float, Meta(gt=0, lt=1)] = 0.95
    """Of the interval around the domain classifier's accuracy."""


class Cell(Struct, frozen=True, kw_only=True):
    """Rows of both sides in one cell of a distribution."""

    label: str
    """A category, or a range such as `(10, 25.5]`."""
    reference: int
    current: int


class ColumnDrift(Struct, frozen=True, kw_only=True):
    """One column, compared. What does not apply to its handling, or cannot be computed, is None."""

    handling: Literal["numeric", "category"]
    p_value: float | None
    """How likely a difference such as this is when there is no drift: by Kolmogorov and Smirnov for numbers,
    by chi-square for categories and for numbers with few different values; missing values included."""
    js: float | None
    """Jensen-Shannon distance to the base 2, of 0 to 1, over the cells."""
    psi: float | None
    """Population stability index over the cells."""
    ks: float | None = None
    """Kolmogorov-Smirnov statistic, the greatest distance of the two distribution functions."""
    ks_p_value: float | None = None
    wasserstein: float | None = None
    """In the unit of the column."""
    wasserstein_scaled: float | None = None
    """In standard deviations of the reference."""
    chi_square: float | None = None
    chi_square_p_value: float | None = None
    null_rate: float | None = None
    reference_null_rate: float | None = None
    null_rate_p_value: float | None = None
    """Of the difference of the two."""
    new_categories: dict[str, int] = {}
    """The most frequent categories that the reference does not have, with their rows."""
    new_category_count: int | None = None
    new_category_share: float | None = None
    """Share of the rows that have one."""
    cells: tuple[Cell, ...] = ()


class DomainClassifier(Struct, frozen=True, kw_only=True):
    """How well a classifier tells current rows from as many of the reference, on rows it has not seen."""

    accuracy: float
    """0.5: not at all."""
    lower: float
    upper: float
    """The exact confidence interval."""
    confidence: float
    p_value: float
    """Of an accuracy as great as this by guessing (one-sided binomial test)."""
    rows: int
    """Rows it was tested on, both sides together."""
    importance: dict[str, float]
    """Accuracy lost when one column is shuffled, the greatest first."""


class PredictionDrift(Struct, frozen=True, kw_only=True):
    """Predictions, compared."""

    classes: ColumnDrift | None = None
    """Predicted classes; None for a regression."""
    values: ColumnDrift | None = None
    """Probabilities of the positive class, or predicted numbers; None for several classes."""

    @property
    def leading(self) -> ColumnDrift | None:
        """The one that checks look at: the values where there are some, else the classes."""
        return self.values or self.classes


class MetricDrift(Struct, frozen=True, kw_only=True):
    """One metric on both sides."""

    reference: float
    current: float
    change: float
    """Current minus reference."""
    p_value: float | None
    """Of a change as great as this, in either direction, when the model is as good as it was; None for a
    metric that has no such test."""


class DriftReport(Struct, frozen=True, kw_only=True):
    """Everything that was compared."""

    reference_rows: int
    rows: int
    classifier: DomainClassifier | None
    """None: too few rows, or nothing to compare."""
    columns: dict[str, ColumnDrift]
    left_out: dict[str, str]
    """Column -> why it was not compared."""
    predictions: PredictionDrift | None = None
    performance: dict[str, MetricDrift] = {}
    """By metric; empty unless the truth of rows is known on both sides."""
