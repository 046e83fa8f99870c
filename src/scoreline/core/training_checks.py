"""What must hold between the features of a train recipe, its algorithms and its task."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.core.complaint import Spot
from scoreline.core.model import (
    Algorithm,
    FeatureHandling,
    GradientBoosting,
    HistGradientBoosting,
    LightGBM,
    Logistic,
    Ridge,
    Task,
    XGBoost,
)
from scoreline.core.recipe import TrainRecipe

_NO_MISSING_NUMBERS = (Logistic, Ridge, GradientBoosting)
_NATIVE_CATEGORIES = (HistGradientBoosting, LightGBM, XGBoost)
_HISTOGRAM_BINS = 255
_CATEGORY_MISSING = ("most_frequent", "constant", "native", "ignore_record")


def algorithm_spots(recipe: TrainRecipe) -> Iterator[Spot]:
    """Algorithms that do not fit the task, or stand twice."""
    if not recipe.algorithms:
        yield ("algorithms",), "must list at least one algorithm"
    for position, algorithm in enumerate(recipe.algorithms):
        if isinstance(algorithm, Logistic) and recipe.task is Task.REGRESSION:
            yield ("algorithms", position), "'logistic' does not fit a regression; use 'ridge'"
        if isinstance(algorithm, Ridge) and recipe.task is not Task.REGRESSION:
            yield ("algorithms", position), f"'ridge' does not fit a {recipe.task.value} task; use 'logistic'"
        if algorithm in recipe.algorithms[:position]:
            yield ("algorithms", position), "is listed twice with the same parameters"


def feature_spots(name: str, feature: FeatureHandling, algorithms: tuple[Algorithm, ...]) -> Iterator[Spot]:
    """Options of a feature that do not fit its handling or an algorithm."""
    at = ("features", name)
    if not name.strip():
        yield at, "a feature needs a name"
    if feature.handling == "numeric":
        yield from _numeric_spots(feature, algorithms, at)
    else:
        yield from _category_spots(feature, algorithms, at)
    if feature.missing == "constant" and feature.fill is None:
        yield (*at, "missing"), "'constant' needs 'fill', the value to put in"
    if feature.missing != "constant" and feature.fill is not None:
        yield (*at, "fill"), "is for 'missing: constant' only"


def _numeric_spots(
    feature: FeatureHandling, algorithms: tuple[Algorithm, ...], at: tuple[str, ...]
) -> Iterator[Spot]:
    plain = FeatureHandling(handling="numeric")
    if feature.encode != plain.encode:
        yield (*at, "encode"), "is for categories only"
    if feature.max_categories != plain.max_categories:
        yield (*at, "max_categories"), "is for categories only"
    if isinstance(feature.fill, str):
        yield (*at, "fill"), "must be a number for a numeric feature"
    if feature.missing == "native":
        for algorithm in algorithms:
            if isinstance(algorithm, _NO_MISSING_NUMBERS):
                yield (
                    (*at, "missing"),
                    f"{_tag(algorithm)} cannot take missing numbers ('native'); use 'median'",
                )


def _category_spots(
    feature: FeatureHandling, algorithms: tuple[Algorithm, ...], at: tuple[str, ...]
) -> Iterator[Spot]:
    if feature.scale != "none":
        yield (*at, "scale"), "is for numeric features only"
    if feature.missing is not None and feature.missing not in _CATEGORY_MISSING:
        choices = ", ".join(_CATEGORY_MISSING)
        yield (*at, "missing"), f"{feature.missing!r} is for numeric features only; use one of: {choices}"
    if isinstance(feature.fill, float):
        yield (*at, "fill"), "must be text for a category; put it in quotes"
    if feature.encode != "native":
        return
    for algorithm in algorithms:
        if not isinstance(algorithm, _NATIVE_CATEGORIES):
            yield (*at, "encode"), f"{_tag(algorithm)} has no categorical splits ('native'); use 'one_hot'"
        if isinstance(algorithm, HistGradientBoosting) and feature.max_categories > _HISTOGRAM_BINS:
            limit = f"at most {_HISTOGRAM_BINS} for {_tag(algorithm)} with 'encode: native'"
            yield (*at, "max_categories"), f"must be {limit}"


def _tag(algorithm: Algorithm) -> str:
    return repr(str(type(algorithm).__struct_config__.tag))
