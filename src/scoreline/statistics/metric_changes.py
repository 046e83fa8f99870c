"""Whether a model predicts worse than it did: p-values of the change of metrics between two sets of rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from scoreline.core.model import Task
from scoreline.statistics.two_samples import rate_p_value

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Judged:
    """Predictions of rows whose truth is known. Classes are codes; of a binary task 1 is the positive one."""

    task: Task
    truth: Numbers
    values: Numbers
    probas: Numbers | None
    """One column for each class; None where there are none."""


def change_p_values(reference: Judged, current: Judged) -> dict[str, float]:
    """By metric, how likely a change as great as this is, in either direction, when nothing has changed.

    Rates are compared by chi-square, means of losses by Welch's test, areas under the ROC curve by DeLong's.
    A metric that has no such test is not there.
    """
    found = dict(_p_values(reference, current))
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _p_values(reference: Judged, current: Judged) -> Iterator[tuple[str, float]]:
    if reference.task is Task.REGRESSION:
        errors = [side.truth - side.values for side in (reference, current)]
        yield "mae", _welch(*(np.abs(error) for error in errors))
        yield "rmse", _welch(*(error**2 for error in errors))
        return
    sides = (reference, current)
    yield "accuracy", _rate(*(side.values == side.truth for side in sides))
    if reference.task is Task.BINARY:
        yield "precision", _rate(*(side.truth[side.values == 1] == 1 for side in sides))
        yield "recall", _rate(*(side.values[side.truth == 1] == 1 for side in sides))
    probable = [(side.probas, side.truth) for side in sides if side.probas is not None]
    if len(probable) < 2:
        return
    yield "log_loss", _welch(*(_log_losses(probas, truth) for probas, truth in probable))
    if reference.task is Task.BINARY:
        positive = [(probas[:, -1], truth) for probas, truth in probable]
        yield "brier", _welch(*((proba - truth) ** 2 for proba, truth in positive))
        yield "auc", _de_long(*positive)


def _rate(reference: Numbers, current: Numbers) -> float:
    if not len(reference) or not len(current):
        return math.nan
    return rate_p_value(int(reference.sum()), len(reference), int(current.sum()), len(current))


def _welch(reference: Numbers, current: Numbers) -> float:
    """Of the difference of two means. NaN where there is too little to tell."""
    if min(len(reference), len(current)) < 2 or not (reference.var() or current.var()):
        return math.nan
    return float(stats.ttest_ind(reference, current, equal_var=False).pvalue)


def _log_losses(probas: Numbers, truth: Numbers) -> Numbers:
    likelihoods = probas[np.arange(len(truth)), truth]
    losses: Numbers = -np.log(np.clip(likelihoods, np.finfo(np.float64).eps, 1.0))
    return losses


def _de_long(reference: tuple[Numbers, Numbers], current: tuple[Numbers, Numbers]) -> float:
    areas = [area_and_variance(proba, truth) for proba, truth in (reference, current)]
    if any(found is None for found in areas):
        return math.nan
    (before, before_variance), (after, after_variance) = (found for found in areas if found is not None)
    variance = before_variance + after_variance
    return float(2 * stats.norm.sf(abs(after - before) / math.sqrt(variance))) if variance > 0 else math.nan


def area_and_variance(proba: Numbers, truth: Numbers) -> tuple[float, float] | None:
    """The area under the ROC curve and its variance by DeLong; None with fewer than 2 rows of a class."""
    positive, negative = proba[truth == 1], proba[truth == 0]
    if min(len(positive), len(negative)) < 2:
        return None
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    among = (stats.rankdata(positive), stats.rankdata(negative))
    above = (ranks[: len(positive)] - among[0]) / len(negative)
    below = 1 - (ranks[len(positive) :] - among[1]) / len(positive)
    variance = above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative)
    return float(above.mean()), float(variance)
