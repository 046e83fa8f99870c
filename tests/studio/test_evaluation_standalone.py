"""Standalone evaluations: a dataset against another one, with predictions in columns or without any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics

from scoreline.core.drift import DriftSettings
from scoreline.core.evaluation import Evaluation
from scoreline.core.evaluation_check import EvaluationCheck, Outcome, run_check
from scoreline.core.model import Task
from scoreline.core.recipe import StandaloneEvaluateRecipe
from scoreline.errors import Invalid
from scoreline.storage.evaluations import Evaluations
from scoreline.studio.build import build
from scoreline.studio.evaluation_files import About
from scoreline.studio.evaluation_standalone import evaluate_standalone
from scoreline.studio.reference_rows import GivenReference


def rows(count: int, seed: int, *, factor: float = 1.0) -> pa.Table:
    generator = np.random.default_rng(seed)
    logits = generator.normal(0.5, 1.5, count)
    proba = 1 / (1 + np.exp(-logits))
    truth = generator.random(count) < proba
    return pa.table(
        {
            "card": [f"C_{seed}_{n}" for n in range(count)],
            "amount": generator.lognormal(3, 1, count) * factor,
            "online": generator.random(count) < 0.3,
            "state": np.array(["Ohio", "Utah", "Iowa"], dtype=object)[generator.integers(0, 3, count)],
            "day": np.datetime64("2018-05-01") + np.arange(count) % 31,
            "said": np.where(proba >= 0.5, "ok", "refused"),
            "proba": proba,
            "was": np.where(truth, "ok", "refused"),
            "price": 10 * logits,
            "paid": 10 * logits + generator.normal(size=count),
        }
    )


def evaluated(table: pa.Table, reference: pa.Table, folder: Path, **more: Any) -> Evaluation:
    recipe = StandaloneEvaluateRecipe(input="news", reference="past", store="s", **more)
    about = About("r", Evaluations(folder / "s"), "digest of news", "bob", folder, lambda _: None)
    return evaluate_standalone(recipe, table, GivenReference("past", reference, "digest of past"), about)


def test_columns_are_compared_by_their_type_and_ids_and_dates_left_out(tmp_path: Path) -> None:
    found = evaluated(rows(900, 2, factor=2.0), rows(1_000, 1), tmp_path)

    drift = found.drift
    assert drift is not None
    assert {name: column.handling for name, column in drift.columns.items()} == {
        "amount": "numeric",
        "online": "category",
        "state": "category",
        "said": "category",
        "proba": "numeric",
        "was": "category",
        "price": "numeric",
        "paid": "numeric",
    }
    assert drift.left_out == {
        "card": "nearly every row has a value of its own",
        "day": "dates differ by nature",
    }
    assert run_check(EvaluationCheck(metric="column_psi", max=0.2), found).column == "amount"
    assert (found.model, found.task, found.metrics, found.predictions) == (None, None, {}, None)
    assert found.reference is not None
    assert (found.reference.kind, found.reference.id, found.reference.rows) == ("dataset", "past", 1_000)
    assert pq.read_table(tmp_path / "s/e1/features.parquet").num_rows == 900


def test_a_column_of_one_side_only_is_left_out_and_named(tmp_path: Path) -> None:
    found = evaluated(rows(300, 2), rows(300, 1).drop_columns(["state"]), tmp_path)

    assert found.drift is not None
    assert found.drift.left_out["state"] == "the reference does not have it"


def test_settings_say_how_columns_are_compared(tmp_path: Path) -> None:
    settings = DriftSettings(columns={"card": "category", "amount": "leave_out"})

    drift = evaluated(rows(300, 2), rows(300, 1), tmp_path, drift=settings).drift

    assert drift is not None
    assert drift.columns["card"].new_category_share == 1.0
    assert drift.left_out["amount"] == "as the recipe says"


def test_predictions_in_columns_are_measured_and_compared(tmp_path: Path) -> None:
    table = rows(800, 2)

    found = evaluated(
        table,
        rows(900, 1),
        tmp_path,
        task=Task.BINARY,
        prediction="said",
        probas={"ok": "proba"},
        target="was",
    )

    truth = np.array(table["was"].to_pylist()) == "ok"
    assert found.metrics["auc"] == pytest.approx(metrics.roc_auc_score(truth, table["proba"].to_numpy()))
    assert found.metrics["accuracy"] == pytest.approx(np.mean((table["proba"].to_numpy() >= 0.5) == truth))
    assert (found.task, found.scored, found.measured) == (Task.BINARY, 800, 800)
    assert found.performance.roc is not None
    drift = found.drift
    assert drift is not None
    assert set(drift.columns) == {"amount", "online", "state", "price", "paid"}
    assert drift.predictions is not None
    assert drift.predictions.values is not None
    assert set(drift.performance) == set(found.metrics)
    assert run_check(EvaluationCheck(metric="auc_change_p_value", min=0.001), found).outcome is Outcome.OK
    kept = pq.read_table(tmp_path / "s/e1/predictions.parquet")
    assert kept.column_names == ["row", "truth", "prediction", "proba_refused", "proba_ok"]


def test_classes_alone_have_the_metrics_of_classes(tmp_path: Path) -> None:
    for task in (Task.BINARY, Task.MULTICLASS):
        found = evaluated(rows(400, 2), rows(400, 1), tmp_path, task=task, prediction="said", target="was")

        assert {"accuracy", "precision", "recall", "f1"} <= set(found.metrics)
        assert not {"auc", "log_loss", "brier"} & set(found.metrics)
        assert found.performance.confusion is not None
        assert found.performance.roc is None
        assert found.drift is not None
        assert found.drift.predictions is not None
        assert found.drift.predictions.values is None
        assert found.drift.predictions.leading is found.drift.predictions.classes


def test_a_regression_in_columns_is_measured(tmp_path: Path) -> None:
    found = evaluated(
        rows(400, 2), rows(400, 1), tmp_path, task=Task.REGRESSION, prediction="price", target="paid"
    )

    assert found.metrics["rmse"] == pytest.approx(1, abs=0.2)
    assert found.performance.residuals is not None


def test_rows_without_a_prediction_are_not_scored_and_without_truth_not_measured(tmp_path: Path) -> None:
    table = rows(10, 2)
    table = table.set_column(5, "said", pa.array([None, *table["said"].to_pylist()[1:]]))
    table = table.set_column(7, "was", pa.array([*table["was"].to_pylist()[:8], None, None]))

    found = evaluated(
        table,
        rows(100, 1),
        tmp_path,
        task=Task.BINARY,
        prediction="said",
        probas={"ok": "proba"},
        target="was",
    )

    assert (found.rows, found.scored, found.measured) == (10, 9, 7)


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="hold 3 classes, at most 2 can be compared in a binary task"):
        evaluated(rows(50, 2), rows(50, 1), tmp_path, task=Task.BINARY, prediction="state")


def test_a_flow_runs_both_kinds_of_evaluation_and_runs_none_again_for_nothing(tmp_path: Path) -> None:
    files = {
        "project.yaml": "id: p\n",
        "datasets/past.yaml": "{kind: files, path: past.parquet, format: parquet}\n",
        "datasets/news.yaml": "{kind: files, path: news.parquet, format: parquet}\n",
        "models/m.yaml": "{}\n",
        "recipes/train.yaml": (
            "{kind: train, input: past, model: m, task: binary, target: was,\n"
            " algorithms: [{kind: logistic}],\n"
            " features: {amount: {handling: numeric}, price: {handling: numeric}}}\n"
        ),
        "recipes/by_model.yaml": "{kind: evaluate, input: news, model: m, reference: past, store: s}\n",
        "recipes/alone.yaml": (
            "{kind: standalone_evaluate, input: news, reference: past, store: t, task: binary,\n"
            " prediction: said, target: was}\n"
        ),
        "evaluation-stores/s.yaml": "{}\n",
        "evaluation-stores/t.yaml": "checks: [{metric: column_psi, max: 0.2}]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    pq.write_table(rows(500, 1), tmp_path / "past.parquet")
    pq.write_table(rows(400, 2), tmp_path / "news.parquet")

    built = build(tmp_path)
    again = build(tmp_path)
    pq.write_table(rows(300, 1), tmp_path / "past.parquet")
    changed = build(tmp_path)

    assert [outcome.error for outcome in built.outcomes] == [""] * 3
    assert {outcome.status for outcome in again.outcomes} == {"up_to_date"}
    assert {outcome.status for outcome in changed.outcomes} == {"built"}
    by_model = Evaluations(tmp_path / ".scoreline/evaluations/s").all()
    assert [found.id for found in by_model] == ["e2", "e1"]
    assert by_model[0].reference is not None
    assert (by_model[0].reference.id, by_model[0].reference.rows) == ("past", 300)
    alone = Evaluations(tmp_path / ".scoreline/evaluations/t").read()
    assert (alone.id, alone.recipe, alone.model) == ("e2", "alone", None)
