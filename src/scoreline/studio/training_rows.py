"""The rows a model is trained on: features and target as values, and what was left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from scoreline.core.model import Feature, FeatureHandling, Task
from scoreline.core.names import did_you_mean
from scoreline.core.recipe import TrainRecipe
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid
from scoreline.storage.columns import schema_of
from scoreline.studio.frames import (
    category_values,
    feature_frame,
    numeric_values,
)

_FEWEST_ROWS = 10
_MOST_CLASSES = 100
_NUMBERS = (ColumnType.INT, ColumnType.DOUBLE)


@dataclass(frozen=True)
class TrainingRows:
    """Rows with a target and all required features, in the order of the table."""

    frame: pd.DataFrame
    target: np.ndarray[Any, Any]
    """Codes, places in `classes` (classification), or doubles (regression)."""
    classes: tuple[str, ...]
    places: np.ndarray[Any, Any]
    """Where each row stands in the table, from 0."""
    given: int
    without_target: int
    ignored: int


def prepare_rows(
    recipe: TrainRecipe, handlings: Mapping[str, FeatureHandling], table: pa.Table
) -> TrainingRows:
    """Take target and features out of a table of `frames.used_columns`.

    Raises Invalid, in words, when they cannot be trained on.
    """
    wanted = {name: handling.handling for name, handling in handlings.items()}
    frame = feature_frame(table, wanted, dataset=recipe.input)
    values, known = _target_values(recipe, table)
    complete = known & ~missing_required(frame, handlings)
    kept = np.flatnonzero(complete)
    _check_enough(recipe, table.num_rows, int(known.sum()), len(kept))
    frame, values = frame.iloc[kept].reset_index(drop=True), values[kept]
    _check_features(recipe, frame)
    if recipe.task is Task.REGRESSION:
        classes: tuple[str, ...] = ()
        target = _regression_target(recipe, values)
    else:
        classes = _classes(recipe, values, schema_of(table.select([recipe.target]))[0].type)
        target = class_codes(values, classes)
    return TrainingRows(
        frame=frame,
        target=target,
        classes=classes,
        places=kept,
        given=table.num_rows,
        without_target=int((~known).sum()),
        ignored=int(known.sum()) - len(kept),
    )


def missing_required(
    frame: pd.DataFrame, handlings: Mapping[str, FeatureHandling | Feature]
) -> np.ndarray[Any, Any]:
    """Which rows lack a feature that is handled with `ignore_record`."""
    lacking = np.zeros(len(frame), dtype=bool)
    for name, handling in handlings.items():
        if handling.missing == "ignore_record":
            column = frame[name].to_numpy()
            lacking |= np.isnan(column) if handling.handling == "numeric" else column == ""
    return lacking


def class_codes(labels: np.ndarray[Any, Any], classes: Sequence[str]) -> np.ndarray[Any, Any]:
    """The place of each label in `classes`; -1 where it is none of them."""
    return pd.Index(list(classes), dtype=object).get_indexer(pd.Index(labels, dtype=object)).astype(np.int64)


def data_digest(rows: TrainingRows) -> str:
    """SHA-256 over features and target as the algorithms see them."""
    digest = hashlib.sha256()
    for name in rows.frame.columns:
        column = rows.frame[name].to_numpy()
        digest.update(f"{name}\0".encode())
        if column.dtype == object:
            codes, distinct = pd.factorize(column)
            digest.update(msgspec.json.encode(list(distinct)))
            digest.update(codes.astype("<i8").tobytes())
        else:
            digest.update(column.astype("<f8").tobytes())
    digest.update(msgspec.json.encode(rows.classes))
    digest.update(rows.target.astype("<f8").tobytes())
    return digest.hexdigest()


def _target_values(recipe: TrainRecipe, table: pa.Table) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The target of every row, and which rows have one."""
    column = table[recipe.target]
    if recipe.task is not Task.REGRESSION:
        texts = category_values(column, recipe.target, dataset=recipe.input)
        return texts, texts != ""
    numbers = numeric_values(
        column,
        recipe.target,
        dataset=recipe.input,
        advice="or choose the task binary or multiclass",
    )
    return numbers, ~np.isnan(numbers)


def _check_enough(recipe: TrainRecipe, given: int, known: int, kept: int) -> None:
    if kept >= _FEWEST_ROWS:
        return
    raise Invalid(
        f"dataset {recipe.input!r} has {kept} rows to train on, at least {_FEWEST_ROWS} are needed: "
        f"of {given}, {given - known} have no {recipe.target!r} and {known - kept} lack a feature with "
        "`missing: ignore_record`",
        code="too-few-rows",
    )


def _check_features(recipe: TrainRecipe, frame: pd.DataFrame) -> None:
    for name in frame.columns:
        column = frame[name].to_numpy()
        empty = (column == "").all() if column.dtype == object else np.isnan(column).all()
        if empty:
            raise Invalid(
                f"feature {name!r} of dataset {recipe.input!r} is missing in all {len(frame)} rows to train "
                "on; remove it from the features, or fill the column",
                code="empty-feature",
            )


def _regression_target(recipe: TrainRecipe, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if values.min() == values.max():
        raise _constant(recipe)
    return values


def _classes(recipe: TrainRecipe, values: np.ndarray[Any, Any], kind: ColumnType) -> tuple[str, ...]:
    """The labels in the order of the target's type; for binary the positive one last."""
    distinct, counts = np.unique(values.astype(str), return_counts=True)
    if len(distinct) == 1:
        raise _constant(recipe)
    if recipe.task is Task.BINARY and len(distinct) > 2:
        raise Invalid(
            f"target {recipe.target!r} has {len(distinct)} classes, a binary task has 2; "
            "choose the task multiclass, or make two classes in a recipe",
            code="too-many-classes",
        )
    if len(distinct) > _MOST_CLASSES:
        raise Invalid(
            f"target {recipe.target!r} has {len(distinct)} classes, at most {_MOST_CLASSES} can be learned; "
            "choose the task regression if it is a quantity, or make fewer classes in a recipe",
            code="too-many-classes",
        )
    if counts.min() == 1:
        raise Invalid(
            f"class {str(distinct[counts.argmin()])[:40]!r} of target {recipe.target!r} has a single row, "
            "and training and test need one each; remove the row or merge the class into another",
            code="too-few-rows",
        )
    labels = [str(label) for label in distinct]
    ordered = sorted(labels, key=float) if kind in _NUMBERS else sorted(labels)
    return _positive_last(recipe, ordered)


def _positive_last(recipe: TrainRecipe, classes: list[str]) -> tuple[str, ...]:
    if recipe.task is not Task.BINARY or recipe.positive is None:
        return tuple(classes)
    if recipe.positive not in classes:
        raise Invalid(
            f"the positive class {recipe.positive!r} is not among the values of {recipe.target!r}; "
            f"{did_you_mean(recipe.positive, [label[:40] for label in classes])}"
        )
    return (*(label for label in classes if label != recipe.positive), recipe.positive)


def _constant(recipe: TrainRecipe) -> Invalid:
    return Invalid(
        f"target {recipe.target!r} has the same value in every row of dataset {recipe.input!r}: "
        "there is nothing to learn",
        code="constant-target",
    )
