"""One side of an evaluation: rows with their predictions and, where it is known, the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from scoreline.core.model import Task
from scoreline.errors import Invalid
from scoreline.statistics.metric_changes import Judged
from scoreline.studio.frames import category_values, numeric_values, used_columns
from scoreline.studio.metrics import Scored
from scoreline.studio.training_rows import class_codes

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EvaluatedRows:
    """Predictions of the rows in `places`, in that order, and their truth."""

    scored: Scored
    places: Array
    """Rows that have a prediction, ascending."""
    truth: Array
    """Codes of classes, or doubles."""
    known: Array
    """Which of them have a truth."""
    classes: tuple[str, ...]

    @property
    def measured(self) -> tuple[Scored, Array]:
        """The predictions whose truth is known, and that truth."""
        return only(self.scored, self.known), self.truth[self.known]

    @property
    def judged(self) -> Judged:
        """The same, for the statistics of changes."""
        scored, truth = self.measured
        return Judged(scored.task, truth, scored.values, scored.probas)


def only(scored: Scored, rows: Array) -> Scored:
    """Some of the predictions."""
    probas = None if scored.probas is None else scored.probas[rows]
    return Scored(scored.task, scored.values[rows], probas)


def truth_of(
    table: pa.Table, target: str | None, places: Array, *, task: Task, classes: Sequence[str], dataset: str
) -> tuple[Array, Array]:
    """The truth of the rows in `places`, and of which of them it is known; of none without the column.

    Raises Invalid for classes that are not among `classes`, and for numbers that are none.
    """
    if target is None or target not in table.column_names:
        return np.zeros(len(places)), np.zeros(len(places), dtype=bool)
    column = used_columns(table, {target: "target"}, dataset=dataset)[target]
    if task is Task.REGRESSION:
        numbers = numeric_values(column, target, dataset=dataset, advice="as the target must be")[places]
        return numbers, ~np.isnan(numbers)
    texts = category_values(column, target, dataset=dataset)[places]
    codes = class_codes(texts, classes)
    strange = (codes < 0) & (texts != "")
    if strange.any():
        raise Invalid(
            f"column {target!r} of dataset {dataset!r} holds classes that the model does not know, "
            f"in {int(strange.sum())} rows; train it on data that has them",
            code="unknown-class",
        )
    return codes, codes >= 0
