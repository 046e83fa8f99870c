"""The evaluate recipe: the active version of a model measured on a dataset, and drift since its reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scoreline.core.drift import DriftReport
from scoreline.core.evaluation import Evaluation, ReferenceRows
from scoreline.core.model_version import algorithm_name
from scoreline.core.recipe import EvaluateRecipe
from scoreline.storage.models import ModelStore
from scoreline.studio.compared_columns import ComparedColumns, NamedTable, compare_features
from scoreline.studio.drift import drift_report
from scoreline.studio.evaluated_rows import EvaluatedRows, truth_of
from scoreline.studio.evaluation_files import About, Measured, keep, libraries, now
from scoreline.studio.model_files import FittedModel, load_model
from scoreline.studio.reference_rows import GivenReference, Reference, reference_of_version
from scoreline.studio.scoring_rows import ScoredRows, score_rows


@dataclass(frozen=True)
class _Drift:
    """What was compared, or why nothing was."""

    columns: ComparedColumns
    reference: ReferenceRows | None = None
    report: DriftReport | None = None
    problem: str = ""


def evaluate(
    recipe: EvaluateRecipe,
    store: ModelStore,
    table: pa.Table,
    about: About,
    reference: GivenReference | None = None,
    *,
    load: Callable[[Path], FittedModel] = load_model,
) -> Evaluation:
    """Measure the active version on a table, and keep the outcome as a new evaluation.

    `reference` is the dataset that the recipe names; None: the test rows of the version. The caller holds the
    project's lock; who evaluates often may hand in a `load` that remembers. Without a column of the model's
    target, or where it is missing, there are predictions but no metrics. Raises what `score_rows` raises, and
    Invalid for a target that holds what the model cannot predict.
    """
    rows = score_rows(store, table, dataset=recipe.input, load=load)
    current = _evaluated(rows, table, recipe.input)
    against = (
        _of_dataset(store, reference, load)
        if reference is not None
        else reference_of_version(store, rows.version, rows.signature)
    )
    drift = _drift(recipe, against, rows, current, table, about)
    measured = Measured.of(current)
    version = rows.version
    evaluation = Evaluation(
        id=about.evaluations.next_id(),
        created_at=now(),
        created_by=about.by,
        recipe=about.recipe,
        seed=recipe.seed,
        model=recipe.model,
        model_version=version.id,
        model_digest=version.digest,
        task=version.task,
        dataset=recipe.input,
        dataset_digest=about.dataset_digest,
        rows=table.num_rows,
        scored=measured.scored,
        measured=measured.rows,
        metrics=measured.metrics,
        performance=measured.performance,
        predictions=measured.predictions,
        reference=drift.reference,
        drift=drift.report,
        drift_problem=drift.problem,
        settings=recipe.drift,
        libraries=libraries(),
    )
    keep(evaluation, about.evaluations, current, drift.columns.current)
    name = algorithm_name(version.algorithm)
    about.log(f"{evaluation.id}: {version.id} ({name}) on {measured.rows} rows with a known truth")
    return evaluation


def _evaluated(rows: ScoredRows, table: pa.Table, dataset: str) -> EvaluatedRows:
    signature = rows.signature
    truth, known = truth_of(
        table, signature.target, rows.places, task=signature.task, classes=signature.classes, dataset=dataset
    )
    return EvaluatedRows(rows.scored, rows.places, truth, known, signature.classes)


def _drift(
    recipe: EvaluateRecipe,
    found: Reference | None,
    rows: ScoredRows,
    current: EvaluatedRows,
    table: pa.Table,
    about: About,
) -> _Drift:
    values = {name: rows.frame[name].to_numpy() for name in rows.frame.columns}
    if found is None:
        problem = f"version {rows.version.id} of model {recipe.model!r} kept no test rows; train it again"
        about.log(f"no drift: {problem}")
        return _Drift(ComparedColumns(current=values), problem=problem)
    compared = compare_features(
        rows.signature, recipe.drift, found.table, NamedTable(table, recipe.input), values
    )
    report = drift_report(
        compared,
        found.rows,
        current,
        rows=(found.table.table.num_rows, table.num_rows),
        settings=recipe.drift,
        seed=recipe.seed,
        scratch=about.scratch,
    )
    return _Drift(compared, found.source, report)


def _of_dataset(store: ModelStore, given: GivenReference, load: Callable[[Path], FittedModel]) -> Reference:
    """The reference dataset, with what the model says of it."""
    scored = score_rows(store, given.table, dataset=given.dataset, load=load)
    return Reference(
        NamedTable(given.table, given.dataset), _evaluated(scored, given.table, given.dataset), given.source
    )
