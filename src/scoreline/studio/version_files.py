"""The files of a new model version: signature, model, predictions, report, scorer, and its metadata."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

from scoreline.core.model import Algorithm, FeatureHandling, LightGBM, Signature, Task, XGBoost
from scoreline.core.model_report import ModelReport
from scoreline.core.model_version import Candidate, ModelVersion, RowCounts, TrainingData, algorithm_name
from scoreline.core.package import content_digest
from scoreline.core.recipe import TrainRecipe
from scoreline.storage.file_digests import list_files
from scoreline.storage.models import FEATURES, PREDICTIONS, REPORT, SCORER, SIGNATURE
from scoreline.studio.compared_columns import column_table
from scoreline.studio.distributions import column_distribution, prediction_distribution
from scoreline.studio.importance import permutation_importance
from scoreline.studio.metrics import Scored
from scoreline.studio.model_files import save_model
from scoreline.studio.performance import compare
from scoreline.studio.prediction_files import prediction_columns, write_predictions
from scoreline.studio.scorer_files import ScorerOutcome, golden_records, write_scorer
from scoreline.studio.training_rows import TrainingRows, data_digest

_MOST_REFERENCE_ROWS = 50_000


@dataclass(frozen=True)
class Training:
    """What all candidates share."""

    recipe: TrainRecipe
    handlings: Mapping[str, FeatureHandling]
    metric: str
    table: pa.Table
    """Target and features, all rows."""
    rows: TrainingRows
    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]

    @property
    def train_frame(self) -> pd.DataFrame:
        return self.rows.frame.iloc[self.train].reset_index(drop=True)

    @property
    def test_frame(self) -> pd.DataFrame:
        return self.rows.frame.iloc[self.test].reset_index(drop=True)

    @property
    def truth(self) -> np.ndarray[Any, Any]:
        """The target of the test rows."""
        truth: np.ndarray[Any, Any] = self.rows.target[self.test]
        return truth


@dataclass(frozen=True)
class Fitted:
    candidate: Candidate
    pipeline: Pipeline
    scored: Scored
    """Predictions of the test rows."""


def write_version_files(
    training: Training, best: Fitted, signature: Signature, folder: Path
) -> ScorerOutcome:
    places = training.rows.places[training.test]
    (folder / SIGNATURE).write_bytes(_json(signature))
    save_model(best.pipeline, folder)
    write_predictions(
        {
            "row": pa.array(places, pa.int64()),
            "truth": _truth_column(training),
            **prediction_columns(best.scored, signature.classes),
        },
        folder / PREDICTIONS,
    )
    pq.write_table(_reference(training), folder / FEATURES)
    (folder / REPORT).write_bytes(_json(_report(training, best)))
    return write_scorer(
        best.pipeline,
        signature,
        training.rows.frame,
        golden_records(training.table, signature, places.tolist()),
        folder / SCORER,
        seed=training.recipe.seed,
        test_probabilities=best.scored.positive.tolist() if signature.task is Task.BINARY else None,
    )


def _reference(training: Training) -> pa.Table:
    """The features of the test rows, or of 50,000 of them, evenly taken: what drift is measured against."""
    frame = training.test_frame
    places = np.linspace(0, len(frame) - 1, min(len(frame), _MOST_REFERENCE_ROWS)).round().astype(np.int64)
    return column_table({name: frame[name].to_numpy() for name in frame.columns}, places)


def _truth_column(training: Training) -> pa.Array[Any]:
    if training.recipe.task is Task.REGRESSION:
        return pa.array(training.truth, pa.float64())
    labels: Any = np.array(training.rows.classes, dtype=object)[training.truth]
    return pa.array(labels, pa.string())


def _report(training: Training, best: Fitted) -> ModelReport:
    classes, frame = training.rows.classes, training.train_frame
    metric, importance = permutation_importance(
        best.pipeline,
        training.test_frame,
        training.truth,
        task=training.recipe.task,
        classes=len(classes),
        threshold=best.candidate.threshold,
        metric=training.metric,
        seed=training.recipe.seed,
    )
    return ModelReport(
        performance=compare(best.scored, training.truth, classes),
        importance=importance,
        importance_metric=metric,
        features={name: column_distribution(frame[name]) for name in frame.columns},
        predictions=prediction_distribution(best.scored, classes),
    )


def describe_version(
    training: Training,
    best: Fitted,
    candidates: tuple[Candidate, ...],
    signature: Signature,
    outcome: ScorerOutcome,
    folder: Path,
    by: str,
) -> ModelVersion:
    recipe, rows, chosen = training.recipe, training.rows, best.candidate
    version = ModelVersion(
        id="",
        digest="",
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        created_by=by,
        task=recipe.task,
        target=recipe.target,
        algorithm=chosen.algorithm,
        metric=training.metric,
        metrics=chosen.metrics,
        threshold=chosen.threshold,
        classes=rows.classes,
        candidates=candidates,
        data=TrainingData(
            dataset=recipe.input,
            digest=data_digest(rows),
            rows=RowCounts(
                given=rows.given,
                without_target=rows.without_target,
                ignored=rows.ignored,
                train=len(training.train),
                test=len(training.test),
            ),
        ),
        seed=recipe.seed,
        libraries=_libraries(chosen.algorithm),
        scorer=outcome.kind,
        scorer_problem=outcome.problem,
        parity=outcome.parity,
    )
    return msgspec.structs.replace(version, digest=_digest(version, signature, best.scored, folder / SCORER))


def _digest(version: ModelVersion, signature: Signature, scored: Scored, scorer: Path) -> str:
    """Equal for equal recipe, data, seed and libraries; independent of who, when and how fast."""
    facts = [
        signature,
        version.metric,
        [(candidate.algorithm, candidate.metrics) for candidate in version.candidates],
        version.algorithm,
        version.data.digest,
        version.data.rows,
        version.seed,
        version.libraries,
        version.scorer,
        content_digest(list_files(scorer)),
    ]
    digest = hashlib.sha256(msgspec.json.encode(facts))
    answers = scored.values if scored.probas is None else scored.probas
    digest.update(answers.astype("<f8").tobytes())
    return digest.hexdigest()


def _libraries(algorithm: Algorithm) -> dict[str, str]:
    names = ["numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"]
    found = {name: installed_version(name) for name in names}
    if isinstance(algorithm, LightGBM | XGBoost):
        name = algorithm_name(algorithm)
        found[name] = str(import_module(name).__version__)
    return found


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
