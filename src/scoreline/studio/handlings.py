"""How features are handled, with the defaults settled and what cannot work refused."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from scoreline.core.model import (
    Algorithm,
    FeatureHandling,
    GradientBoosting,
    Logistic,
    Ridge,
    Task,
)
from scoreline.core.model_version import algorithm_name
from scoreline.core.recipe import TrainRecipe
from scoreline.errors import Invalid

_DEFAULT_MISSING = {"numeric": "median", "category": "native"}
_NUMERIC_ONLY = ("median", "mean")
_NO_NATIVE_MISSING = (Logistic, Ridge, GradientBoosting)


def resolve_handlings(recipe: TrainRecipe) -> dict[str, FeatureHandling]:
    """The handling of each feature, `missing` never None. Raises Invalid for what cannot work."""
    if not recipe.features:
        raise Invalid(f"the training of {recipe.model!r} names no feature; add at least one column")
    if recipe.target in recipe.features:
        raise Invalid(f"{recipe.target!r} is the target and a feature as well; remove it from the features")
    resolved = {name: _resolve(name, handling) for name, handling in recipe.features.items()}
    for algorithm in recipe.algorithms:
        _check_algorithm(algorithm, recipe.task, resolved)
    return resolved


def _resolve(name: str, handling: FeatureHandling) -> FeatureHandling:
    missing = handling.missing or _DEFAULT_MISSING[handling.handling]
    if handling.handling == "category" and missing in _NUMERIC_ONLY:
        raise Invalid(
            f"feature {name!r} is a category, so `missing: {missing}` cannot be; "
            "use native, most_frequent, constant or ignore_record"
        )
    if missing == "constant":
        _check_fill(name, handling)
    return replace(handling, missing=missing)


def _check_fill(name: str, handling: FeatureHandling) -> None:
    if handling.fill is None or handling.fill == "":
        raise Invalid(f"feature {name!r} has `missing: constant` but no `fill`; give the value")
    if handling.handling == "numeric" and isinstance(handling.fill, str):
        raise Invalid(f"feature {name!r} is numeric but its `fill` is text; give a number")


def _check_algorithm(algorithm: Algorithm, task: Task, handlings: Mapping[str, FeatureHandling]) -> None:
    name = algorithm_name(algorithm)
    if isinstance(algorithm, Logistic) and task is Task.REGRESSION:
        raise Invalid("logistic predicts classes, not numbers; use ridge for a regression")
    if isinstance(algorithm, Ridge) and task is not Task.REGRESSION:
        raise Invalid(f"ridge predicts numbers; use logistic for a {task.value} task")
    if not isinstance(algorithm, _NO_NATIVE_MISSING):
        return
    for feature, handling in handlings.items():
        if handling.handling == "numeric" and handling.missing == "native":
            raise Invalid(
                f"{name} cannot handle missing values itself, as feature {feature!r} asks; "
                f"use median, mean, constant or ignore_record, or leave {name} out"
            )
