"""Small random models of every supported kind, with every kind of handling."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from scoreline.core.model import Feature, Signature, Task
from scoreline.core.schema import ColumnType
from scoreline.scoring.export import export_model
from scoreline.scoring.files import load_scorer
from scoreline.scoring.scorer import ExportedScorer

NATIVE_MISSING = ("random_forest", "hist", "lightgbm", "xgboost")
NATIVE_CATEGORIES = ("hist", "lightgbm", "xgboost")
ROWS = 300


@dataclass(frozen=True)
class Case:
    """A fitted pipeline, what it takes and gives, and the rows it was fitted on."""

    pipeline: Pipeline
    signature: Signature
    frame: pd.DataFrame
    """Also holds rows that were left out of training, since a required feature is missing."""
    fitted: pd.DataFrame

    def export(self, folder: Path, *, kernel: bool | None = None) -> ExportedScorer:
        probabilities = None
        if self.signature.task is Task.BINARY:
            probabilities = self.pipeline.predict_proba(self.fitted)[:, 1]
        export_model(self.pipeline, self.signature, folder, test_probabilities=probabilities)
        return load_scorer(folder, kernel=kernel)


@pytest.fixture(scope="session")
def make_case() -> Callable[..., Case]:
    """`make_case(algorithm, task, seed)`: a random model; the seed decides on data and handling."""
    return _make_case


def _make_case(algorithm: str, task: Task, seed: int, classes: int | None = None) -> Case:
    rng = np.random.default_rng(seed)
    numeric, categories = _numeric_features(rng, algorithm), _category_features(rng, algorithm)
    frame = _frame(rng, numeric, categories)
    target = _target(rng, frame, task, classes)
    required = [f.name for f in (*numeric, *categories) if f.required]
    kept = frame[required].notna().all(axis=1) & (frame[required] != "").all(axis=1)
    encoder, native = _encoder(rng, algorithm, numeric, categories)
    model = _model(rng, algorithm, task, native, len(numeric) + len(categories))
    pipeline = Pipeline([("encode", encoder), ("model", model)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(frame[kept], target[kept])
    signature = Signature(
        task=task,
        target="y",
        features=tuple(numeric + categories),
        classes=() if task is Task.REGRESSION else tuple(str(c) for c in model.classes_),
        threshold=float(rng.uniform(0.2, 0.8)) if task is Task.BINARY else None,
    )
    return Case(pipeline, signature, frame, frame[kept])


def _numeric_features(rng: np.random.Generator, algorithm: str) -> list[Feature]:
    handlings = ["median", "mean", "most_frequent", "constant", "ignore_record"]
    if algorithm in NATIVE_MISSING:
        handlings += ["native"] * 3
    return [
        Feature(
            name=name,
            type=ColumnType.DOUBLE,
            handling="numeric",
            missing=str(rng.choice(handlings)),
            minimum=-3.0,
            maximum=3.0,
        )
        for name in ("wide", "narrow", "ones")[: rng.integers(1, 4)]
    ]


def _category_features(rng: np.random.Generator, algorithm: str) -> list[Feature]:
    return [
        Feature(
            name=name,
            type=ColumnType.STRING,
            handling="category",
            missing=str(rng.choice(["native", "most_frequent", "constant", "ignore_record"])),
        )
        for name in ("few", "many", "two's")[: rng.integers(0, 4)]
    ]


def _frame(rng: np.random.Generator, numeric: list[Feature], categories: list[Feature]) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for feature in numeric:
        values = {
            "wide": rng.normal(size=ROWS) * 10.0 ** rng.integers(-3, 6),
            "narrow": np.float32(rng.normal(size=ROWS)).astype(float),
            "ones": rng.integers(0, 4, size=ROWS).astype(float),
        }[feature.name]
        values[rng.random(ROWS) < 0.15 * rng.integers(0, 2)] = math.nan
        columns[feature.name] = values
    for feature in categories:
        names = {
            "few": ["a", "b", "C c", "ü"],
            "many": [f"m{i}" for i in range(40)],
            "two's": ["true", "false"],
        }[feature.name]
        weights = rng.dirichlet(np.ones(len(names)))
        values = rng.choice(names, size=ROWS, p=weights).astype(object)
        values[rng.random(ROWS) < 0.15 * rng.integers(0, 2)] = ""
        columns[feature.name] = pd.Series(values, dtype=object)
    return pd.DataFrame(columns)


def _target(rng: np.random.Generator, frame: pd.DataFrame, task: Task, classes: int | None) -> Any:
    score = rng.normal(size=ROWS) * 0.3
    for name in frame:
        column = frame[name]
        if column.dtype == object:
            effects = {value: rng.normal() for value in sorted(column.unique())}
            score += column.map(effects).to_numpy(dtype=float)
        else:
            spread = float(np.nanstd(column)) or 1.0
            score += np.nan_to_num(column.to_numpy() / spread, nan=1.0) * rng.normal()
    if task is Task.REGRESSION:
        return score * 100
    count = 2 if task is Task.BINARY else classes or int(rng.integers(3, 6))
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, count + 1)[1:-1]))


def _encoder(
    rng: np.random.Generator, algorithm: str, numeric: list[Feature], categories: list[Feature]
) -> tuple[ColumnTransformer, list[int]]:
    """The encoder, and the positions of its columns that are for the model's own categorical splits."""
    branches: list[tuple[str, Any, list[str]]] = []
    for feature in numeric:
        branches.append((feature.name, _numeric_steps(rng, feature), [feature.name]))
    native: list[int] = []
    style = str(
        rng.choice(["one_hot", "ordinal", *(["native"] * 2 if algorithm in NATIVE_CATEGORIES else [])])
    )
    for index, feature in enumerate(categories):
        if style == "native":
            native.append(len(numeric) + index)
        branches.append((feature.name, _category_steps(rng, algorithm, feature, style), [feature.name]))
    return ColumnTransformer(branches, verbose_feature_names_out=False), native


def _numeric_steps(rng: np.random.Generator, feature: Feature) -> Any:
    steps: list[tuple[str, Any]] = []
    if feature.missing == "constant":
        steps.append(("fill", SimpleImputer(strategy="constant", fill_value=1.25)))
    elif feature.missing not in ("native", "ignore_record"):
        steps.append(("fill", SimpleImputer(strategy=feature.missing)))
    scaler = [None, StandardScaler(), MinMaxScaler(), MinMaxScaler((-1, 2), clip=True)][rng.integers(0, 4)]
    if scaler is not None:
        steps.append(("scale", scaler))
    return Pipeline(steps) if steps else "passthrough"


def _category_steps(rng: np.random.Generator, algorithm: str, feature: Feature, style: str) -> Pipeline:
    steps: list[tuple[str, Any]] = []
    if feature.missing == "most_frequent":
        steps.append(("fill", SimpleImputer(missing_values="", strategy="most_frequent")))
    elif feature.missing == "constant":
        steps.append(("fill", SimpleImputer(missing_values="", strategy="constant", fill_value="b")))
    most = [None, 2, 10][rng.integers(0, 3)]
    if style == "one_hot":
        unknown = str(rng.choice(["ignore", "infrequent_if_exist"]))
        drop = [None, "first", "if_binary"][rng.integers(0, 3)]
        steps.append(
            (
                "encode",
                OneHotEncoder(handle_unknown=unknown, max_categories=most, drop=drop, sparse_output=False),
            )
        )
    else:
        value: float = (
            -1 if algorithm not in NATIVE_MISSING or (style == "ordinal" and rng.random() < 0.5) else math.nan
        )
        steps.append(
            (
                "encode",
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=value, max_categories=most),
            )
        )
    return Pipeline(steps)


def _model(rng: np.random.Generator, algorithm: str, task: Task, native: list[int], columns: int) -> Any:
    regression, seed = task is Task.REGRESSION, int(rng.integers(0, 1000))
    trees = int(rng.integers(1, 25))
    match algorithm:
        case "logistic":
            return LogisticRegression(C=float(rng.choice([0.01, 1.0])), max_iter=50)
        case "ridge":
            return Ridge(alpha=float(rng.choice([0.1, 1.0])))
        case "random_forest":
            kind = RandomForestRegressor if regression else RandomForestClassifier
            return kind(trees, max_depth=int(rng.integers(1, 9)), random_state=seed, n_jobs=1)
        case "gradient_boosting":
            if not regression:
                loss = str(rng.choice(["log_loss", "exponential"])) if task is Task.BINARY else "log_loss"
                return GradientBoostingClassifier(
                    loss=loss, n_estimators=trees, subsample=0.8, random_state=seed
                )
            return GradientBoostingRegressor(
                n_estimators=trees, loss=str(rng.choice(["squared_error", "huber"])), random_state=seed
            )
        case "hist":
            hist = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
            return hist(
                max_iter=trees, min_samples_leaf=3, categorical_features=native or None, random_state=seed
            )
        case "lightgbm":
            return _lightgbm(rng, regression, trees, native, seed)
        case _:
            return _xgboost(rng, regression, trees, native, seed, columns)


def _lightgbm(rng: np.random.Generator, regression: bool, trees: int, native: list[int], seed: int) -> Any:
    import lightgbm

    kind = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
    return kind(
        n_estimators=trees,
        min_child_samples=3,
        min_data_per_group=2,
        cat_smooth=1.0,
        zero_as_missing=bool(rng.random() < 0.3),
        use_missing=bool(rng.random() < 0.8),
        random_state=seed,
        n_jobs=1,
        verbosity=-1,
        **({"categorical_feature": native} if native else {}),
    )


def _xgboost(
    rng: np.random.Generator, regression: bool, trees: int, native: list[int], seed: int, columns: int
) -> Any:
    import xgboost

    kind = xgboost.XGBRegressor if regression else xgboost.XGBClassifier
    types = ["c" if index in native else "q" for index in range(columns)] if native else None
    return kind(
        n_estimators=trees,
        max_depth=int(rng.integers(1, 7)),
        feature_types=types,
        enable_categorical=bool(native),
        max_cat_to_onehot=int(rng.choice([1, 4])),
        random_state=seed,
        n_jobs=1,
    )
