"""What must hold for evaluate recipes beyond their types."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.core.complaint import Known, Spot, repeated
from scoreline.core.model import Task
from scoreline.core.names import shortened
from scoreline.core.project import Kind
from scoreline.core.recipe import EvaluateRecipe, StandaloneEvaluateRecipe


def evaluate_spots(recipe: EvaluateRecipe, known: Known) -> Iterator[Spot]:
    """What is wrong in an evaluate recipe."""
    yield from known.dangling(Kind.DATASET, recipe.input, ("input",))
    yield from known.dangling(Kind.MODEL, recipe.model, ("model",))
    yield from known.dangling(Kind.EVALUATION_STORE, recipe.store, ("store",))
    if recipe.reference is not None:
        yield from _reference_spots(recipe.input, recipe.reference, known)
    for name in recipe.drift.columns:
        yield from known.no_column(recipe.input, name, ("drift", "columns", name))


def standalone_spots(recipe: StandaloneEvaluateRecipe, known: Known) -> Iterator[Spot]:
    """What is wrong in a standalone evaluate recipe."""
    yield from known.dangling(Kind.DATASET, recipe.input, ("input",))
    yield from known.dangling(Kind.EVALUATION_STORE, recipe.store, ("store",))
    yield from _reference_spots(recipe.input, recipe.reference, known)
    for name in recipe.drift.columns:
        yield from known.no_column(recipe.input, name, ("drift", "columns", name))
    for key, column in (("prediction", recipe.prediction), ("target", recipe.target)):
        if column is not None:
            yield from known.no_column(recipe.input, column, (key,))
    for label, name in recipe.probas.items():
        yield from known.no_column(recipe.input, name, ("probas", label))
    yield from _prediction_spots(recipe)


def _reference_spots(input_: str, reference: str, known: Known) -> Iterator[Spot]:
    yield from known.dangling(Kind.DATASET, reference, ("reference",))
    if reference == input_:
        yield ("reference",), f"{shortened(reference)} is the input itself; name another dataset"


def _prediction_spots(recipe: StandaloneEvaluateRecipe) -> Iterator[Spot]:
    if recipe.prediction is None:
        for key, given in (("task", recipe.task), ("target", recipe.target), ("probas", recipe.probas)):
            if given:
                yield (key,), "says something about predictions; name their column under 'prediction'"
        return
    if recipe.task is None:
        yield ("prediction",), "needs 'task': binary, multiclass or regression"
    if recipe.task is Task.REGRESSION and recipe.probas:
        yield ("probas",), "a regression has no probabilities"
    if recipe.task is Task.BINARY and len(recipe.probas) > 2:
        yield ("probas",), f"a binary task has 2 classes, not {len(recipe.probas)}"
    if recipe.task is Task.MULTICLASS and len(recipe.probas) == 1:
        yield ("probas",), "must name the column of every class, or none"
    used = [recipe.prediction, *([recipe.target] if recipe.target else []), *recipe.probas.values()]
    for _, name in repeated(used):
        yield (), f"column {shortened(name)} is used twice; predictions, truth and probabilities differ"
