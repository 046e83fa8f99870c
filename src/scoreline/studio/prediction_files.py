"""Predictions as columns of tables and as Parquet files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoreline.core.model import Task
from scoreline.studio.metrics import Scored


def prediction_columns(scored: Scored, classes: Sequence[str]) -> dict[str, pa.Array[Any]]:
    """`prediction` (label as text, or the number) and one `proba_<class>` for each class, if it is known."""
    if scored.task is Task.REGRESSION:
        return {"prediction": pa.array(scored.values, pa.float64())}
    names: Any = np.array(classes, dtype=object)[scored.values]
    columns: dict[str, pa.Array[Any]] = {"prediction": pa.array(names, pa.string())}
    if scored.probas is None:
        return columns
    for place, label in enumerate(classes):
        columns[f"proba_{label}"] = pa.array(np.ascontiguousarray(scored.probas[:, place]), pa.float64())
    return columns


def write_predictions(columns: Mapping[str, pa.Array[Any]], path: Path) -> None:
    """Write a table of predictions as one Parquet file."""
    pq.write_table(pa.table(dict(columns)), path)
