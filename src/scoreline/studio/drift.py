"""Drift of an evaluation: columns, predictions and metrics against those of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scoreline.core.drift import (
    ColumnDrift,
    DriftReport,
    DriftSettings,
    MetricDrift,
    PredictionDrift,
)
from scoreline.core.model import Task
from scoreline.statistics.columns import compare_columns, compare_counts
from scoreline.statistics.domain_classifier import tell_apart
from scoreline.statistics.metric_changes import change_p_values
from scoreline.studio.compared_columns import ComparedColumns
from scoreline.studio.evaluated_rows import Array, EvaluatedRows
from scoreline.studio.metrics import Scored, measure


def drift_report(
    compared: ComparedColumns,
    reference: EvaluatedRows | None,
    current: EvaluatedRows | None,
    *,
    rows: tuple[int, int],
    settings: DriftSettings,
    seed: int,
    scratch: Path,
) -> DriftReport:
    """Everything that is compared; `rows` of the reference and of today. `scratch` is a folder of its own."""
    predictions: PredictionDrift | None = None
    performance: dict[str, MetricDrift] = {}
    if reference is not None and current is not None:
        predictions = _prediction_drift(reference, current, scratch)
        performance = _performance_drift(reference, current)
    return DriftReport(
        reference_rows=rows[0],
        rows=rows[1],
        classifier=tell_apart(
            compared.reference,
            compared.current,
            rows=settings.classifier_rows,
            confidence=settings.confidence,
            seed=seed,
        ),
        columns=compare_columns(compared.reference, compared.current, scratch),
        left_out=compared.left_out,
        predictions=predictions,
        performance=performance,
    )


def _prediction_drift(reference: EvaluatedRows, current: EvaluatedRows, scratch: Path) -> PredictionDrift:
    before, after = reference.scored, current.scored
    values = _values(before), _values(after)
    compared: ColumnDrift | None = None
    if values[0] is not None and values[1] is not None:
        compared = compare_columns({"value": values[0]}, {"value": values[1]}, scratch)["value"]
    if before.task is Task.REGRESSION:
        return PredictionDrift(values=compared)
    classes = compare_counts(*(_counts(side.scored.values, side.classes) for side in (reference, current)))
    return PredictionDrift(classes=classes, values=compared)


def _values(scored: Scored) -> Array | None:
    """What is drawn as one distribution: predicted numbers, or probabilities of the positive class."""
    if scored.task is Task.REGRESSION:
        return scored.values
    return scored.positive if scored.task is Task.BINARY and scored.probas is not None else None


def _counts(codes: Array, classes: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(classes)).tolist()
    return {label: count for label, count in zip(classes, counts, strict=True) if count}


def _performance_drift(reference: EvaluatedRows, current: EvaluatedRows) -> dict[str, MetricDrift]:
    before, after = measure(*reference.measured), measure(*current.measured)
    if not before or not after:
        return {}
    p_values = change_p_values(reference.judged, current.judged)
    return {
        name: MetricDrift(
            reference=before[name],
            current=after[name],
            change=after[name] - before[name],
            p_value=p_values.get(name),
        )
        for name in after
        if name in before
    }
