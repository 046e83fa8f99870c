"""Permutation importance: how much worse a model gets when one feature is shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from scoreline.core.model import Task
from scoreline.core.model_report import Importance
from scoreline.studio.holdout import sample_rows
from scoreline.studio.metrics import gain, measure
from scoreline.studio.model_files import FittedModel
from scoreline.studio.predicting import predict

_MOST_ROWS = 2_000
_REPEATS = 3


def permutation_importance(
    model: FittedModel,
    frame: pd.DataFrame,
    truth: np.ndarray[Any, Any],
    *,
    task: Task,
    classes: int,
    threshold: float | None,
    metric: str,
    seed: int,
) -> tuple[str, tuple[Importance, ...]]:
    """Importance of every column of the frame, the greatest first; measured on at most 2,000 of its rows.

    The metric comes with it: `metric`, or log_loss or rmse where that is not defined on these rows.
    """
    places = sample_rows(truth, task, most=_MOST_ROWS, seed=seed)
    rows, known = frame.iloc[places].reset_index(drop=True), truth[places]
    generator = np.random.default_rng(seed)

    def measured(shuffled: pd.DataFrame) -> dict[str, float]:
        return measure(predict(model, shuffled, task, classes=classes, threshold=threshold), known)

    before = measured(rows)
    if metric not in before:
        metric = "rmse" if task is Task.REGRESSION else "log_loss"
    best = gain(metric, before[metric])
    found = []
    for name in rows.columns:
        losses = []
        for _ in range(_REPEATS):
            shuffled = rows[name].take(generator.permutation(len(rows))).reset_index(drop=True)
            losses.append(best - gain(metric, measured(rows.assign(**{name: shuffled}))[metric]))
        found.append(Importance(feature=name, mean=float(np.mean(losses)), deviation=float(np.std(losses))))
    return metric, tuple(sorted(found, key=lambda importance: -importance.mean))
