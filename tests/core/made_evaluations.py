"""Evaluations made by hand, for tests of what is said of them."""

from __future__ import annotations

from typing import Any

from scoreline.core.drift import ColumnDrift, DomainClassifier, DriftReport, MetricDrift, PredictionDrift
from scoreline.core.evaluation import Evaluation
from scoreline.core.model import Task
from scoreline.core.model_report import PerformanceReport


def made_evaluation(**changes: Any) -> Evaluation:
    """An evaluation of nothing in particular."""
    return Evaluation(
        **{
            "id": "e1",
            "created_at": "2018-06-01T00:00:00+00:00",
            "created_by": "ann",
            "recipe": "r",
            "seed": 1,
            "model": "m",
            "model_version": "t1",
            "model_digest": "abc",
            "task": Task.BINARY,
            "dataset": "news",
            "dataset_digest": "def",
            "rows": 100,
            "scored": 90,
            "measured": 80,
            "metrics": {"auc": 0.8, "log_loss": 0.3},
            "performance": PerformanceReport(),
            "predictions": None,
            "reference": None,
            "drift": made_drift(),
            **changes,
        }
    )


def made_drift(**changes: Any) -> DriftReport:
    """Two columns that drifted and one that did not."""
    return DriftReport(
        **{
            "reference_rows": 100,
            "rows": 100,
            "classifier": DomainClassifier(
                accuracy=0.7,
                lower=0.65,
                upper=0.75,
                confidence=0.95,
                p_value=1e-9,
                rows=100,
                importance={"amount": 0.2, "kind": 0.08, "age": 0.001},
            ),
            "columns": {
                "amount": made_column(psi=0.4, p_value=0.001, null_rate=0.2, reference_null_rate=0.05),
                "kind": ColumnDrift(
                    handling="category",
                    p_value=0.02,
                    js=0.2,
                    psi=0.15,
                    new_categories={"x": 3},
                    new_category_count=1,
                ),
                "age": made_column(psi=0.01, p_value=0.5, null_rate=0.0, reference_null_rate=0.0),
            },
            "left_out": {},
            "predictions": PredictionDrift(values=made_column(psi=0.3, p_value=0.04)),
            "performance": {"auc": MetricDrift(reference=0.9, current=0.8, change=-0.1, p_value=0.003)},
            **changes,
        }
    )


def made_column(**changes: Any) -> ColumnDrift:
    """A numeric column."""
    return ColumnDrift(
        **{"handling": "numeric", "p_value": None, "js": 0.1, "psi": None, "ks": 0.2, **changes}
    )
