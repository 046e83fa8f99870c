"""Reads XGBoost's models from its own JSON format."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import xgboost

from scoreline.scoring.columns import Encoding, Numbers, not_exportable
from scoreline.scoring.document import Ensemble, LinkName
from scoreline.scoring.exported import ExportedModel
from scoreline.scoring.flatten import Flattener, Inner, Mask, Members, ReadNode, Threshold, below_single

_LINKS: dict[str, LinkName] = {
    "binary:logistic": "single_sigmoid",
    "multi:softprob": "single_softmax",
    "reg:squarederror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
}
_GREATEST_CATEGORY = 2**24


def read_model(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted XGBClassifier or XGBRegressor. Raises Invalid (code `not-exportable`) for boosters other than
    `gbtree` and objectives with a link of their own.
    """
    if not np.isnan(model.missing):
        raise not_exportable("missing is not NaN")
    whole = json.loads(model.get_booster().save_raw("json"))
    learner = whole["learner"]
    booster, objective = learner["gradient_booster"], learner["objective"]["name"]
    if booster["name"] != "gbtree":
        raise not_exportable(f"booster={booster['name']!r} is not known")
    if objective not in _LINKS:
        raise not_exportable(f"objective={objective!r} is not known")
    count = _trees_used(model, booster["model"])
    flattener = Flattener(encoding.columns)
    for output, tree in zip(booster["model"]["tree_info"][:count], booster["model"]["trees"], strict=False):
        flattener.add(output, 0, _tree(tree))
    ensemble = Ensemble(_LINKS[objective], _start(model, whole), single=True)
    return ExportedModel("XGBoost", exact=True, model=ensemble, trees=flattener.trees())


def _trees_used(model: Any, content: Any) -> int:
    """Predictions stop at the best iteration if training stopped early."""
    bounds: list[int] = content["iteration_indptr"]
    best = getattr(model, "best_iteration", None) if model.early_stopping_rounds else None
    return bounds[-1] if best is None else bounds[best + 1]


def _start(model: Any, whole: Any) -> tuple[float, ...]:
    """What the sums begin with: what the library itself predicts once every tree is a leaf of zero."""
    empty = copy.deepcopy(whole)
    for tree in empty["learner"]["gradient_booster"]["model"]["trees"]:
        for name, values in tree.items():
            if isinstance(values, list):
                tree[name] = [] if name.startswith("categories") else values[:1]
        tree |= {"left_children": [-1], "right_children": [-1], "split_conditions": [0.0], "split_type": [0]}
        tree["tree_param"]["num_nodes"] = "1"
    booster = xgboost.Booster()
    booster.load_model(bytearray(json.dumps(empty).encode()))
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    types = model.get_booster().feature_types
    margins = booster.predict(
        xgboost.DMatrix(row, feature_types=types, enable_categorical=True),
        output_margin=True,
        validate_features=False,
    )
    return tuple(np.ravel(margins).astype(np.float64).tolist())


def _tree(tree: Any) -> ReadNode:
    """Reads nodes of a tree. It compares float32 numbers: left when x < condition."""
    lefts, rights = tree["left_children"], tree["right_children"]
    columns, kinds, missing_left = tree["split_indices"], tree["split_type"], tree["default_left"]
    conditions = np.array(tree["split_conditions"], dtype=np.float32)
    with np.errstate(over="ignore"):
        thresholds = below_single(np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64))
    leaves = conditions.astype(np.float64).tolist()
    sets = _sets(tree)

    def read(number: int) -> Any:
        if lefts[number] < 0:
            return leaves[number]
        split: Threshold | Members = Threshold(thresholds[number], bool(missing_left[number]))
        if kinds[number]:
            split = _members(sets[number], bool(missing_left[number]))
        return Inner(columns[number], split, lefts[number], rights[number])

    return read


def _sets(tree: Any) -> dict[int, list[int]]:
    starts, sizes, categories = tree["categories_segments"], tree["categories_sizes"], tree["categories"]
    return {
        node: categories[start : start + size]
        for node, start, size in zip(tree["categories_nodes"], starts, sizes, strict=True)
    }


def _members(right: list[int], missing_left: bool) -> Members:
    """The categories in a set go right; others, also negative ones, left."""

    def left(x: Numbers) -> Mask:
        whole = np.where(np.isnan(x), -1, np.minimum(x, _GREATEST_CATEGORY)).astype(np.int64)
        return np.where(np.isnan(x), missing_left, ~np.isin(whole, right))

    return Members(left)
