"""Batch predictions of a fitted model: the original model, many rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scoreline.core.model import Task
from scoreline.studio.metrics import Scored
from scoreline.studio.model_files import FittedModel
from scoreline.studio.threads import one_thread

_ROWS_AT_ONCE = 50_000  # bounds the memory of the encoded matrix


def predict(
    model: FittedModel, frame: pd.DataFrame, task: Task, *, classes: int, threshold: float | None
) -> Scored:
    """Predictions of all rows of a feature frame, in order.

    `classes` is how many there are; 0 for a regression. Without a `threshold` the most probable is predicted.
    """
    parts = [
        _raw(model, frame.iloc[start : start + _ROWS_AT_ONCE], task)
        for start in range(0, len(frame), _ROWS_AT_ONCE)
    ]
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


def _raw(model: FittedModel, frame: pd.DataFrame, task: Task) -> np.ndarray[Any, Any]:
    with one_thread():
        if task is Task.REGRESSION:
            return np.asarray(model.predict(frame), dtype=np.float64)
        return np.asarray(model.predict_proba(frame), dtype=np.float64)
