"""Saved models as clients of Dataiku read them.

`S-<project>-<model>-<version>` is the full id of a version. Where public sources leave a name open, it is
ours: `activeVersion`, `createdOn` and `algorithm` in lists; `perf.confusion`; the settings of algorithms and
features, which are those of the project format. What is learned of a model, and how, stands in its train
recipe: only its name and its description can be changed here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from scoreline.core.model import Feature, SavedModel, Signature, Task
from scoreline.core.model_report import ModelReport
from scoreline.core.model_version import ModelVersion, algorithm_name
from scoreline.core.notes import Notes
from scoreline.core.recipe import TrainRecipe
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_metrics import PREDICTION_TYPES, camel, written
from scoreline.wire.dataiku_notes import notes_written
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

MANAGED = "DSS_MANAGED"


class SavedModelItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A saved model in the list."""

    id: str
    name: str
    project_key: str
    type: str = "PREDICTION"
    saved_model_type: str = MANAGED
    active_version: str | None


class VersionItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version in the list."""

    id: str
    active: bool
    full_model_id: str
    created_on: int
    algorithm: str


class ModelMetrics(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """By what algorithms and thresholds are chosen."""

    evaluation_metric: str | None
    threshold_optimization_metric: str | None


class Modeling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model is trained."""

    metrics: ModelMetrics


class MiniTask(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a model learns."""

    task_type: str = "PREDICTION"
    prediction_type: str | None
    target_variable: str | None
    modeling: Modeling


class SavedModelSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The settings of a saved model."""

    id: str
    name: str
    project_key: str
    type: str = "PREDICTION"
    saved_model_type: str = MANAGED
    description: str = ""
    active_version: str | None
    mini_task: MiniTask


class Usage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who uses an object. The names are ours."""

    object_type: str
    """`RECIPE` or `API_SERVICE`."""
    object_id: str
    project_key: str


def full_model_id(project: str, model: str, version: str) -> str:
    """The full id of a version."""
    return f"S-{project}-{model}-{version}"


def settings_written(
    project: str, model: str, definition: SavedModel, recipe: TrainRecipe | None, active: ModelVersion | None
) -> SavedModelSettings:
    """The settings of a model; what is learned is said by its recipe, else by its active version."""
    task = recipe.task if recipe is not None else active.task if active is not None else None
    target = recipe.target if recipe is not None else active.target if active is not None else None
    metric = (recipe.metric if recipe is not None else None) or (active.metric if active else None)
    rule = recipe.threshold.rule if recipe is not None and task is Task.BINARY else None
    return SavedModelSettings(
        id=model,
        name=definition.name or model,
        project_key=project,
        description=definition.description,
        active_version=active.id if active is not None else None,
        mini_task=MiniTask(
            prediction_type=PREDICTION_TYPES[task] if task is not None else None,
            target_variable=target,
            modeling=Modeling(
                metrics=ModelMetrics(
                    evaluation_metric=_metric(metric),
                    threshold_optimization_metric=rule.upper() if rule is not None else None,
                )
            ),
        ),
    )


def settings_read(given: Any, before: SavedModelSettings, recipe: str) -> SavedModel:
    """What such settings say. Raises Invalid for a change of what the recipe, or nobody, may change."""
    known = known_keys(given, SavedModelSettings, "the saved model")
    after = converted({**msgspec.to_builtins(before), **known}, SavedModelSettings)
    for name in after.__struct_fields__:
        if name in ("name", "description") or getattr(after, name) == getattr(before, name):
            continue
        where = f"recipe {recipe!r}" if recipe else "a train recipe"
        hint = {
            "mini_task": f"what is learned stands in {where}; change it there",
            "active_version": "call set_active_version",
        }.get(name, "it stays as it is")
        raise refused(f"the saved model has another {shown(camel(name))} than before: {hint}")
    return SavedModel(name="" if after.name == after.id else after.name, description=after.description)


def algorithm(version: ModelVersion) -> str:
    """The algorithm of a version: `GRADIENT_BOOSTING`."""
    return algorithm_name(version.algorithm).upper()


def snippet(full_id: str, version: ModelVersion, notes: Notes) -> dict[str, Any]:
    """A version in short: its metrics stand beside what it is."""
    return {
        "fullModelId": full_id,
        "predictionType": PREDICTION_TYPES[version.task],
        "algorithm": algorithm(version),
        "trainDate": milliseconds(version.created_at),
        "userMeta": notes_written(notes, version.id),
        "trainInfo": _train_info(version),
        "assertionsMetrics": {"perAssertion": [], "passingAssertionsRatio": None},
        **written(version.metrics),
    }


def details(
    full_id: str, version: ModelVersion, signature: Signature, report: ModelReport, notes: Notes
) -> dict[str, Any]:
    """A version whole."""
    settings = msgspec.to_builtins(version.algorithm)
    performance = report.performance
    roc = performance.roc
    return {
        "fullModelId": full_id,
        "userMeta": notes_written(notes, version.id),
        "trainInfo": _train_info(version),
        "coreParams": {
            "taskType": "PREDICTION",
            "prediction_type": PREDICTION_TYPES[version.task],
            "target_variable": version.target,
        },
        "preprocessing": {"per_feature": {feature.name: _feature(feature) for feature in signature.features}},
        "modeling": {"algorithm": algorithm(version), **settings},
        "actualParams": {"resolved": settings},
        "iperf": {},
        "perf": {
            "metrics": written(version.metrics),
            "usedThreshold": version.threshold,
            "rocVizData": None
            if roc is None
            else [{"x": x, "y": y, "p": p} for x, y, p in zip(roc.x, roc.y, roc.thresholds, strict=True)],
            "confusion": performance.confusion,
        },
    }


def _train_info(version: ModelVersion) -> dict[str, Any]:
    rows = version.data.rows
    return {
        "state": "DONE",
        "endTime": milliseconds(version.created_at),
        "fullRows": rows.given,
        "trainRows": rows.train,
        "testRows": rows.test,
        "kfold": 0,
    }


def _feature(feature: Feature) -> dict[str, Any]:
    return {
        "role": "INPUT",
        "type": "NUMERIC" if feature.handling == "numeric" else "CATEGORY",
        "missing_handling": feature.missing.upper(),
    }


def _metric(name: str | None) -> str | None:
    return {"auc": "ROC_AUC"}.get(name, name.upper()) if name is not None else None
