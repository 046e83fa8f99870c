"""Full ids of model versions and evaluations, as clients of Dataiku send them, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from scoreline.core.drift_reference import DriftReference, EvaluationReference, VersionReference
from scoreline.core.names import shortened
from scoreline.errors import NotFound
from scoreline.studio.evaluation_stores import evaluation_stores
from scoreline.studio.saved_models import saved_models


def reference_of(project: str, folder: Path, full_id: str) -> DriftReference:
    """The version or the evaluation of a project that is meant. Raises NotFound."""
    evaluation = full_id.removeprefix(f"ME-{project}-")
    if evaluation != full_id:
        stores = {id_: store.evaluations.ids() for id_, store in evaluation_stores(folder).items()}
        store, evaluation_id = _split(evaluation, stores, full_id)
        return EvaluationReference(store=store, evaluation=evaluation_id)
    return version_of(project, folder, full_id)


def version_of(project: str, folder: Path, full_id: str) -> VersionReference:
    """The version of a saved model of a project that is meant. Raises NotFound."""
    version = full_id.removeprefix(f"S-{project}-")
    if version == full_id:
        raise _not_there(full_id)
    models = {id_: model.store.ids() for id_, model in saved_models(folder).items()}
    model, version_id = _split(version, models, full_id)
    return VersionReference(model=model, version=version_id)


def _split(text: str, known: Mapping[str, Iterable[str]], full_id: str) -> tuple[str, str]:
    """The owner and its part in `owner-part`: both may hold dashes, so it is looked what is there."""
    for owner, parts in known.items():
        part = text.removeprefix(f"{owner}-")
        if part != text and part in parts:
            return owner, part
    raise _not_there(full_id)


def _not_there(full_id: str) -> NotFound:
    return NotFound(
        f"this project has no version of a saved model and no evaluation {shortened(full_id)}; "
        "take the full_id of one",
        code="no-such-reference",
    )
