"""Reads scikit-learn's linear models: logistic regression and ridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from scoreline.scoring.columns import CodedColumn, Column, Encoding, not_exportable
from scoreline.scoring.document import CategorySlot, Linear, LinkName
from scoreline.scoring.exported import ExportedModel

MODELS = (LogisticRegression, Ridge)


def read_model(model: Any, encoding: Encoding) -> ExportedModel:
    """A fitted LogisticRegression or Ridge. Raises Invalid (code `not-exportable`) for several targets."""
    factors = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (len(factors),))
    link: LinkName = "identity"
    if isinstance(model, LogisticRegression):
        link = "sigmoid" if len(factors) == 1 else "softmax"
    elif len(factors) != 1:
        raise not_exportable("it predicts several targets")
    linear = Linear(
        link, tuple(intercept.tolist()), tuple(_weights(row.tolist(), encoding) for row in factors)
    )
    return ExportedModel("scikit-learn linear", exact=False, model=linear)


def _weights(factors: Sequence[float], encoding: Encoding) -> tuple[tuple[float, ...], ...]:
    """The terms of each slot: the factor of its number, or the sum of its columns for each code."""
    terms = [
        np.zeros(slot.size if isinstance(slot, CategorySlot) else 1, dtype=np.float64)
        for slot in encoding.slots
    ]
    for column, factor in zip(encoding.columns, factors, strict=True):
        terms[column.slot] += factor * _values(column)
    return tuple(tuple(own.tolist()) for own in terms)


def _values(column: Column) -> Any:
    return column.values() if isinstance(column, CodedColumn) else 1.0
