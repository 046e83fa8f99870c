"""From which probability on a binary model predicts the positive class: the value that is best by a rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoreline.core.model import Threshold


def choose_threshold(rule: Threshold, truth: np.ndarray[Any, Any], proba: np.ndarray[Any, Any]) -> float:
    """The threshold for probabilities `proba` of the positive class; `truth` is 1 where it is positive.

    It lies half-way between two neighbouring probabilities, so that rounding does not change a label.
    Of equally good ones, the greatest.
    """
    if rule.rule == "fixed":
        return rule.value
    order = np.argsort(-proba, kind="stable")
    ranked = proba[order]
    positives = np.cumsum(truth[order] == 1)
    last_of_value = np.append(ranked[1:] != ranked[:-1], True)
    true_positive = positives[last_of_value].astype(float)
    predicted = (np.arange(len(ranked)) + 1.0)[last_of_value]
    scores = _scores(rule.rule, true_positive, predicted, float(positives[-1]), float(len(truth)))
    values = ranked[last_of_value]
    best = int(np.argmax(scores))
    below = float(values[best + 1]) if best + 1 < len(values) else 0.0
    return (float(values[best]) + below) / 2


def _scores(
    rule: str,
    true_positive: np.ndarray[Any, Any],
    predicted: np.ndarray[Any, Any],
    positive: float,
    rows: float,
) -> np.ndarray[Any, Any]:
    negative = rows - positive
    false_positive = predicted - true_positive
    scores: np.ndarray[Any, Any]
    if rule == "accuracy":
        scores = true_positive + negative - false_positive
    elif rule == "youden":
        scores = true_positive / max(positive, 1.0) - false_positive / max(negative, 1.0)
    else:
        scores = 2 * true_positive / (predicted + positive)
    return scores
