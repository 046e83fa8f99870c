"""Parity: how well an exported scorer agrees with the pipeline it was exported from."""

from __future__ import annotations

from msgspec import Struct


class ParityReport(Struct, frozen=True, kw_only=True):
    """What the parity check of a scorer found."""

    rows: int
    """Rows from the data, or whose values are from the data."""
    built_rows: int
    """Rows made up: missing values, unseen categories, thresholds and their neighbours, extremes, types."""
    refused: int
    """Of these, rows that the scorer refuses or leaves out, as the original does."""
    max_difference: float
    tolerance: float
    exact_required: bool
    """Whether every answer must equal the original's bit for bit."""
    unequal: int
    """Answers that differ from the original's, if only in the last bit."""
    label_mismatches: int
    kernel_equals_twin: bool | None
    """Whether kernel and twin agree bit for bit; None when there is no kernel, or nothing for it to do."""
    twin_rows: int
    """On how many rows kernel and twin were compared."""
    passed: bool
    first_failures: tuple[str, ...]
    """What went wrong on the first few rows; names features, holds no values of the data."""
    seconds: float
