"""What must hold for recipes beyond their types."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.core.complaint import Known, Spot, repeated
from scoreline.core.dataset import ManagedDataset
from scoreline.core.evaluation_recipe_checks import evaluate_spots, standalone_spots
from scoreline.core.model import METRICS, Task
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Kind
from scoreline.core.recipe import (
    EvaluateRecipe,
    PythonRecipe,
    Recipe,
    ScoreRecipe,
    SplitRecipe,
    SqlRecipe,
    StandaloneEvaluateRecipe,
    TrainRecipe,
)
from scoreline.core.sql_variables import variable_faults
from scoreline.core.training_checks import algorithm_spots, feature_spots


def recipe_spots(recipe: Recipe, known: Known) -> Iterator[Spot]:
    """What is wrong in a recipe, looked at by itself."""
    match recipe:
        case SqlRecipe():
            yield from _inputs(recipe.inputs, known)
            yield from _written(recipe.output, ("output",), known)
        case PythonRecipe():
            yield from _inputs(recipe.inputs, known)
            yield from _python_outputs(recipe, known)
        case SplitRecipe():
            yield from known.dangling(Kind.DATASET, recipe.input, ("input",))
            yield from _parts(recipe, known)
        case TrainRecipe():
            yield from known.dangling(Kind.DATASET, recipe.input, ("input",))
            yield from known.dangling(Kind.MODEL, recipe.model, ("model",))
            yield from _training(recipe, known)
        case ScoreRecipe():
            yield from known.dangling(Kind.DATASET, recipe.input, ("input",))
            yield from known.dangling(Kind.MODEL, recipe.model, ("model",))
            yield from _written(recipe.output, ("output",), known)
        case EvaluateRecipe():
            yield from evaluate_spots(recipe, known)
        case StandaloneEvaluateRecipe():
            yield from standalone_spots(recipe, known)


def _inputs(inputs: tuple[str, ...], known: Known) -> Iterator[Spot]:
    for position, name in enumerate(inputs):
        yield from known.dangling(Kind.DATASET, name, ("inputs", position))
    for position, name in repeated(list(inputs)):
        yield ("inputs", position), f"{shortened(name)} is listed twice"


def _written(dataset_id: str, at: tuple[str | int, ...], known: Known) -> Iterator[Spot]:
    yield from known.dangling(Kind.DATASET, dataset_id, at)
    dataset = known.project.datasets.get(dataset_id)
    if dataset is not None and not isinstance(dataset, ManagedDataset):
        yield at, f"a recipe writes only managed datasets; give {shortened(dataset_id)} the kind 'managed'"


def _python_outputs(recipe: PythonRecipe, known: Known) -> Iterator[Spot]:
    if not recipe.outputs:
        yield ("outputs",), "must list at least one dataset"
    for position, name in enumerate(recipe.outputs):
        yield from _written(name, ("outputs", position), known)
    for position, name in repeated(list(recipe.outputs)):
        yield ("outputs", position), f"{shortened(name)} is listed twice"
    if not recipe.function.isidentifier():
        yield ("function",), "must be the name of a Python function"


def _parts(recipe: SplitRecipe, known: Known) -> Iterator[Spot]:
    if not recipe.parts:
        yield ("parts",), "must list at least one part"
    rests = 0
    for position, part in enumerate(recipe.parts):
        yield from _written(part.dataset, ("parts", position, "dataset"), known)
        if part.where is not None and part.share is not None:
            yield ("parts", position), "takes either rows by 'where' or a 'share' of the rest, not both"
        if part.where is not None and not part.where.strip():
            yield ("parts", position, "where"), "must be a SQL condition"
        for _, message in variable_faults(part.where or "", known.project.settings.variables):
            yield ("parts", position, "where"), message
        if part.where is None and part.share is None:
            rests += 1
            if rests > 1:
                yield (
                    ("parts", position),
                    "only one part can take whatever is left; give a 'where' or a 'share'",
                )
    for position, name in repeated([part.dataset for part in recipe.parts]):
        yield ("parts", position, "dataset"), f"{shortened(name)} is listed twice"
    total = sum(part.share or 0 for part in recipe.parts)
    if total > 1 + 1e-9:
        yield ("parts",), f"shares sum to {total:g}, which is more than 1"


def _training(recipe: TrainRecipe, known: Known) -> Iterator[Spot]:
    yield from known.no_column(recipe.input, recipe.target, ("target",))
    if not recipe.features:
        yield ("features",), "must name at least one column"
    if recipe.target in recipe.features:
        yield ("features", recipe.target), "the target cannot be a feature"
    for name, handling in recipe.features.items():
        at = ("features", name)
        yield from known.no_column(recipe.input, name, at)
        yield from feature_spots(name, handling, recipe.algorithms)
    yield from algorithm_spots(recipe)
    metrics = METRICS[recipe.task]
    if recipe.metric is not None and recipe.metric not in metrics:
        hint = did_you_mean(recipe.metric, metrics)
        yield ("metric",), f"{shortened(recipe.metric)} does not measure a {recipe.task.value} model; {hint}"
    if recipe.task is not Task.BINARY:
        if recipe.positive is not None:
            yield ("positive",), f"is for binary models only; this one is {recipe.task.value}"
        if recipe.threshold != type(recipe.threshold)():
            yield ("threshold",), f"is for binary models only; this one is {recipe.task.value}"
