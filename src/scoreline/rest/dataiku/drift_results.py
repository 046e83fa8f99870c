"""Drift reports of ours in the words of Dataiku's clients, with what the model says of its features."""

from __future__ import annotations

from pathlib import Path

from scoreline.core.drift import DriftReport
from scoreline.core.evaluation import Evaluation
from scoreline.errors import ScorelineError
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.wire.dataiku_drift import DriftResult, result_written


def drift_result(folder: Path, evaluation: Evaluation, report: DriftReport) -> DriftResult:
    """The drift of an evaluation of the project in a folder."""
    importance: dict[str, float] | None = None
    handlings: dict[str, str] = {}
    if evaluation.model is not None and evaluation.model_version is not None:
        store = ModelStore(Workspace(folder).model(evaluation.model))
        try:
            told = store.report(evaluation.model_version).importance
            importance = {one.feature: one.mean for one in told}
            features = store.signature(evaluation.model_version).features
            handlings = {one.name: one.handling for one in features}
        except ScorelineError:
            importance = None  # the version was deleted since
    return result_written(report, importance=importance, handlings=handlings)
