"""What every evaluation keeps: its numbers, and a bounded sample of its rows."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoreline.core.evaluation import Evaluation
from scoreline.core.model import Task
from scoreline.core.model_report import Distribution, PerformanceReport
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import FEATURES, PREDICTIONS
from scoreline.studio.compared_columns import column_table
from scoreline.studio.distributions import prediction_distribution
from scoreline.studio.evaluated_rows import Array, EvaluatedRows, only
from scoreline.studio.metrics import measure
from scoreline.studio.performance import compare
from scoreline.studio.prediction_files import prediction_columns, write_predictions

_MOST_ROWS = 10_000
_MOST_VALUES = 2_000_000
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class About:
    """Where an evaluation is kept, and who makes it from what."""

    recipe: str
    evaluations: Evaluations
    dataset_digest: str
    by: str
    scratch: Path
    """A folder for what does not fit in memory."""
    log: Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """The predictions of one evaluation in numbers."""

    scored: int
    rows: int
    metrics: dict[str, float]
    performance: PerformanceReport
    predictions: Distribution | None

    @classmethod
    def of(cls, rows: EvaluatedRows | None) -> Measured:
        """Measure predictions; None: there are none."""
        if rows is None:
            return cls(0, 0, {}, PerformanceReport(), None)
        scored, truth = rows.measured
        return cls(
            scored=len(rows.places),
            rows=len(truth),
            metrics=measure(scored, truth),
            performance=compare(scored, truth, rows.classes),
            predictions=prediction_distribution(rows.scored, rows.classes),
        )


def keep(
    evaluation: Evaluation,
    evaluations: Evaluations,
    rows: EvaluatedRows | None,
    columns: Mapping[str, Array],
) -> None:
    """Keep an evaluation and a sample of its rows, drawn by its seed: at most 10,000, fewer of many columns.

    `predictions.parquet` has the place of each in the dataset, its truth if known, and its predictions;
    `features.parquet` has the same rows with the columns that were compared.
    """
    places = rows.places if rows is not None else np.arange(evaluation.rows)
    most = min(_MOST_ROWS, max(100, _MOST_VALUES // max(1, len(columns))))
    kept = np.sort(np.random.default_rng(evaluation.seed).permutation(len(places))[:most])
    features = column_table(columns, places[kept])
    while features.nbytes > _MOST_BYTES and len(kept) > 1:
        kept = kept[::2]
        features = column_table(columns, places[kept])
    with evaluations.keeping(evaluation) as folder:
        if rows is not None:
            write_predictions(_predictions(rows, kept), folder / PREDICTIONS)
        pq.write_table(features, folder / FEATURES)


def libraries() -> dict[str, str]:
    """The versions of what the numbers come from."""
    names = ("duckdb", "numpy", "scikit-learn", "scipy")
    return {name: installed_version(name) for name in names}


def now() -> str:
    """ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _predictions(rows: EvaluatedRows, kept: Array) -> dict[str, pa.Array[Any]]:
    regression = rows.scored.task is Task.REGRESSION
    truths: Any = rows.truth[kept]
    if not regression:
        truths = np.array([*rows.classes, None], dtype=object)[truths.astype(np.int64)]
    kind: Any = pa.float64() if regression else pa.string()
    return {
        "row": pa.array(rows.places[kept], pa.int64()),
        "truth": pa.array(truths, kind, mask=~rows.known[kept]),
        **prediction_columns(only(rows.scored, kept), rows.classes),
    }
