"""The signature of a model version, from the rows it was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa
from msgspec.structs import replace

from scoreline.core.model import Feature, FeatureHandling, Signature, Task
from scoreline.core.schema import ColumnType
from scoreline.storage.columns import schema_of
from scoreline.studio.distributions import most_frequent


def make_signature(
    frame: pd.DataFrame,
    handlings: Mapping[str, FeatureHandling],
    table: pa.Table,
    *,
    task: Task,
    target: str,
    classes: Sequence[str],
    threshold: float | None,
) -> Signature:
    """The signature of a model trained on `frame`, which was taken from this table."""
    types = {column.name: column.type for column in schema_of(table)}
    features = tuple(_feature(name, frame[name], handlings[name], types[name]) for name in handlings)
    return Signature(task=task, target=target, features=features, classes=tuple(classes), threshold=threshold)


def _feature(name: str, column: pd.Series, handling: FeatureHandling, kind: ColumnType) -> Feature:
    assert handling.missing is not None
    feature = Feature(name=name, type=kind, handling=handling.handling, missing=handling.missing)
    if handling.handling == "numeric":
        return replace(feature, minimum=float(column.min()), maximum=float(column.max()))
    counts = Counter(column)
    counts.pop("", None)
    return replace(feature, categories=tuple(most_frequent(counts, handling.max_categories)))
