"""The score and evaluate recipes use the active version."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoreline.core.model import FeatureHandling, Logistic, Ridge, Task
from scoreline.core.recipe import EvaluateRecipe, TrainRecipe
from scoreline.errors import Invalid, NotFound
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.studio.evaluation import evaluate
from scoreline.studio.evaluation_files import About
from scoreline.studio.scoring_rows import score_table
from scoreline.studio.training import train

NEEDED = FeatureHandling(handling="numeric", missing="ignore_record")


def make_rows(count: int, seed: int) -> pa.Table:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=count)
    kind = np.array(["a", "b"], dtype=object)[generator.integers(0, 2, count)]
    y = np.where(x + (kind == "a") + generator.normal(size=count) > 0.5, "yes", "no")
    return pa.table({"id": np.arange(count), "x": x, "kind": kind, "y": y, "z": 3 * x + 1})


def trained(folder, task: Task, target: str, algorithm) -> ModelStore:
    store = ModelStore(folder / "m")
    recipe = TrainRecipe(
        input="past",
        model="m",
        task=task,
        target=target,
        features={"x": NEEDED, "kind": FeatureHandling(handling="category")},
        algorithms=(algorithm,),
    )
    train(recipe, make_rows(300, 1), store, by="ann", log=lambda line: None)
    return store


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return trained(tmp_path_factory.mktemp("binary"), Task.BINARY, "y", Logistic())


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return trained(tmp_path_factory.mktemp("regression"), Task.REGRESSION, "z", Ridge())


def run_evaluation(store: ModelStore, table: pa.Table, folder):
    recipe = EvaluateRecipe(input="news", model="m", store="s")
    about = About(
        recipe="r",
        evaluations=Evaluations(folder),
        dataset_digest="abc",
        by="bob",
        scratch=folder.parent,
        log=lambda line: None,
    )
    return evaluate(recipe, store, table, about)


def test_scoring_adds_prediction_and_probabilities_and_keeps_the_rest(binary):
    table = make_rows(50, 2)

    scored = score_table(binary, table, dataset="news")

    assert scored.column_names == [*table.column_names, "prediction", "proba_no", "proba_yes"]
    assert scored.select(table.column_names).equals(table)
    threshold = binary.active_version().threshold
    for row in scored.to_pylist():
        assert row["proba_no"] + row["proba_yes"] == pytest.approx(1)
        assert (row["prediction"] == "yes") is (row["proba_yes"] >= threshold)


def test_rows_that_lack_a_required_feature_have_no_prediction(binary):
    table = make_rows(4, 3).set_column(1, "x", pa.array([1.0, None, 2.0, None]))

    scored = score_table(binary, table)

    for name in ("prediction", "proba_no", "proba_yes"):
        assert [value is None for value in scored[name].to_pylist()] == [False, True, False, True]


@pytest.mark.parametrize("count", [0, 3])
def test_a_table_of_which_no_row_can_be_scored_gets_empty_columns(binary, count):
    table = make_rows(count, 3).set_column(1, "x", pa.nulls(count, pa.float64()))

    scored = score_table(binary, table)

    assert scored["prediction"].to_pylist() == scored["proba_yes"].to_pylist() == [None] * count


def test_unseen_categories_and_missing_ones_are_scored(binary):
    table = pa.table({"x": [0.0, 0.0, 0.0], "kind": ["never seen", None, ""]})

    assert None not in score_table(binary, table)["prediction"].to_pylist()


def test_numbers_as_text_score_as_numbers(binary):
    numbers = pa.table({"x": [0.25, -1.5], "kind": ["a", "b"]})
    texts = pa.table({"x": ["0.25", " -1.5 "], "kind": ["a", "b"]})

    assert score_table(binary, texts)["proba_yes"].equals(score_table(binary, numbers)["proba_yes"])


def test_a_regression_predicts_numbers(regression):
    scored = score_table(regression, make_rows(20, 4))

    assert scored.column_names[-1] == "prediction"
    assert scored.schema.field("prediction").type == pa.float64()
    np.testing.assert_allclose(scored["prediction"], scored["z"], atol=0.5)


def test_what_cannot_be_scored_is_refused_by_name(binary):
    rows = make_rows(5, 5)

    with pytest.raises(Invalid, match="dataset 'news' has no column 'kind', the feature"):
        score_table(binary, rows.drop_columns("kind"), dataset="news")
    with pytest.raises(Invalid, match="row 1 holds something else"):
        score_table(binary, rows.set_column(1, "x", pa.array(["?"] + ["1"] * 4)))
    with pytest.raises(Invalid, match="has a column 'prediction' already"):
        score_table(binary, rows.append_column("prediction", pa.array([1] * 5)))


def test_a_model_that_was_never_trained_is_named(tmp_path):
    with pytest.raises(NotFound, match="model 'fraud' has no trained version; build it first"):
        score_table(ModelStore(tmp_path / "fraud"), make_rows(1, 1))


def test_an_evaluation_measures_the_active_version_and_says_on_what(binary, tmp_path):
    table = make_rows(400, 6)

    found = run_evaluation(binary, table, tmp_path / "s")

    assert (found.id, found.model, found.model_version) == ("e1", "m", "t1")
    assert found.model_digest == binary.active_version().digest
    assert (found.dataset, found.dataset_digest, found.created_by) == ("news", "abc", "bob")
    assert (found.rows, found.scored, found.measured) == (400, 400, 400)
    scored = score_table(binary, table)
    right = [row["prediction"] == row["y"] for row in scored.to_pylist()]
    assert found.metrics["accuracy"] == pytest.approx(sum(right) / 400)
    assert found.metrics["auc"] > 0.6
    assert found.performance.roc is not None
    assert sum(found.predictions.counts.values()) == 400
    assert Evaluations(tmp_path / "s").read("e1") == found


def test_an_evaluation_keeps_predictions_beside_the_truth(binary, tmp_path):
    table = make_rows(12_000, 7)

    run_evaluation(binary, table, tmp_path / "s")

    kept = pq.read_table(tmp_path / "s" / "e1" / "predictions.parquet")
    assert kept.num_rows == 10_000
    assert kept["truth"].to_pylist() == table.take(kept["row"])["y"].to_pylist()
    assert (
        kept["prediction"].to_pylist()
        == score_table(binary, table).take(kept["row"])["prediction"].to_pylist()
    )


def test_without_truth_there_are_predictions_and_no_metrics(binary, tmp_path):
    found = run_evaluation(binary, make_rows(30, 8).drop_columns("y"), tmp_path / "s")

    assert (found.scored, found.measured, found.metrics) == (30, 0, {})
    assert found.performance.confusion is None
    assert sum(found.predictions.counts.values()) == 30
    assert pq.read_table(tmp_path / "s" / "e1" / "predictions.parquet")["truth"].null_count == 30


def test_only_rows_with_truth_and_features_are_measured(binary, tmp_path):
    table = make_rows(6, 9)
    table = table.set_column(1, "x", pa.array([None, 1.0, 1.0, -1.0, 2.0, 0.0]))
    table = table.set_column(3, "y", pa.array(["yes", None, "yes", "no", "", "yes"]))

    found = run_evaluation(binary, table, tmp_path / "s")

    assert (found.rows, found.scored, found.measured) == (6, 5, 3)
    kept = pq.read_table(tmp_path / "s" / "e1" / "predictions.parquet")
    assert kept["truth"].to_pylist() == [None, "yes", "no", None, "yes"]


def test_a_class_that_the_model_does_not_know_is_refused(binary, tmp_path):
    table = make_rows(3, 9).set_column(3, "y", pa.array(["yes", "maybe", "maybe"]))

    with pytest.raises(Invalid, match="classes that the model does not know, in 2 rows"):
        run_evaluation(binary, table, tmp_path / "s")

    assert Evaluations(tmp_path / "s").all() == ()


def test_a_regression_is_evaluated_with_residuals(regression, tmp_path):
    found = run_evaluation(regression, make_rows(100, 10), tmp_path / "s")

    assert found.metrics["r2"] > 0.9
    assert found.performance.residuals is not None
    assert found.predictions.rows == 100


def test_evaluations_are_listed_newest_first(binary, tmp_path):
    for _ in range(11):
        run_evaluation(binary, make_rows(20, 11), tmp_path / "s")

    assert [found.id for found in Evaluations(tmp_path / "s").all()][:3] == ["e11", "e10", "e9"]
    with pytest.raises(NotFound, match="no evaluation 'e12'"):
        Evaluations(tmp_path / "s").read("e12")


def test_a_damaged_evaluation_is_named(binary, tmp_path):
    run_evaluation(binary, make_rows(20, 11), tmp_path / "s")
    path = tmp_path / "s" / "e1" / "evaluation.json"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(Invalid, match="evaluation 'e1' cannot be read"):
        Evaluations(tmp_path / "s").read("e1")


def test_an_evaluation_is_json_that_others_can_read(binary, tmp_path):
    run_evaluation(binary, make_rows(20, 11), tmp_path / "s")

    plain = msgspec.json.decode((tmp_path / "s" / "e1" / "evaluation.json").read_bytes())

    assert plain["task"] == "binary"
    assert plain["performance"]["confusion"]["classes"] == ["no", "yes"]
