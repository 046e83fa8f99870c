"""Evaluation stores and evaluations as clients of Dataiku read and write them.

`ME-<project>-<store>-<evaluation>` is the full id of an evaluation. Where public sources leave a name open,
it is ours: `recipe`, `dataset`, `rows` and `createdBy` of an evaluation. The oldest is listed first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.evaluation import CustomMetric, Evaluation, numbers
from scoreline.core.model import METRICS
from scoreline.core.notes import Notes
from scoreline.core.project import EvaluationStore
from scoreline.wire.dataiku_checks import CheckSettings, check_read, check_written
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_metrics import PREDICTION_TYPES, our_name, written
from scoreline.wire.dataiku_models import full_model_id
from scoreline.wire.dataiku_notes import Label, UserMeta, labels_read, notes_written
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

TABULAR = "TABULAR"
_METRICS = frozenset(name for metrics in METRICS.values() for name in metrics)
_SHOWN_ONLY = ("displayedState", "runOnBuild")
"""What else `metricsChecks` may hold: it changes no outcome."""


class StoreItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A store in the list."""

    id: str
    name: str
    project_key: str
    mes_flavor: str = TABULAR


class NewStore(Struct, frozen=True, kw_only=True, rename="camel"):
    """A store to make."""

    name: str
    project_key: str | None = None


class MetricsChecks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The checks of a store."""

    checks: tuple[CheckSettings, ...] = ()


class StoreSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The settings of a store."""

    id: str
    name: str
    project_key: str
    mes_flavor: str = TABULAR
    description: str = ""
    metrics_checks: MetricsChecks = MetricsChecks()


class EvaluationRef(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which evaluation."""

    project_key: str
    id: str
    """Of its store."""
    evaluation_id: str
    full_id: str


class ModelRef(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which version of which model."""

    full_id: str
    project_key: str
    sm_id: str
    version_id: str


class EvaluationInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an evaluation is of."""

    ref: EvaluationRef
    created: int
    created_by: str
    has_model: bool
    model_ref: ModelRef | UnsetType = UNSET
    prediction_type: str | UnsetType = UNSET
    prediction_variable: str | UnsetType = UNSET
    target_variable: str | UnsetType = UNSET
    user_meta: UserMeta
    recipe: str
    dataset: str
    rows: int


class FullInfo(Struct, frozen=True, kw_only=True):
    """An evaluation with its numbers."""

    evaluation: EvaluationInfo
    metrics: dict[str, float]


class GivenMetric(Struct, frozen=True, kw_only=True, rename="camel"):
    """A number that was measured elsewhere."""

    metric_code: str
    value: float
    name: str | None = None
    description: str | None = None


class NewEvaluation(Struct, frozen=True, kw_only=True, rename="camel"):
    """An evaluation of such numbers, to be added."""

    evaluation_id: str | None = None
    name: str | None = None
    metrics: tuple[GivenMetric, ...]
    labels: tuple[Label, ...] | None = None
    full_model_id: str | None = None


def full_evaluation_id(project: str, store: str, evaluation: str) -> str:
    """The full id of an evaluation."""
    return f"ME-{project}-{store}-{evaluation}"


def store_written(project: str, id_: str, store: EvaluationStore) -> StoreSettings:
    """The settings of a store."""
    return StoreSettings(
        id=id_,
        name=store.name or id_,
        project_key=project,
        description=store.description,
        metrics_checks=MetricsChecks(checks=tuple(check_written(check) for check in store.checks)),
    )


def store_read(project: str, id_: str, given: Any) -> EvaluationStore:
    """What such settings say. Raises Invalid, naming what cannot be kept here."""
    known = known_keys(given, StoreSettings, "the evaluation store")
    known = {"id": id_, "name": id_, "projectKey": project, "mesFlavor": TABULAR, **known}
    if (known["id"], known["projectKey"], known["mesFlavor"]) != (id_, project, TABULAR):
        raise refused("these are the settings of another store; its id, project and flavor cannot be changed")
    held = known.get("metricsChecks") or {}
    if isinstance(held, Mapping):
        held = {name: value for name, value in held.items() if name not in _SHOWN_ONLY}
    checks = known_keys(held, MetricsChecks, "metricsChecks").get("checks") or []
    if not isinstance(checks, list):
        raise refused("metricsChecks.checks must be a list")
    read = tuple(check_read(one) for one in checks)
    whole = converted({**known, "metricsChecks": {}}, StoreSettings)
    return EvaluationStore(
        name="" if whole.name == id_ else whole.name, checks=read, description=whole.description
    )


def evaluation_written(
    project: str,
    store: str,
    evaluation: Evaluation,
    notes: Notes,
    *,
    target: str | None,
    predicted: str | None,
) -> EvaluationInfo:
    """An evaluation; `target` and `predicted` are the columns of the truth and of the predictions."""
    version: ModelRef | UnsetType = UNSET
    if evaluation.model is not None and evaluation.model_version is not None:
        version = ModelRef(
            full_id=full_model_id(project, evaluation.model, evaluation.model_version),
            project_key=project,
            sm_id=evaluation.model,
            version_id=evaluation.model_version,
        )
    return EvaluationInfo(
        ref=EvaluationRef(
            project_key=project,
            id=store,
            evaluation_id=evaluation.id,
            full_id=full_evaluation_id(project, store, evaluation.id),
        ),
        created=milliseconds(evaluation.created_at),
        created_by=evaluation.created_by,
        has_model=evaluation.model is not None,
        model_ref=version,
        prediction_type=PREDICTION_TYPES[evaluation.task] if evaluation.task is not None else UNSET,
        prediction_variable=predicted if predicted is not None else UNSET,
        target_variable=target if target is not None else UNSET,
        user_meta=notes_written(notes, evaluation.id),
        recipe=evaluation.recipe,
        dataset=evaluation.dataset,
        rows=evaluation.rows,
    )


def info_written(info: EvaluationInfo, evaluation: Evaluation) -> FullInfo:
    """An evaluation with its numbers."""
    return FullInfo(evaluation=info, metrics=written(numbers(evaluation)))


def metrics_read(given: tuple[GivenMetric, ...]) -> dict[str, CustomMetric]:
    """Numbers by code, metrics that we have by ours. Raises Invalid for one that is given twice."""
    found: dict[str, CustomMetric] = {}
    for metric in given:
        ours = our_name(metric.metric_code)
        code = ours if ours in _METRICS else metric.metric_code
        if code in found:
            raise refused(f"metric {shown(metric.metric_code)} is given twice")
        found[code] = CustomMetric(
            value=metric.value, name=metric.name or "", description=metric.description or ""
        )
    return found


def notes_of(given: NewEvaluation) -> Notes:
    """What is said of an evaluation that is added."""
    return Notes(name=given.name or "", labels=labels_read(given.labels or ()))
