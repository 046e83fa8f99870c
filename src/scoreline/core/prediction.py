"""Predictions: what a scorer says of one record."""

from __future__ import annotations

from msgspec import Struct


class Prediction(Struct, frozen=True, gc=False):
    """The answer for one record."""

    prediction: str | float
    """The class label as text (binary, multiclass) or the value (regression)."""
    probas: dict[str, float] | None = None
    """Class label -> probability, summing to 1; None for regression."""
    percentile: int | None = None
    """Binary: percentage of the test rows whose probability of the positive class is at most this one's."""


class Ignored(Struct, frozen=True, gc=False):
    """The record was not scored."""

    reason: str
    """IGNORED_BY_MODEL (a required feature is missing), LOOKUP_KEY_MISSING, NO_LOOKUP_MATCH,
    MULTIPLE_LOOKUP_MATCHES."""
    detail: str = ""
    """Which feature, key or lookup."""
