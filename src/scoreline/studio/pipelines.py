"""Fitted pipelines: one encoder per feature, then one estimator, as the export understands them."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from scoreline.core.model import Algorithm, FeatureHandling, LightGBM, Task
from scoreline.core.model_version import algorithm_name
from scoreline.errors import Invalid
from scoreline.scoring.values import to_category
from scoreline.studio.estimators import NATIVE_CATEGORIES, SPARSE_INPUT, make_estimator
from scoreline.studio.threads import one_thread

_MOST_NATIVE_CATEGORIES = 255  # the bins of scikit-learn's histogram gradient boosting


def fit_pipeline(
    algorithm: Algorithm,
    frame: pd.DataFrame,
    target: np.ndarray[Any, Any],
    handlings: Mapping[str, FeatureHandling],
    *,
    task: Task,
    classes: int,
    seed: int,
) -> Pipeline:
    """Fit on training rows. `target` holds doubles (regression), or codes from 0 to `classes` - 1.

    The same arguments give the same pipeline, to the last bit, however many cores there are.
    Raises Invalid when the algorithm cannot be fitted on these rows, MissingExtra when it is not installed.
    """
    native = isinstance(algorithm, NATIVE_CATEGORIES)
    sparse = isinstance(algorithm, SPARSE_INPUT) and not _keeps_missing_numbers(handlings)
    encoder = _make_encoder(frame, handlings, native=native, sparse=sparse)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        matrix = encoder.fit_transform(frame)
        categorical = _native_columns(encoder, handlings) if native else []
        estimator = make_estimator(
            algorithm, task, seed=seed, width=matrix.shape[1], classes=classes, categorical=categorical
        )
        arguments = {"categorical_feature": categorical} if isinstance(algorithm, LightGBM) else {}
        try:
            estimator.fit(matrix, target, **arguments)
        except ValueError as error:
            name, reason = algorithm_name(algorithm), str(error).splitlines()[0][:300]
            raise Invalid(
                f"{name} cannot be trained on these rows: {reason}", code="not-trainable"
            ) from error
    if hasattr(estimator, "n_jobs") and algorithm_name(algorithm) == "random_forest":
        estimator.n_jobs = 1  # with more, trees are summed up in the order in which they finish
    return Pipeline([("encode", _dense(encoder)), ("model", estimator)])


def converged(pipeline: Pipeline) -> bool:
    """Whether an iterative solver ended by itself; True for what does not iterate."""
    model = pipeline.named_steps["model"]
    limit, needed = getattr(model, "max_iter", None), getattr(model, "n_iter_", None)
    if limit is None or not isinstance(needed, np.ndarray):
        return True
    return bool(needed.max() < limit)


def _keeps_missing_numbers(handlings: Mapping[str, FeatureHandling]) -> bool:
    return any(h.handling == "numeric" and h.missing == "native" for h in handlings.values())


def _make_encoder(
    frame: pd.DataFrame, handlings: Mapping[str, FeatureHandling], *, native: bool, sparse: bool
) -> ColumnTransformer:
    branches = [
        (
            f"feature{place}",
            _numeric_branch(handling)
            if handling.handling == "numeric"
            else _category_branch(handling, frame[name], native=native, sparse=sparse),
            [name],
        )
        for place, (name, handling) in enumerate(handlings.items())
    ]
    return ColumnTransformer(
        branches,
        remainder="drop",
        sparse_threshold=1.0 if sparse else 0.0,
        verbose_feature_names_out=False,
    )


def _numeric_branch(handling: FeatureHandling) -> Any:
    steps: list[tuple[str, Any]] = []
    if handling.missing in ("median", "mean", "most_frequent"):
        steps.append(("impute", SimpleImputer(strategy=handling.missing, keep_empty_features=True)))
    if handling.missing == "constant":
        assert handling.fill is not None
        steps.append(("impute", SimpleImputer(strategy="constant", fill_value=float(handling.fill))))
    if handling.scale == "standard":
        steps.append(("scale", StandardScaler()))
    if handling.scale == "min_max":
        steps.append(("scale", MinMaxScaler()))
    return Pipeline(steps) if steps else "passthrough"


def _category_branch(handling: FeatureHandling, values: pd.Series, *, native: bool, sparse: bool) -> Pipeline:
    steps: list[tuple[str, Any]] = []
    counts = Counter(values)
    if handling.missing == "most_frequent":
        imputer = SimpleImputer(missing_values="", strategy="most_frequent", keep_empty_features=True)
        steps.append(("impute", imputer))
        counts.pop("", None)
    if handling.missing == "constant":
        fill = to_category(handling.fill)
        steps.append(("impute", SimpleImputer(missing_values="", strategy="constant", fill_value=fill)))
        counts[fill] += counts.pop("", 0)
    splits = native and handling.encode == "native"
    most = min(handling.max_categories, _MOST_NATIVE_CATEGORIES) if splits else handling.max_categories
    kept = sorted(sorted(counts, key=lambda value: (-counts[value], value))[:most])
    categories = [np.array(kept, dtype=object)]
    if splits:
        encoder = _ordinal(categories, np.nan)
    elif handling.encode == "ordinal":
        encoder = _ordinal(categories, -1)
    else:
        encoder = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=sparse)
    return Pipeline([*steps, ("encode", encoder)])


def _ordinal(categories: list[np.ndarray[Any, Any]], unknown: float) -> OrdinalEncoder:
    return OrdinalEncoder(categories=categories, handle_unknown="use_encoded_value", unknown_value=unknown)


def _native_columns(encoder: ColumnTransformer, handlings: Mapping[str, FeatureHandling]) -> list[int]:
    return [
        encoder.output_indices_[f"feature{place}"].start
        for place, handling in enumerate(handlings.values())
        if handling.handling == "category" and handling.encode == "native"
    ]


def _dense(encoder: ColumnTransformer) -> ColumnTransformer:
    """Let a fitted encoder give dense arrays of the same numbers: only the fit gains by sparse ones."""
    for _, branch, _ in encoder.transformers_:
        if isinstance(branch, Pipeline) and isinstance(branch[-1], OneHotEncoder):
            branch[-1].sparse_output = False
    encoder.sparse_threshold = 0.0
    encoder.sparse_output_ = False
    return encoder
