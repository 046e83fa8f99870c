"""Evaluations: a model version measured on a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from scoreline.core.model import Task
from scoreline.core.model_report import Distribution, PerformanceReport


class Evaluation(Struct, frozen=True, kw_only=True):
    """The outcome of one evaluation, as an evaluation store keeps it."""

    id: str
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    model: str
    model_version: str
    model_digest: str
    task: Task
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
    predictions: Distribution
    """Over the scored rows."""


def next_evaluation_id(taken: Iterable[str]) -> str:
    """The id of the next evaluation: e1, e2, … the first number above all that are taken."""
    numbers = [int(match[1]) for name in taken if (match := re.fullmatch(r"e(\d{1,9})", name))]
    return f"e{max(numbers, default=0) + 1}"
