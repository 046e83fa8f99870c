"""The rows that drift is measured against: the test rows of a model version, or a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoreline.core.evaluation import ReferenceRows
from scoreline.core.model import Signature, Task
from scoreline.core.model_version import ModelVersion
from scoreline.storage.models import FEATURES, PREDICTIONS, ModelStore
from scoreline.studio.compared_columns import NamedTable
from scoreline.studio.evaluated_rows import EvaluatedRows
from scoreline.studio.metrics import Scored
from scoreline.studio.training_rows import class_codes


@dataclass(frozen=True)
class GivenReference:
    """A dataset as the reference."""

    dataset: str
    table: pa.Table
    digest: str

    @property
    def source(self) -> ReferenceRows:
        """What an evaluation keeps of it."""
        return ReferenceRows(kind="dataset", id=self.dataset, digest=self.digest, rows=self.table.num_rows)


@dataclass(frozen=True)
class Reference:
    """What an evaluation is compared with."""

    table: NamedTable
    rows: EvaluatedRows | None
    """Its predictions; None where there are none."""
    source: ReferenceRows


def reference_of_version(store: ModelStore, version: ModelVersion, signature: Signature) -> Reference | None:
    """The test rows of a model version; None if it kept none."""
    folder = store.path(version.id)
    if not (folder / FEATURES).is_file():
        return None
    features = pq.read_table(folder / FEATURES)
    predictions = pq.read_table(folder / PREDICTIONS)
    source = ReferenceRows(kind="test_rows", id=version.id, digest=version.digest, rows=predictions.num_rows)
    named = NamedTable(features, f"test rows of {version.id}")
    return Reference(named, _read_predictions(predictions, signature), source)


def _read_predictions(predictions: pa.Table, signature: Signature) -> EvaluatedRows:
    """What `write_version_files` wrote, as it was."""
    count = predictions.num_rows
    values, truth = _column(predictions, "prediction"), _column(predictions, "truth")
    probas: np.ndarray[Any, Any] | None = None
    if signature.task is not Task.REGRESSION:
        values, truth = class_codes(values, signature.classes), class_codes(truth, signature.classes)
        columns = [_column(predictions, f"proba_{label}") for label in signature.classes]
        probas = np.column_stack(columns)
    everything = np.ones(count, dtype=bool)
    scored = Scored(signature.task, values, probas)
    return EvaluatedRows(scored, np.arange(count), truth, everything, signature.classes)


def _column(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = table[name].to_numpy()
    return values
