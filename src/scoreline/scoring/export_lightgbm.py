"""Reads LightGBM's models from its own text format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from scoreline.scoring.columns import Encoding, Numbers, not_exportable
from scoreline.scoring.document import Ensemble, LinkName
from scoreline.scoring.exported import ExportedModel
from scoreline.scoring.flatten import Flattener, Inner, Mask, Members, ReadNode, Threshold
from scoreline.scoring.trees import ZERO

_CATEGORICAL, _MISSING_LEFT, _MISSING_TYPE = 1, 2, 12
_MISSING_IS_ZERO, _MISSING_IS_NAN = 4, 8
_REGRESSIONS = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")


def read_model(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted LGBMClassifier or LGBMRegressor. Raises Invalid (code `not-exportable`) for linear trees,
    random forest mode and objectives with a link of their own.
    """
    head, *texts = model.booster_.model_to_string().split("\nTree=")
    settings = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    if "average_output" in head.split():
        raise not_exportable("boosting_type='rf' is not known")
    outputs = int(settings["num_tree_per_iteration"])
    link, scale = _link(settings["objective"].split())
    flattener = Flattener(encoding.columns)
    for number, text in enumerate(texts):
        fields = dict(line.split("=", 1) for line in text.split("\n\n", 1)[0].splitlines() if "=" in line)
        flattener.add(number % outputs, _root(fields), _tree(fields))
    ensemble = Ensemble(link, (0.0,) * outputs, scale=scale)
    return ExportedModel("LightGBM", exact=True, model=ensemble, trees=flattener.trees())


def _link(objective: Sequence[str]) -> tuple[LinkName, float]:
    name, *parameters = objective
    if name == "binary":
        values = dict(parameter.split(":", 1) for parameter in parameters if ":" in parameter)
        return "sigmoid", float(values.get("sigmoid", 1))
    if name == "multiclass":
        return "softmax", 1.0
    if name in _REGRESSIONS and "sqrt" not in parameters:
        return "identity", 1.0
    raise not_exportable(f"objective {' '.join(objective)!r} is not known")


def _root(fields: dict[str, str]) -> int:
    """Leaves have negative numbers: ~0 is the first leaf."""
    return 0 if int(fields["num_leaves"]) > 1 else ~0


def _tree(fields: dict[str, str]) -> ReadNode:
    if fields.get("is_linear", "0") != "0":
        raise not_exportable("linear trees are not known")
    leaves = _floats(fields, "leaf_value")
    columns, kinds = _integers(fields, "split_feature"), _integers(fields, "decision_type")
    thresholds = _floats(fields, "threshold")
    lefts, rights = _integers(fields, "left_child"), _integers(fields, "right_child")
    bounds, words = _integers(fields, "cat_boundaries"), _integers(fields, "cat_threshold")

    def read(number: int) -> Any:
        if number < 0:
            return leaves[~number]
        threshold = thresholds[number]
        split: Threshold | Members
        if kinds[number] & _CATEGORICAL:
            split = _members(words[bounds[int(threshold)] : bounds[int(threshold) + 1]])
        else:
            split = _threshold(threshold, kinds[number])
        return Inner(columns[number], split, lefts[number], rights[number])

    return read


def _threshold(value: float, kind: int) -> Threshold:
    """A split by size. LightGBM reads every number of at most ZERO as 0, so no threshold parts those."""
    missing = kind & _MISSING_TYPE
    if abs(value) <= ZERO:
        value = ZERO if value >= 0 else math.nextafter(-ZERO, -math.inf)
    if missing == _MISSING_IS_NAN:
        return Threshold(value, bool(kind & _MISSING_LEFT))
    if missing == _MISSING_IS_ZERO:
        return Threshold(value, bool(kind & _MISSING_LEFT), zero_is_missing=True)
    return Threshold(value, value >= 0)  # a missing number is taken for zero


def _members(words: Sequence[int]) -> Members:
    """The categories in a set go left; others, missing and negative ones right."""

    def left(x: Numbers) -> Mask:
        whole = np.where(np.isnan(x), -1, x).astype(np.int64)
        return np.array(
            [0 <= c < 32 * len(words) and bool(words[c // 32] >> (c % 32) & 1) for c in whole.tolist()]
        )

    return Members(left)


def _floats(fields: dict[str, str], name: str) -> list[float]:
    return [float(value) for value in fields.get(name, "").split()]


def _integers(fields: dict[str, str], name: str) -> list[int]:
    return [int(value) for value in fields.get(name, "").split()]
