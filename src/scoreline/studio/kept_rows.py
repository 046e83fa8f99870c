"""The rows that evaluations and model versions have kept, read again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scoreline.core.evaluation import Evaluation
from scoreline.core.model import Signature, Task
from scoreline.errors import NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import FEATURES, PREDICTIONS, ModelStore
from scoreline.studio.compared_columns import NamedTable
from scoreline.studio.evaluated_rows import EvaluatedRows
from scoreline.studio.metrics import Scored
from scoreline.studio.training_rows import class_codes


@dataclass(frozen=True)
class KeptRows:
    """A sample of the rows of an evaluation, or the test rows of a model version."""

    features: NamedTable
    predictions: pa.Table | None
    """`prediction`, `proba_<class>` where they are known, `truth`; None: there are none."""
    task: Task | None
    classes: tuple[str, ...]

    def evaluated(self, classes: tuple[str, ...]) -> EvaluatedRows | None:
        """Its predictions as codes of these classes; None where there are none."""
        if self.predictions is None or self.task is None:
            return None
        count = self.predictions.num_rows
        if self.task is Task.REGRESSION:
            values, truth = _numbers(self.predictions, "prediction"), _numbers(self.predictions, "truth")
            return EvaluatedRows(
                Scored(self.task, values, None), np.arange(count), truth, ~np.isnan(truth), ()
            )
        codes = class_codes(_texts(self.predictions, "prediction"), classes)
        truth = class_codes(_texts(self.predictions, "truth"), classes)
        names = [f"proba_{label}" for label in classes]
        probas: np.ndarray[Any, Any] | None = None
        if set(names) <= set(self.predictions.column_names):
            probas = np.column_stack([_numbers(self.predictions, name) for name in names])
        return EvaluatedRows(Scored(self.task, codes, probas), np.arange(count), truth, truth >= 0, classes)


def rows_of_evaluation(evaluations: Evaluations, evaluation: Evaluation) -> KeptRows:
    """What an evaluation has kept. Raises NotFound (code `no-rows`) where it has kept nothing."""
    folder = evaluations.path(evaluation.id)
    features = _read(folder, FEATURES, f"evaluation {evaluation.id!r} of {evaluations.folder.name!r}")
    if not (folder / PREDICTIONS).is_file():
        return KeptRows(features, None, None, ())
    predictions = pq.read_table(folder / PREDICTIONS)
    confusion = evaluation.performance.confusion
    classes = confusion.classes if confusion is not None else _classes(predictions, evaluation.task)
    return KeptRows(features, predictions, evaluation.task, classes)


def rows_of_version(store: ModelStore, version_id: str) -> KeptRows:
    """The test rows of a version. Raises NotFound (code `no-rows`) where it has kept none."""
    folder, signature = store.path(version_id), store.signature(version_id)
    features = _read(folder, FEATURES, f"version {version_id!r} of model {store.model!r}")
    return KeptRows(features, pq.read_table(folder / PREDICTIONS), signature.task, signature.classes)


def signature_of(store: ModelStore, version_id: str | None) -> Signature | None:
    """The signature of a version; None when it is not there any more."""
    return store.signature(version_id) if version_id in store.ids() else None


def merged_classes(current: KeptRows, reference: KeptRows) -> tuple[str, ...] | None:
    """Classes that both sides can be told in; None where they predict different things."""
    if current.task is not reference.task or current.task is None:
        return None
    merged = tuple(dict.fromkeys([*reference.classes, *current.classes]))
    if set(merged) == set(current.classes):
        merged = current.classes
    return None if current.task is Task.BINARY and len(merged) > 2 else merged


def _classes(predictions: pa.Table, task: Task | None) -> tuple[str, ...]:
    if task is Task.REGRESSION:
        return ()
    named = [name.removeprefix("proba_") for name in predictions.column_names if name.startswith("proba_")]
    found = {*_texts(predictions, "prediction").tolist(), *_texts(predictions, "truth").tolist()} - {""}
    return (*named, *sorted(found - set(named)))


def _read(folder: Path, name: str, what: str) -> NamedTable:
    if not (folder / name).is_file():
        raise NotFound(f"{what} has kept no rows; name another one", code="no-rows")
    return NamedTable(pq.read_table(folder / name), what)


def _texts(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    texts: Any = pc.fill_null(table[name], "")
    values: np.ndarray[Any, Any] = texts.to_numpy(zero_copy_only=False)
    return values


def _numbers(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = table[name].to_numpy()
    return values.astype(np.float64)
