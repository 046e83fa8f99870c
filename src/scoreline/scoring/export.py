"""Writes a fitted pipeline as data, by looking at its fitted parts: the model a node can score with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sklearn.pipeline import Pipeline

from scoreline.core.model import Signature, Task
from scoreline.errors import ScorelineError
from scoreline.scoring import export_linear, export_sklearn
from scoreline.scoring.columns import CodedColumn, Encoding, not_exportable, read_columns
from scoreline.scoring.document import FORMAT, ScorerDocument, check_document
from scoreline.scoring.exported import ExportedModel
from scoreline.scoring.files import write_scorer

Read = Callable[[Any, Encoding], ExportedModel]

_GREATEST_IN_SINGLE = math.nextafter((2.0**128 + float(np.finfo(np.float32).max)) / 2, 0)
"""Greater numbers are infinite in float32."""


def export_model(
    pipeline: Any,
    signature: Signature,
    folder: Path,
    *,
    test_probabilities: Sequence[float] | None = None,
) -> str:
    """Write `scorer.json`, and `trees.bin` for trees, into an existing folder; return the kind of scorer.

    `pipeline` is a fitted Pipeline of a ColumnTransformer (step `encode`) and an estimator (step `model`).
    `test_probabilities` are those of the positive class on the test rows, for percentiles (binary).
    Raises Invalid (code `not-exportable`), saying what and why, for a part that cannot be written as data.
    Whether the scorer answers like the pipeline is for `scoreline.scoring.parity` to say.
    """
    encoder, estimator = _parts(pipeline)
    encoding = read_columns(encoder, signature)
    if len(encoding.columns) != estimator.n_features_in_:
        raise not_exportable("its encoder does not make the columns that its model takes")
    accepts_missing = _accepts(estimator, encoding, math.nan)
    _check_missing(encoding, accepts_missing=accepts_missing)
    exported = _reader(estimator)(estimator, encoding)
    document = ScorerDocument(
        format=FORMAT,
        signature=_plain(signature),
        library=exported.library,
        exact=exported.exact,
        slots=tuple(encoding.slots),
        accepts_missing=accepts_missing,
        limit=None if _accepts(estimator, encoding, math.inf) else _limit(exported),
        model=exported.model,
        percentiles=_percentiles(signature, test_probabilities),
    )
    try:
        check_document(document)
    except ScorelineError as error:
        raise not_exportable(error.message) from error
    write_scorer(document, exported.trees, folder)
    return "linear" if exported.trees is None else "trees"


def _plain(signature: Signature) -> Signature:
    """The signature without NumPy's numbers."""
    data = msgspec.json.encode(signature, enc_hook=lambda number: number.item())
    return msgspec.json.decode(data, type=Signature)


def _parts(pipeline: Any) -> tuple[Any, Any]:
    if not isinstance(pipeline, Pipeline) or list(pipeline.named_steps) != ["encode", "model"]:
        raise not_exportable("it is not a Pipeline of two steps, encode and model")
    return pipeline.named_steps["encode"], pipeline.named_steps["model"]


def _reader(estimator: Any) -> Read:
    """How to read an estimator of this class. Libraries that are not in play are not imported."""
    kinds: list[tuple[tuple[type, ...], Read]] = [
        (export_linear.MODELS, export_linear.read_model),
        (export_sklearn.FORESTS, export_sklearn.read_forest),
        (export_sklearn.BOOSTED, export_sklearn.read_boosted),
        (export_sklearn.HISTOGRAM, export_sklearn.read_histogram),
    ]
    for classes, read in kinds:
        if type(estimator) in classes:
            return read
    if type(estimator).__name__ in ("LGBMClassifier", "LGBMRegressor"):
        from scoreline.scoring import export_lightgbm

        return export_lightgbm.read_model
    if type(estimator).__name__ in ("XGBClassifier", "XGBRegressor"):
        from scoreline.scoring import export_xgboost

        return export_xgboost.read_model
    raise not_exportable(f"{type(estimator).__name__} is not known")


def _accepts(estimator: Any, encoding: Encoding, value: float) -> bool:
    """Whether the model itself predicts for a row of such numbers. Asking it beats knowing its rules."""
    row = np.zeros((1, len(encoding.columns)))
    for index, column in enumerate(encoding.columns):
        if not isinstance(column, CodedColumn) or (math.isnan(value) and np.isnan(column.values()).any()):
            row[0, index] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.predict(row)
        except Exception:
            return False
    return True


def _limit(exported: ExportedModel) -> float:
    return float(np.finfo(np.float64).max) if exported.trees is None else _GREATEST_IN_SINGLE


def _check_missing(encoding: Encoding, *, accepts_missing: bool) -> None:
    if accepts_missing:
        return
    for column in encoding.columns:
        if isinstance(column, CodedColumn) and np.isnan(column.values()).any():
            raise not_exportable("its encoder makes NaN of unknown categories, which its model does not take")


def _percentiles(signature: Signature, probabilities: Sequence[float] | None) -> tuple[float, ...] | None:
    """For i from 1 to 100: the smallest probability that at least i percent of the rows do not exceed."""
    if signature.task is not Task.BINARY or probabilities is None or not len(probabilities):
        return None
    ordered = np.sort(np.asarray(probabilities, dtype=np.float64))
    ranks = [-(-percent * len(ordered) // 100) - 1 for percent in range(1, 101)]
    return tuple(ordered[ranks].tolist())
