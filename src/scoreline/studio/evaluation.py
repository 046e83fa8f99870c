"""The evaluate recipe: the active version of a model measured on a dataset."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from scoreline.core.evaluation import Evaluation, next_evaluation_id
from scoreline.core.model import Signature, Task
from scoreline.core.model_version import algorithm_name
from scoreline.core.names import is_id
from scoreline.core.recipe import EvaluateRecipe
from scoreline.errors import Invalid, NotFound
from scoreline.storage.atomic import new_folder, sweep
from scoreline.storage.models import PREDICTIONS, ModelStore
from scoreline.studio.distributions import prediction_distribution
from scoreline.studio.frames import category_values, numeric_values, used_columns
from scoreline.studio.metrics import Scored, measure
from scoreline.studio.performance import compare
from scoreline.studio.prediction_files import prediction_columns, write_predictions
from scoreline.studio.scoring_rows import ScoredRows, score_rows
from scoreline.studio.training_rows import class_codes

EVALUATION = "evaluation.json"
_MOST_ROWS_KEPT = 10_000


def evaluate(
    recipe: EvaluateRecipe,
    store: ModelStore,
    table: pa.Table,
    folder: Path,
    *,
    dataset_digest: str,
    by: str,
    log: Callable[[str], None],
) -> Evaluation:
    """Measure the active version on a table, and keep the outcome as a new evaluation in `folder`.

    The folder is that of the evaluation store; the caller holds the project's lock. Without a column of the
    model's target, or where it is missing, there are predictions but no metrics. Raises what `score_rows`
    raises, and Invalid for a target that holds what the model cannot predict.
    """
    rows = score_rows(store, table, dataset=recipe.input)
    truth, known = _truth(rows, table, recipe.input)
    measured = _only(rows.scored, known)
    evaluation_id = next_evaluation_id(_ids(folder))
    evaluation = Evaluation(
        id=evaluation_id,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        created_by=by,
        model=recipe.model,
        model_version=rows.version.id,
        model_digest=rows.version.digest,
        task=rows.version.task,
        dataset=recipe.input,
        dataset_digest=dataset_digest,
        rows=table.num_rows,
        scored=len(rows.places),
        measured=int(known.sum()),
        metrics=measure(measured, truth[known]),
        performance=compare(measured, truth[known], rows.signature.classes),
        predictions=prediction_distribution(rows.scored, rows.signature.classes),
    )
    sweep(folder)
    with new_folder(folder / evaluation_id) as draft:
        write_predictions(_sample(rows, truth, known), draft / PREDICTIONS)
        encoded = msgspec.json.format(msgspec.json.encode(evaluation), indent=2)
        (draft / EVALUATION).write_bytes(encoded + b"\n")
    name = algorithm_name(rows.version.algorithm)
    log(f"{evaluation_id}: {rows.version.id} ({name}) on {evaluation.measured} rows with a known truth")
    return evaluation


def evaluations(folder: Path) -> tuple[Evaluation, ...]:
    """Every evaluation of a store, newest first."""
    ordered = sorted(_ids(folder), key=lambda name: (len(name), name), reverse=True)
    return tuple(read_evaluation(folder, evaluation_id) for evaluation_id in ordered)


def read_evaluation(folder: Path, evaluation_id: str) -> Evaluation:
    """One evaluation of a store; NotFound if there is none of that id."""
    path = folder / evaluation_id / EVALUATION
    if not is_id(evaluation_id) or not path.is_file():
        raise NotFound(f"evaluation store {folder.name!r} has no evaluation {evaluation_id[:40]!r}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except msgspec.DecodeError as error:
        raise Invalid(
            f"evaluation {evaluation_id!r} cannot be read; evaluate again", code="damaged"
        ) from error


def _ids(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if is_id(path.name)] if folder.is_dir() else []


def _truth(
    rows: ScoredRows, table: pa.Table, dataset: str
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The truth of the scored rows (codes or doubles), and of which of them it is known."""
    target = rows.signature.target
    if target not in table.column_names:
        return np.zeros(len(rows.places)), np.zeros(len(rows.places), dtype=bool)
    column = used_columns(table, {target: "target"}, dataset=dataset)[target]
    if rows.signature.task is Task.REGRESSION:
        numbers = numeric_values(column, target, dataset=dataset, advice="as the target must be")
        numbers = numbers[rows.places]
        return numbers, ~np.isnan(numbers)
    texts = category_values(column, target, dataset=dataset)[rows.places]
    codes = class_codes(texts, rows.signature.classes)
    _check_labels(rows.signature, texts, codes, dataset)
    return codes, codes >= 0


def _check_labels(
    signature: Signature, texts: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], dataset: str
) -> None:
    strange = (codes < 0) & (texts != "")
    if strange.any():
        raise Invalid(
            f"column {signature.target!r} of dataset {dataset!r} holds classes that the model does not know, "
            f"in {int(strange.sum())} rows; train it on data that has them",
            code="unknown-class",
        )


def _only(scored: Scored, rows: np.ndarray[Any, Any]) -> Scored:
    probas = None if scored.probas is None else scored.probas[rows]
    return Scored(scored.task, scored.values[rows], probas)


def _sample(
    rows: ScoredRows, truth: np.ndarray[Any, Any], known: np.ndarray[Any, Any]
) -> dict[str, pa.Array[Any]]:
    """At most 10,000 scored rows, evenly taken: place in the dataset, truth (if known), predictions."""
    count = len(rows.places)
    kept = np.unique(np.linspace(0, count - 1, min(count, _MOST_ROWS_KEPT)).round().astype(np.int64))
    truths: Any = truth[kept]
    if rows.signature.task is not Task.REGRESSION:
        truths = np.array([*rows.signature.classes, None], dtype=object)[truths.astype(np.int64)]
    kind: Any = pa.float64() if rows.signature.task is Task.REGRESSION else pa.string()
    return {
        "row": pa.array(rows.places[kept], pa.int64()),
        "truth": pa.array(truths, kind, mask=~known[kept]),
        **prediction_columns(_only(rows.scored, kept), rows.signature.classes),
    }
