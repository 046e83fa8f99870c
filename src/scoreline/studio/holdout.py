"""The rows that are kept from training, to test on."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoreline.core.model import Task


def split_rows(
    target: np.ndarray[Any, Any], task: Task, *, test_share: float, seed: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Places of the training rows and of the test rows, each ascending.

    Classes keep their shares, and each has at least one row on both sides. A regression has at least two.
    """
    generator = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        groups, least = [np.arange(len(target))], 2
    else:
        groups, least = [np.flatnonzero(target == code) for code in np.unique(target)], 1
    chosen = []
    for group in groups:
        count = min(max(round(len(group) * test_share), least), len(group) - least)
        chosen.append(generator.permutation(group)[:count])
    test = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(len(target)), test, assume_unique=True), test


def sample_rows(target: np.ndarray[Any, Any], task: Task, *, most: int, seed: int) -> np.ndarray[Any, Any]:
    """Places of at most about `most` rows, ascending; classes keep their shares."""
    if len(target) <= most:
        return np.arange(len(target))
    return split_rows(target, task, test_share=most / len(target), seed=seed)[1]
