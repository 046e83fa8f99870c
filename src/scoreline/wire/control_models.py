"""Messages of the control API about the saved models of projects."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.model import Signature, Task
from scoreline.core.model_report import ModelReport
from scoreline.core.model_version import ModelVersion, algorithm_name
from scoreline.core.notes import Notes


class Model(Struct, frozen=True, kw_only=True):
    """A saved model of a project."""

    id: str
    name: str
    description: str
    active: str | None
    """The version that recipes and new packages use; None while nothing was trained."""
    versions: tuple[str, ...]
    """Their ids, newest first."""
    trained_by: str | None
    """The recipe that trains it; None: nothing does."""


class TrainedVersion(Struct, frozen=True, kw_only=True):
    """One training of a model, in short."""

    id: str
    active: bool
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    task: Task
    algorithm: str
    metric: str
    """The one by which the algorithm was chosen."""
    metrics: dict[str, float]
    """On the test rows."""
    threshold: float | None
    dataset: str
    """What it was trained on."""
    digest: str
    scorer: str | None
    """Kind of the exported scorer; None: the version cannot be packaged."""


class TrainedVersionDetails(Struct, frozen=True, kw_only=True):
    """One training of a model, whole."""

    model: str
    active: bool
    version: ModelVersion
    signature: Signature
    report: ModelReport
    notes: Notes


def trained_version(version: ModelVersion, active: str | None) -> TrainedVersion:
    """A version in short; `active` is the id of the active one."""
    return TrainedVersion(
        id=version.id,
        active=version.id == active,
        created_at=version.created_at,
        created_by=version.created_by,
        task=version.task,
        algorithm=algorithm_name(version.algorithm),
        metric=version.metric,
        metrics=version.metrics,
        threshold=version.threshold,
        dataset=version.data.dataset,
        digest=version.digest,
        scorer=version.scorer,
    )
