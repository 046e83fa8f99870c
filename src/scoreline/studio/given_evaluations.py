"""Evaluations whose numbers were measured elsewhere, added to a store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from scoreline.core.evaluation import CustomMetric, Evaluation, is_recipe_id
from scoreline.core.model import METRICS
from scoreline.core.model_report import PerformanceReport
from scoreline.core.model_version import ModelVersion
from scoreline.core.names import check_id
from scoreline.core.notes import Notes
from scoreline.errors import Invalid
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.saved_models import saved_model

_METRICS = frozenset(name for metrics in METRICS.values() for name in metrics)
_MOST = 200


class EvaluatedVersion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a saved model of the project."""

    model: str
    version: str


def add_evaluation(
    folder: Path,
    store_id: str,
    metrics: Mapping[str, CustomMetric],
    *,
    id: str = "",  # noqa: A002
    of: EvaluatedVersion | None = None,
    notes: Notes | None = None,
    by: str = "",
) -> Evaluation:
    """Add an evaluation of some metrics by code; without an id it gets the next of g1, g2, …

    Raises NotFound for an unknown store or model version, Invalid for a code or an id that cannot be one,
    Conflict when there is an evaluation of that id.
    """
    store = evaluation_store(folder, store_id)
    _check(metrics, id)
    version = _version(folder, of) if of is not None else None
    added = store.evaluations.add(
        Evaluation(
            id=id,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            created_by=by,
            recipe="",
            seed=0,
            model=of.model if of is not None else None,
            model_version=of.version if of is not None else None,
            model_digest=version.digest if version is not None else None,
            task=version.task if version is not None else None,
            dataset="",
            dataset_digest="",
            rows=0,
            scored=0,
            measured=0,
            metrics={code: metric.value for code, metric in metrics.items() if code in _METRICS},
            performance=PerformanceReport(),
            predictions=None,
            reference=None,
            drift=None,
            drift_problem="its numbers were given, so there are no rows to compare",
            custom=dict(metrics),
        )
    )
    if notes is not None and notes != Notes():
        store.evaluations.note(added.id, notes)
    return added


def _check(metrics: Mapping[str, CustomMetric], id_: str) -> None:
    if not metrics:
        raise Invalid("give at least one metric", code="no-metrics")
    if len(metrics) > _MOST:
        raise Invalid(f"{len(metrics)} metrics are too many; give at most {_MOST}", code="too-many-metrics")
    for code in metrics:
        check_id(code, "a metric")
    if id_ and is_recipe_id(check_id(id_, "an evaluation")):
        raise Invalid(
            f"evaluations by recipes are called e1, e2, …; choose another id than {id_!r}", code="bad-id"
        )


def _version(folder: Path, of: EvaluatedVersion) -> ModelVersion:
    return saved_model(folder, of.model).store.version(of.version)
