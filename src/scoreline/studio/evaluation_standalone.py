"""The standalone evaluate recipe: a dataset against another one, with predictions that stand in columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from scoreline.core.evaluation import Evaluation
from scoreline.core.model import Task
from scoreline.core.recipe import StandaloneEvaluateRecipe
from scoreline.errors import Invalid
from scoreline.studio.compared_columns import NamedTable, compare_tables
from scoreline.studio.drift import drift_report
from scoreline.studio.evaluated_rows import Array, EvaluatedRows, truth_of
from scoreline.studio.evaluation_files import About, Measured, keep, libraries, now
from scoreline.studio.frames import category_values, numeric_values, used_columns
from scoreline.studio.metrics import Scored
from scoreline.studio.reference_rows import GivenReference
from scoreline.studio.training_rows import class_codes

_MOST_CLASSES = 100


def evaluate_standalone(
    recipe: StandaloneEvaluateRecipe, table: pa.Table, reference: GivenReference, about: About
) -> Evaluation:
    """Compare a table with the reference, and keep the outcome as a new evaluation.

    The caller holds the project's lock. Raises Invalid for columns that are not there or hold what they must
    not.
    """
    today, before = NamedTable(table, recipe.input), NamedTable(reference.table, reference.dataset)
    predicting = frozenset(
        name for name in (recipe.prediction, recipe.target, *recipe.probas.values()) if name is not None
    )
    compared = compare_tables(recipe.drift, before, today, apart=predicting)
    classes = _classes(recipe, today, before)
    current = _predicted(recipe, today, classes)
    report = drift_report(
        compared,
        _predicted(recipe, before, classes),
        current,
        rows=(reference.table.num_rows, table.num_rows),
        settings=recipe.drift,
        seed=recipe.seed,
        scratch=about.scratch,
    )
    measured = Measured.of(current)
    evaluation = Evaluation(
        id=about.evaluations.next_id(),
        created_at=now(),
        created_by=about.by,
        recipe=about.recipe,
        seed=recipe.seed,
        model=None,
        model_version=None,
        model_digest=None,
        task=recipe.task,
        dataset=recipe.input,
        dataset_digest=about.dataset_digest,
        rows=table.num_rows,
        scored=measured.scored,
        measured=measured.rows,
        metrics=measured.metrics,
        performance=measured.performance,
        predictions=measured.predictions,
        reference=reference.source,
        drift=report,
        settings=recipe.drift,
        libraries=libraries(),
    )
    keep(evaluation, about.evaluations, current, compared.current)
    about.log(f"{evaluation.id}: {recipe.input} against {recipe.reference}")
    return evaluation


def _classes(recipe: StandaloneEvaluateRecipe, today: NamedTable, before: NamedTable) -> tuple[str, ...]:
    """The classes in the order of the recipe's probabilities, then the others that are found."""
    if recipe.prediction is None or recipe.task is Task.REGRESSION:
        return ()
    found: set[str] = set()
    for given in (today, before):
        for name in (recipe.prediction, recipe.target):
            if name is not None and name in given.table.column_names:
                found |= set(_texts(given, name).tolist()) - {""}
    most = 2 if recipe.task is Task.BINARY else _MOST_CLASSES
    classes = sorted(found - set(recipe.probas))
    # Of a binary task the last is the positive one, whose probability is enough.
    classes = [*classes, *recipe.probas] if recipe.task is Task.BINARY else [*recipe.probas, *classes]
    if len(classes) > most:
        raise Invalid(
            f"columns {recipe.prediction!r} and {recipe.target!r} hold {len(classes)} classes, "
            f"at most {most} can be compared in a {recipe.task.value if recipe.task else ''} task",
            code="too-many-classes",
        )
    return tuple(classes)


def _predicted(
    recipe: StandaloneEvaluateRecipe, given: NamedTable, classes: Sequence[str]
) -> EvaluatedRows | None:
    """The predictions of a table; None where the recipe names none, or the table has no such column."""
    task, name = recipe.task, recipe.prediction
    if task is None or name is None or name not in given.table.column_names:
        return None
    values = _numbers(given, name) if task is Task.REGRESSION else class_codes(_texts(given, name), classes)
    probas = _probas(recipe, given, classes)
    there = ~np.isnan(values) if task is Task.REGRESSION else values >= 0
    if probas is not None:
        there &= ~np.isnan(probas).any(axis=1)
    places = np.flatnonzero(there)
    truth, known = truth_of(
        given.table, recipe.target, places, task=task, classes=classes, dataset=given.dataset
    )
    scored = Scored(task, values[places], None if probas is None else probas[places])
    return EvaluatedRows(scored, places, truth, known, tuple(classes))


def _probas(recipe: StandaloneEvaluateRecipe, given: NamedTable, classes: Sequence[str]) -> Array | None:
    """One column for each class; None unless there is one for each, or for the positive of two."""
    known = {label: _numbers(given, column) for label, column in recipe.probas.items()}
    if len(known) == 1 and recipe.task is Task.BINARY and len(classes) == 2:
        (positive,) = known.values()
        return np.column_stack([1 - positive, positive])
    if not known or set(known) != set(classes):
        return None
    return np.column_stack([known[label] for label in classes])


def _texts(given: NamedTable, name: str) -> Array:
    column = used_columns(given.table, {name: "prediction"}, dataset=given.dataset)[name]
    return category_values(column, name, dataset=given.dataset)


def _numbers(given: NamedTable, name: str) -> Array:
    column = used_columns(given.table, {name: "prediction"}, dataset=given.dataset)[name]
    return numeric_values(column, name, dataset=given.dataset, advice="as the prediction must be")
