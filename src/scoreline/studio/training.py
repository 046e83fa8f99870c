"""Training: from a recipe and a table to a new version of a model, the active one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from scoreline.core.model import Algorithm, Task
from scoreline.core.model_version import Candidate, ModelVersion, algorithm_name
from scoreline.core.recipe import TrainRecipe
from scoreline.errors import Invalid
from scoreline.storage.models import ModelStore
from scoreline.studio.frames import used_columns
from scoreline.studio.handlings import resolve_handlings
from scoreline.studio.holdout import split_rows
from scoreline.studio.metrics import Scored, check_metric, gain, measure
from scoreline.studio.pipelines import converged, fit_pipeline
from scoreline.studio.predicting import labels, predict
from scoreline.studio.scorer_files import ScorerOutcome
from scoreline.studio.signatures import make_signature
from scoreline.studio.threshold import choose_threshold
from scoreline.studio.training_rows import prepare_rows
from scoreline.studio.version_files import Fitted, Training, describe_version, write_version_files

Log = Callable[[str], None]


def train(recipe: TrainRecipe, table: pa.Table, store: ModelStore, *, by: str, log: Log) -> ModelVersion:
    """Train the recipe's algorithms on a table; the best becomes a new version, and the active one.

    When the store holds a version of the same digest already, that one becomes active and nothing is added.
    Raises Invalid, in words, for data that cannot be trained on, and MissingExtra for a library that is not
    installed. Whatever happens, no half of a version is left.
    """
    training = _prepare(recipe, table, log)
    best, candidates = _try_all(training, log)
    signature = make_signature(
        training.train_frame,
        training.handlings,
        training.table,
        task=recipe.task,
        target=recipe.target,
        classes=training.rows.classes,
        threshold=best.candidate.threshold,
    )
    with store.draft() as draft:
        log("exporting the scorer and comparing it with the original")
        outcome = write_version_files(training, best, signature, draft.folder)
        _tell_outcome(outcome, log)
        version = describe_version(training, best, candidates, signature, outcome, draft.folder, by)
        known = store.with_digest(version.digest)
        kept = known if known is not None else draft.keep(version)
    store.activate(kept.id)
    log(f"{kept.id} is active" + ("; it was there already, with the same digest" if known else ""))
    return kept


def _prepare(recipe: TrainRecipe, table: pa.Table, log: Log) -> Training:
    if not recipe.algorithms:
        raise Invalid(f"the training of {recipe.model!r} names no algorithm; add at least one")
    metric = check_metric(recipe.metric, recipe.task)
    handlings = resolve_handlings(recipe)
    used = {recipe.target: "target"} | dict.fromkeys(handlings, "feature")
    table = used_columns(table, used, dataset=recipe.input)
    rows = prepare_rows(recipe, handlings, table)
    train_places, test_places = split_rows(
        rows.target, recipe.task, test_share=recipe.test_share, seed=recipe.seed
    )
    log(
        f"{len(train_places)} rows to train on, {len(test_places)} to test on; dropped "
        f"{rows.without_target} without target, {rows.ignored} without a required feature"
    )
    return Training(recipe, handlings, metric, table, rows, train_places, test_places)


def _try_all(training: Training, log: Log) -> tuple[Fitted, tuple[Candidate, ...]]:
    """The best candidate, the first of equal ones, and what became of each."""
    best: Fitted | None = None
    candidates = []
    for algorithm in training.recipe.algorithms:
        fitted = _try(training, algorithm, log)
        candidates.append(fitted.candidate)
        if best is None or _quality(training, fitted) > _quality(training, best):
            best = fitted
    assert best is not None
    log(f"the best by {training.metric} is {algorithm_name(best.candidate.algorithm)}")
    return best, tuple(candidates)


def _quality(training: Training, fitted: Fitted) -> float:
    return gain(training.metric, fitted.candidate.metrics[training.metric])


def _try(training: Training, algorithm: Algorithm, log: Log) -> Fitted:
    recipe, started = training.recipe, time.monotonic()
    pipeline = fit_pipeline(
        algorithm,
        training.train_frame,
        training.rows.target[training.train],
        training.handlings,
        task=recipe.task,
        classes=len(training.rows.classes),
        seed=recipe.seed,
    )
    scored = predict(
        pipeline, training.test_frame, recipe.task, classes=len(training.rows.classes), threshold=None
    )
    threshold = None
    if recipe.task is Task.BINARY:
        threshold = choose_threshold(recipe.threshold, training.truth, scored.positive)
        scored = Scored(recipe.task, labels(_probas(scored), threshold), scored.probas)
    measured = measure(scored, training.truth)
    name = algorithm_name(algorithm)
    if training.metric not in measured:
        raise Invalid(
            f"{training.metric} is not defined on the {len(training.test)} test rows of {recipe.input!r}; "
            "give more rows, a greater test_share or another metric"
        )
    seconds = time.monotonic() - started
    log(f"{name}: {training.metric} {measured[training.metric]:.4f} ({seconds:.1f} s)")
    if not converged(pipeline):
        log(f"{name} stopped before it converged; `scale: standard` on numeric features helps")
    candidate = Candidate(
        algorithm=algorithm, metrics=measured, threshold=threshold, seconds=round(seconds, 3)
    )
    return Fitted(candidate, pipeline, scored)


def _probas(scored: Scored) -> np.ndarray[Any, Any]:
    assert scored.probas is not None
    return scored.probas


def _tell_outcome(outcome: ScorerOutcome, log: Log) -> None:
    if outcome.kind is None:
        log(f"no scorer: {outcome.problem}")
    elif outcome.parity is not None:
        rows = outcome.parity.rows + outcome.parity.built_rows
        log(
            f"the {outcome.kind} scorer agrees with the original on {rows} rows "
            f"(greatest difference {outcome.parity.max_difference:g})"
        )
