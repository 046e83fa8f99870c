"""The kept rows of an evaluation are compared anew, with a model version or with another evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.studio.evaluated_project import STORE, evaluated, write_evaluated_project, write_news

from scoreline.core.drift import DriftReport, DriftSettings
from scoreline.core.drift_reference import DriftReference, EvaluationReference, VersionReference
from scoreline.core.evaluation import CustomMetric
from scoreline.errors import Invalid, NotFound
from scoreline.storage.models import ModelStore
from scoreline.storage.workspace import Workspace
from scoreline.studio.drift_again import drift_again
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.given_evaluations import add_evaluation


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two evaluations: e1 of shifted rows, e2 of rows like those before."""
    folder = write_evaluated_project(tmp_path_factory.mktemp("again") / "cards")
    assert evaluated(folder).id == "e1"
    write_news(folder, shift=0, seed=2)
    assert evaluated(folder).id == "e2"
    return folder


def again(
    project: Path,
    evaluation: str,
    scratch: Path,
    reference: DriftReference | None = None,
    settings: DriftSettings | None = None,
) -> DriftReport:
    return drift_again(project, STORE, evaluation, reference, settings, scratch=scratch)


def test_against_the_same_version_it_is_what_it_was(project: Path, tmp_path: Path) -> None:
    kept = evaluation_store(project, STORE).evaluations.read("e1").drift

    assert again(project, "e1", tmp_path) == kept


def test_two_evaluations_are_compared_with_predictions_and_metrics(project: Path, tmp_path: Path) -> None:
    found = again(project, "e1", tmp_path, EvaluationReference(store=STORE, evaluation="e2"))

    assert (found.reference_rows, found.rows) == (300, 300)
    assert found.classifier is not None
    assert found.classifier.accuracy > 0.6
    assert found.columns["amount"].psi > 0.25  # type: ignore[operator]
    assert found.predictions is not None
    assert found.predictions.classes is not None
    assert set(found.performance) >= {"auc", "log_loss"}
    stored = evaluation_store(project, STORE).evaluations
    assert found.performance["auc"].current == pytest.approx(stored.read("e1").metrics["auc"])
    assert found.performance["auc"].reference == pytest.approx(stored.read("e2").metrics["auc"])


def test_an_evaluation_does_not_drift_from_itself(project: Path, tmp_path: Path) -> None:
    found = again(project, "e2", tmp_path, EvaluationReference(store=STORE, evaluation="e2"))

    assert found.columns["amount"].ks == 0
    assert found.performance["auc"].change == 0


def test_columns_are_left_out_or_handled_in_another_way(project: Path, tmp_path: Path) -> None:
    settings = DriftSettings(columns={"age": "category", "amount": "leave_out"}, confidence=0.9)

    found = again(project, "e1", tmp_path, settings=settings)

    assert set(found.columns) == {"age"}
    assert found.columns["age"].handling == "category"
    assert found.left_out == {"amount": "as the recipe says"}
    assert found.classifier is not None
    assert found.classifier.confidence == 0.9
    with pytest.raises(Invalid, match="did you mean 'amount'"):
        again(project, "e1", tmp_path, settings=DriftSettings(columns={"amont": "numeric"}))


def test_what_was_left_out_then_stays_so(project: Path, tmp_path: Path) -> None:
    recipe = project / "recipes/evaluate_fraud.yaml"
    before = recipe.read_text()
    recipe.write_text(before + "drift: {columns: {age: leave_out}}\n")
    try:
        left = evaluated(project).id
    finally:
        recipe.write_text(before)

    found = again(project, left, tmp_path, EvaluationReference(store=STORE, evaluation="e1"))

    assert set(found.columns) == {"amount"}
    assert found.left_out == {"age": "as the recipe says"}


def test_what_is_not_there_or_has_no_rows_is_told(project: Path, tmp_path: Path) -> None:
    add_evaluation(project, STORE, {"auc": CustomMetric(value=0.7)}, id="march")

    with pytest.raises(NotFound, match="model 'fraud' has no version 't9'"):
        again(project, "e1", tmp_path, VersionReference(model="fraud", version="t9"))
    with pytest.raises(NotFound, match="'march' of 'quality' has kept no rows"):
        again(project, "march", tmp_path)
    with pytest.raises(NotFound, match="has no evaluation"):
        again(project, "e7", tmp_path)


def test_a_version_that_is_gone_leaves_the_comparison_of_evaluations(project: Path, tmp_path: Path) -> None:
    store = ModelStore(Workspace(project).model("fraud"))
    hidden = store.folder.rename(store.folder.with_name("elsewhere"))
    try:
        found = again(project, "e1", tmp_path, EvaluationReference(store=STORE, evaluation="e2"))
        with pytest.raises(NotFound, match="has no version 't1'"):
            again(project, "e1", tmp_path)
    finally:
        hidden.rename(store.folder)
    assert set(found.columns) == {"amount", "age"}
