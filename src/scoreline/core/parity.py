"""Parity: how well an exported scorer agrees with the pipeline it was exported from."""

from __future__ import annotations

from msgspec import Struct


class ParityReport(Struct, frozen=True, kw_only=True):
    """The outcome of comparing a scorer with the original pipeline, record by record."""

    passed: bool
    rows: int
    """Rows compared that come from the data."""
    built_rows: int
    """Rows compared that were built to be difficult (nulls, unseen categories, thresholds and neighbours)."""
    max_difference: float
    """Greatest absolute difference of a probability or a value."""
    tolerance: float
    exact_required: bool
    """Whether every bit had to be equal."""
    label_mismatches: int
    """Rows on which the predicted class differed."""
    kernel_equals_twin: bool | None = None
    """Whether kernel and pure-Python twin gave the same bits; None: one of them is not there."""
    first_failures: tuple[str, ...] = ()
    """What went wrong, in words; at most a few."""
    seconds: float = 0.0
