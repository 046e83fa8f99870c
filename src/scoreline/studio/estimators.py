"""The algorithms of recipes as estimators of scikit-learn, LightGBM and XGBoost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sklearn import ensemble, linear_model

from scoreline.core.model import (
    Algorithm,
    GradientBoosting,
    HistGradientBoosting,
    LightGBM,
    Logistic,
    RandomForest,
    Ridge,
    Task,
    XGBoost,
)
from scoreline.errors import MissingExtra

# Newton's method solves a system of this size at each step; above it, lbfgs is quicker.
_LARGEST_NEWTON = 2_000

# Sums over threads depend on how many there are; with one they are the same on every machine.
_BOOSTER_THREADS = 1

NATIVE_CATEGORIES = (HistGradientBoosting, LightGBM, XGBoost)
"""Algorithms with categorical splits of their own."""

SPARSE_INPUT = (Logistic, RandomForest, GradientBoosting)
"""Algorithms that fit much faster on sparse columns, to the same kind of model."""


def make_estimator(
    algorithm: Algorithm, task: Task, *, seed: int, width: int, classes: int, categorical: Sequence[int]
) -> Any:
    """An estimator to be fitted on `width` columns; those in `categorical` hold category codes.

    Raises MissingExtra when the library is not installed.
    """
    kind = "Regressor" if task is Task.REGRESSION else "Classifier"
    match algorithm:
        case Logistic():
            newton = width * (classes if classes > 2 else 1) <= _LARGEST_NEWTON
            solver = "newton-cholesky" if newton else "lbfgs"
            return linear_model.LogisticRegression(C=algorithm.c, solver=solver, max_iter=1_000)
        case Ridge():
            return linear_model.Ridge(
                alpha=algorithm.alpha, solver="cholesky" if algorithm.alpha > 0 else "svd"
            )
        case RandomForest():
            return getattr(ensemble, f"RandomForest{kind}")(
                n_estimators=algorithm.trees,
                max_depth=algorithm.max_depth,
                min_samples_leaf=algorithm.min_leaf,
                random_state=seed,
                n_jobs=os.cpu_count(),
            )
        case GradientBoosting():
            return getattr(ensemble, f"GradientBoosting{kind}")(
                n_estimators=algorithm.trees,
                max_depth=algorithm.max_depth,
                learning_rate=algorithm.learning_rate,
                subsample=algorithm.subsample,
                random_state=seed,
            )
        case HistGradientBoosting():
            return getattr(ensemble, f"HistGradientBoosting{kind}")(
                max_iter=algorithm.trees,
                max_leaf_nodes=algorithm.max_leaves,
                learning_rate=algorithm.learning_rate,
                categorical_features=list(categorical) or None,
                early_stopping=False,
                random_state=seed,
            )
        case LightGBM():
            return _lightgbm(algorithm, kind, seed)
        case XGBoost():
            return _xgboost(algorithm, kind, seed, width, categorical)


def _lightgbm(algorithm: LightGBM, kind: str, seed: int) -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("lightgbm", "the algorithm lightgbm") from error
    return getattr(lightgbm, f"LGBM{kind}")(
        n_estimators=algorithm.trees,
        num_leaves=algorithm.max_leaves,
        learning_rate=algorithm.learning_rate,
        deterministic=True,
        force_row_wise=True,
        n_jobs=_BOOSTER_THREADS,
        random_state=seed,
        verbosity=-1,
    )


def _xgboost(algorithm: XGBoost, kind: str, seed: int, width: int, categorical: Sequence[int]) -> Any:
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtra("xgboost", "the algorithm xgboost") from error
    codes = set(categorical)
    return getattr(xgboost, f"XGB{kind}")(
        n_estimators=algorithm.trees,
        max_depth=algorithm.max_depth,
        learning_rate=algorithm.learning_rate,
        tree_method="hist",
        n_jobs=_BOOSTER_THREADS,
        random_state=seed,
        enable_categorical=bool(codes),
        feature_types=["c" if place in codes else "q" for place in range(width)] if codes else None,
    )
