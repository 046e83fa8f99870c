"""Drift computed anew: the kept rows of an evaluation against those of another one, or of a model version."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scoreline.core.drift import DriftReport, DriftSettings
from scoreline.core.drift_reference import DriftReference, EvaluationReference, VersionReference
from scoreline.core.evaluation import Evaluation
from scoreline.core.model import Signature
from scoreline.errors import Invalid
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.compared_columns import ComparedColumns, compare_features, compare_tables
from scoreline.studio.drift import drift_report
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.kept_rows import (
    KeptRows,
    merged_classes,
    rows_of_evaluation,
    rows_of_version,
    signature_of,
)
from scoreline.studio.saved_models import saved_model


def drift_again(
    folder: Path,
    store_id: str,
    evaluation_id: str,
    reference: DriftReference | None,
    settings: DriftSettings | None,
    *,
    scratch: Path,
) -> DriftReport:
    """Compare what an evaluation has kept with a reference; nothing is kept of it.

    Without a reference it is the version that it was compared with first, without settings they are those of
    then. `scratch` is a folder for what does not fit in memory. Raises NotFound for what is not there or has
    kept no rows, Invalid for settings that do not fit the rows.
    """
    store = evaluation_store(folder, store_id)
    evaluation = store.evaluations.read(evaluation_id)
    settings = evaluation.settings if settings is None else settings
    current = rows_of_evaluation(store.evaluations, evaluation)
    against = _rows(folder, reference or own_reference(evaluation))
    compared = _compared(folder, evaluation, settings, against, current)
    classes = merged_classes(current, against)
    return drift_report(
        compared,
        None if classes is None else against.evaluated(classes),
        None if classes is None else current.evaluated(classes),
        rows=(against.features.table.num_rows, current.features.table.num_rows),
        settings=settings,
        seed=evaluation.seed,
        scratch=scratch,
    )


def own_reference(evaluation: Evaluation) -> DriftReference:
    """The version that an evaluation was compared with. Raises Invalid where it was none."""
    source = evaluation.reference
    if source is None or source.kind != "test_rows" or evaluation.model is None:
        what = f"with dataset {source.id!r}, whose rows it has not kept" if source else "with nothing"
        raise Invalid(
            f"evaluation {evaluation.id!r} was compared {what}; name another evaluation or a version of a "
            "model, or change the recipe and build it again",
            code="no-reference",
        )
    return VersionReference(model=evaluation.model, version=source.id)


def _rows(folder: Path, reference: DriftReference) -> KeptRows:
    match reference:
        case VersionReference():
            return rows_of_version(saved_model(folder, reference.model).store, reference.version)
        case EvaluationReference():
            evaluations = evaluation_store(folder, reference.store).evaluations
            return rows_of_evaluation(evaluations, evaluations.read(reference.evaluation))


def _compared(
    folder: Path, evaluation: Evaluation, settings: DriftSettings, reference: KeptRows, current: KeptRows
) -> ComparedColumns:
    names = current.features.table.column_names
    # What was left out then has not been kept.
    gone = [name for name, how in settings.columns.items() if how == "leave_out" and name not in names]
    wanted = {name: how for name, how in settings.columns.items() if name not in gone}
    settings = msgspec.structs.replace(settings, columns=wanted)
    signature = _signature(folder, evaluation)
    if signature is None:
        compared = compare_tables(settings, reference.features, current.features, apart=frozenset())
    else:
        features = tuple(one for one in signature.features if one.name in names)
        known = msgspec.structs.replace(signature, features=features)
        compared = compare_features(known, settings, reference.features, current.features, {})
    compared.left_out.update(dict.fromkeys(gone, "as the recipe says"))
    return compared


def _signature(folder: Path, evaluation: Evaluation) -> Signature | None:
    if evaluation.model is None:
        return None
    # Not `saved_model`: the model may have been deleted since.
    return signature_of(ModelStore(Workspace(folder).model(evaluation.model)), evaluation.model_version)
