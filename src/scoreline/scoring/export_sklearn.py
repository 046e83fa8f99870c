"""Reads scikit-learn's tree ensembles: forests, gradient boosting and histogram gradient boosting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from scoreline.scoring.columns import Encoding, Numbers, not_exportable
from scoreline.scoring.document import Ensemble, LinkName
from scoreline.scoring.exported import ExportedModel
from scoreline.scoring.flatten import Flattener, Inner, Mask, Members, ReadNode, Threshold, below_single

FORESTS = (RandomForestClassifier, RandomForestRegressor)
BOOSTED = (GradientBoostingClassifier, GradientBoostingRegressor)
HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)

_LIBRARY = "scikit-learn trees"


def read_forest(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted random forest: the mean of its trees' leaves."""
    if model.n_outputs_ != 1:
        raise not_exportable("it predicts several targets")
    width = int(getattr(model, "n_classes_", 1))
    flattener = Flattener(encoding.columns)
    for estimator in model.estimators_:
        values = estimator.tree_.value[:, 0, :]
        leaves = values.tolist() if width > 1 else values[:, 0].tolist()
        flattener.add(0, 0, _sklearn_tree(estimator.tree_, leaves.__getitem__))
    ensemble = Ensemble("mean", (0.0,) * width, scale=float(len(model.estimators_)), width=width)
    return ExportedModel(_LIBRARY, exact=True, model=ensemble, trees=flattener.trees())


def read_boosted(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted gradient boosting: a start, then every tree times the learning rate."""
    flattener = Flattener(encoding.columns)
    for stage in model.estimators_:
        for output, estimator in enumerate(stage):
            leaves = (model.learning_rate * estimator.tree_.value[:, 0, 0]).tolist()
            flattener.add(output, 0, _sklearn_tree(estimator.tree_, leaves.__getitem__))
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0]
    link, scale = _link(model)
    ensemble = Ensemble(link, tuple(start.tolist()), scale=scale)
    return ExportedModel(_LIBRARY, exact=True, model=ensemble, trees=flattener.trees())


def _link(model: Any) -> tuple[LinkName, float]:
    if isinstance(model, GradientBoostingRegressor):
        return "identity", 1.0
    if model.init_ != "zero" and type(model.init_).__name__ != "DummyClassifier":
        raise not_exportable("its start is a model of its own (init)")
    if model.loss == "exponential":
        return "sigmoid", 2.0
    return ("sigmoid", 1.0) if model.n_classes_ == 2 else ("pairwise_softmax", 1.0)


def _sklearn_tree(tree: Any, leaf: Callable[[int], Any]) -> ReadNode:
    """Reads nodes of a Tree. It compares the float32 of a number with a double."""
    lefts, rights = tree.children_left.tolist(), tree.children_right.tolist()
    columns, thresholds = tree.feature.tolist(), below_single(tree.threshold)
    missing_left = tree.missing_go_to_left.astype(bool).tolist()

    def read(number: int) -> Any:
        if lefts[number] < 0:
            return leaf(number)
        split = Threshold(thresholds[number], missing_left[number])
        return Inner(columns[number], split, lefts[number], rights[number])

    return read


# ---- histogram gradient boosting -----------------------------------------------------------------


def read_histogram(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted histogram gradient boosting, with its own categorical splits and missing values."""
    columns = _Columns(model)
    flattener = Flattener(encoding.columns)
    for stage in model._predictors:
        for output, predictor in enumerate(stage):
            flattener.add(output, 0, _histogram_tree(predictor, columns))
    start = np.ravel(model._baseline_prediction).astype(np.float64)
    ensemble = Ensemble(_histogram_link(model), tuple(start.tolist()))
    return ExportedModel(_LIBRARY, exact=True, model=ensemble, trees=flattener.trees())


def _histogram_link(model: Any) -> LinkName:
    if isinstance(model, HistGradientBoostingClassifier):
        return "sigmoid" if model.n_trees_per_iteration_ == 1 else "softmax"
    if model.loss in ("poisson", "gamma"):
        raise not_exportable(f"loss={model.loss!r} is not known")
    return "identity"


class _Columns:
    """The columns as the predictors see them: categories first, renumbered by the model's own encoder."""

    def __init__(self, model: Any) -> None:
        count = model.n_features_in_
        categorical = model.is_categorical_
        if categorical is None:
            categorical = np.zeros(count, dtype=bool)
        self.originals = [*np.flatnonzero(categorical).tolist(), *np.flatnonzero(~categorical).tolist()]
        encoder = model._preprocessor.named_transformers_["encoder"] if categorical.any() else None
        self._categories = [] if encoder is None else encoder.categories_
        self._known, self._known_rows = model._bin_mapper.make_known_categories_bitsets()

    def members(self, column: int, left_set: Numbers, missing_left: bool) -> Members:
        """The categorical split of a predictor's column."""
        categories = self._categories[column]
        known = self._known[self._known_rows[column]]

        def left(x: Numbers) -> Mask:
            result = np.full(len(x), missing_left)
            for index, category in enumerate(categories):
                if not np.isnan(category) and _has(known, index):
                    result[x == category] = _has(left_set, index)
            return result

        return Members(left)


def _has(bitset: Any, number: int) -> bool:
    return bool(int(bitset[number // 32]) >> (number % 32) & 1)


def _histogram_tree(predictor: Any, columns: _Columns) -> ReadNode:
    nodes = predictor.nodes
    names = ("is_leaf", "value", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right")
    leaf, value, column, threshold, missing, left, right = (nodes[name].tolist() for name in names)
    categorical, bitset = nodes["is_categorical"].tolist(), nodes["bitset_idx"].tolist()

    def read(number: int) -> Any:
        if leaf[number]:
            return value[number]
        own, missing_left = column[number], bool(missing[number])
        split: Threshold | Members = Threshold(threshold[number], missing_left)
        if categorical[number]:
            split = columns.members(own, predictor.raw_left_cat_bitsets[bitset[number]], missing_left)
        return Inner(columns.originals[own], split, left[number], right[number])

    return read
