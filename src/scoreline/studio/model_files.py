"""Fitted models as files that hold data, not code: skops, LightGBM's text and XGBoost's JSON."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

from scoreline.core.model import LightGBM, Task, XGBoost
from scoreline.core.model_version import ModelVersion
from scoreline.errors import Invalid, MissingExtra
from scoreline.storage.file_digests import check_file
from scoreline.storage.models import VERSION
from scoreline.studio.encoding import EncodedRows

_PIPELINE = "model.skops"
_ENCODER = "encoder.skops"
_LIGHTGBM = "model.lightgbm.txt"
_XGBOOST = "model.xgboost.json"
_MODEL_FILES = (_PIPELINE, _ENCODER, _LIGHTGBM, _XGBOOST)

# What pipelines of `studio.pipelines` hold beyond the types that skops trusts by itself.
_TRUSTED = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils.validation.check_array",
    }
)


class FittedModel(Protocol):
    """What predicts: a pipeline, or one that was read back from its files."""

    def predict(self, frame: pd.DataFrame) -> Any:
        """Values (regression) or codes of classes."""

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        """Probabilities, one column for each class. Not for a regression."""


def save_model(pipeline: Pipeline, folder: Path) -> None:
    """Write a fitted pipeline into a folder. Raises Invalid when it holds what no format can."""
    encoder, model = pipeline.named_steps["encode"], pipeline.named_steps["model"]
    library = type(model).__module__.partition(".")[0]
    try:
        if library == "lightgbm":
            skops.io.dump(encoder, folder / _ENCODER)
            model.booster_.save_model(folder / _LIGHTGBM)
        elif library == "xgboost":
            skops.io.dump(encoder, folder / _ENCODER)
            model.save_model(folder / _XGBOOST)
        else:
            skops.io.dump(pipeline, folder / _PIPELINE)
    except UnsupportedTypeException as error:
        raise Invalid(f"the model cannot be written as a file: {error}", code="not-storable") from error


def load_model(folder: Path) -> FittedModel:
    """The original model of a version's folder.

    Raises Invalid (code `damaged` or `untrusted-model`) when its files are not what was written, or hold
    types that Scoreline's models never have; nothing of such a file is run.
    """
    version = msgspec.json.decode((folder / VERSION).read_bytes(), type=ModelVersion)
    for name in _MODEL_FILES:
        if name in version.files:
            check_file(folder, name, version.files[name])
    if isinstance(version.algorithm, LightGBM):
        return _load_lightgbm(folder, version.task)
    if isinstance(version.algorithm, XGBoost):
        return _load_xgboost(folder, version.task)
    pipeline: FittedModel = _load_skops(folder / _PIPELINE)
    return pipeline


def _load_skops(path: Path) -> Any:
    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - _TRUSTED
        if unknown:
            listed = ", ".join(sorted(unknown)[:5])
            raise Invalid(
                f"{path.name} holds types that are not loaded: {listed[:200]}", code="untrusted-model"
            )
        return skops.io.load(path, trusted=sorted(_TRUSTED))
    except UntrustedTypesFoundException as error:
        raise Invalid(f"{path.name} holds types that are not loaded", code="untrusted-model") from error
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{path.name} cannot be read; restore it or train again", code="damaged") from error


def _load_lightgbm(folder: Path, task: Task) -> FittedModel:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("lightgbm", "a model trained by lightgbm") from error
    encoder = _load_skops(folder / _ENCODER)
    try:
        booster = lightgbm.Booster(model_file=folder / _LIGHTGBM)
    except lightgbm.basic.LightGBMError as error:
        raise Invalid(f"{_LIGHTGBM} cannot be read; train again", code="damaged") from error
    return _LightGBMModel(encoder, booster, task)


def _load_xgboost(folder: Path, task: Task) -> FittedModel:
    try:
        import xgboost
    except ImportError as error:
        raise MissingExtra("xgboost", "a model trained by xgboost") from error
    encoder = _load_skops(folder / _ENCODER)
    model = xgboost.XGBRegressor() if task is Task.REGRESSION else xgboost.XGBClassifier()
    try:
        model.load_model(folder / _XGBOOST)
    except xgboost.core.XGBoostError as error:
        raise Invalid(f"{_XGBOOST} cannot be read; train again", code="damaged") from error
    pipeline: FittedModel = Pipeline([("encode", encoder), ("model", model)])
    return pipeline


class _LightGBMModel:
    """An encoder and a LightGBM booster: the same numbers as the pipeline they were written from."""

    def __init__(self, encoder: Any, booster: Any, task: Task) -> None:
        self._encoder, self._booster, self._task = encoder, booster, task

    def predict(self, frame: pd.DataFrame) -> Any:
        if self._task is Task.REGRESSION:
            return self._booster.predict(EncodedRows(self._encoder, frame).matrix())
        return np.argmax(self.predict_proba(frame), axis=1)

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        given = self._booster.predict(EncodedRows(self._encoder, frame).matrix())
        return np.column_stack([1.0 - given, given]) if given.ndim == 1 else given
