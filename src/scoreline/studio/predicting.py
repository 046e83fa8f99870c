"""Batch predictions of a fitted model: the original model, many rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from scoreline.core.model import Task
from scoreline.studio.encoding import EncodedRows
from scoreline.studio.metrics import Scored
from scoreline.studio.model_files import FittedModel
from scoreline.studio.threads import one_thread

_ROWS_AT_ONCE = 50_000
_VALUES_AT_ONCE = 2_000_000  # of the encoded matrix: bounds its memory


def predict(
    model: FittedModel, frame: pd.DataFrame, task: Task, *, classes: int, threshold: float | None
) -> Scored:
    """Predictions of all rows of a feature frame, in order.

    `classes` is how many there are; 0 for a regression. Without a `threshold` the most probable is predicted.
    """
    with one_thread():
        parts = list(_raw(model, frame, task))
    if task is Task.REGRESSION:
        return Scored(task, np.concatenate(parts) if parts else np.empty(0), None)
    probas = np.concatenate(parts) if parts else np.empty((0, classes))
    return Scored(task, labels(probas, threshold), probas)


def labels(probas: np.ndarray[Any, Any], threshold: float | None) -> np.ndarray[Any, Any]:
    """Codes of the predicted classes: by threshold (binary), or the most probable, the first of equals."""
    if threshold is not None:
        positive: np.ndarray[Any, Any] = (probas[:, -1] >= threshold).astype(np.int64)
        return positive
    most: np.ndarray[Any, Any] = np.argmax(probas, axis=1)
    return most


def _raw(model: FittedModel, frame: pd.DataFrame, task: Task) -> Iterator[np.ndarray[Any, Any]]:
    """The model's answers, part by part: the matrix of all rows could be too large."""
    if not isinstance(model, Pipeline):
        for start in range(0, len(frame), _ROWS_AT_ONCE):
            yield _answers(model, frame.iloc[start : start + _ROWS_AT_ONCE], task)
        return
    if not len(frame):
        return
    encoded, estimator = EncodedRows(model.named_steps["encode"], frame), model.named_steps["model"]
    step = min(_ROWS_AT_ONCE, max(1_000, _VALUES_AT_ONCE // max(1, encoded.width)))
    for start in range(0, len(frame), step):
        yield _answers(estimator, encoded.matrix(start, start + step), task)


def _answers(model: Any, rows: Any, task: Task) -> np.ndarray[Any, Any]:
    answers = model.predict(rows) if task is Task.REGRESSION else model.predict_proba(rows)
    return np.asarray(answers, dtype=np.float64)
