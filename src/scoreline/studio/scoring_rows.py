"""The score recipe: predictions of the active version as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from scoreline.core.model import Signature
from scoreline.core.model_version import ModelVersion
from scoreline.errors import Invalid
from scoreline.storage.models import ModelStore
from scoreline.studio.frames import feature_frame, used_columns
from scoreline.studio.metrics import Scored
from scoreline.studio.model_files import FittedModel, load_model
from scoreline.studio.predicting import predict
from scoreline.studio.prediction_files import prediction_columns
from scoreline.studio.training_rows import missing_required


@dataclass(frozen=True)
class ScoredRows:
    """What a model version says of the rows of a table."""

    version: ModelVersion
    signature: Signature
    frame: pd.DataFrame
    """The features of all rows."""
    scored: Scored
    """Only of the rows in `places`."""
    places: np.ndarray[Any, Any]
    """The rows that have a prediction, ascending; the others lack a required feature."""


def score_rows(
    store: ModelStore, table: pa.Table, *, dataset: str, load: Callable[[Path], FittedModel] = load_model
) -> ScoredRows:
    """Predict the rows of a table with the original pipeline of the active version.

    Who scores often may hand in a `load` that remembers. Raises NotFound while nothing was trained, and
    Invalid, naming the dataset, for a column that is not there or holds what the model cannot take.
    """
    version = store.active_version()
    signature = store.signature(version.id)
    features = {feature.name: feature for feature in signature.features}
    used = used_columns(table, dict.fromkeys(features, "feature"), dataset=dataset)
    wanted = {name: feature.handling for name, feature in features.items()}
    frame = feature_frame(used, wanted, dataset=dataset)
    places = np.flatnonzero(~missing_required(frame, features))
    rows = frame if len(places) == len(frame) else frame.iloc[places].reset_index(drop=True)
    model = load(store.path(version.id))
    scored = predict(
        model, rows, signature.task, classes=len(signature.classes), threshold=signature.threshold
    )
    return ScoredRows(version, signature, frame, scored, places)


def score_table(store: ModelStore, table: pa.Table, *, dataset: str = "input") -> pa.Table:
    """The table with the columns `prediction` and, for classes, one `proba_<class>` each.

    Rows that lack a required feature get nulls. Raises what `score_rows` raises, and Invalid when the table
    has a column of such a name already.
    """
    rows = score_rows(store, table, dataset=dataset)
    added = prediction_columns(rows.scored, rows.signature.classes)
    taken = [name for name in added if name in table.column_names]
    if taken:
        raise Invalid(
            f"dataset {dataset!r} has a column {taken[0]!r} already, which the score recipe writes; "
            "rename it in a recipe",
            code="column-exists",
        )
    for name, values in _spread(added, rows.places, table.num_rows).items():
        table = table.append_column(name, values)
    return table


def _spread(
    columns: Mapping[str, pa.Array[Any]], places: np.ndarray[Any, Any], rows: int
) -> Mapping[str, pa.Array[Any]]:
    """Values of some rows as columns of all rows, null elsewhere."""
    if len(places) == rows:
        return columns
    source = np.full(rows, -1, dtype=np.int64)
    source[places] = np.arange(len(places))
    indices: Any = pa.array(source, pa.int64(), mask=source < 0)
    return {name: values.take(indices) for name, values in columns.items()}
