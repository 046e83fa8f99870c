"""Evaluations are held against the test rows of the model, or a dataset; planted drift is found and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy import stats

from scoreline.core.drift import DriftSettings
from scoreline.core.evaluation import Evaluation
from scoreline.core.evaluation_check import EvaluationCheck, Outcome, run_check
from scoreline.core.model import FeatureHandling, Logistic, Ridge, Task
from scoreline.core.recipe import EvaluateRecipe, TrainRecipe
from scoreline.errors import Invalid
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.studio.evaluation import evaluate
from scoreline.studio.evaluation_files import About
from scoreline.studio.reference_rows import GivenReference
from scoreline.studio.training import train

NUMERIC = FeatureHandling(handling="numeric", scale="standard")
CATEGORY = FeatureHandling(handling="category")
KINDS = np.array(["gas", "groceries", "hotels", "restaurants"], dtype=object)


def payments(count: int, seed: int) -> pa.Table:
    generator = np.random.default_rng(seed)
    amount = generator.lognormal(3, 1, count).round(2)
    age = generator.integers(18, 90, count)
    kind = KINDS[generator.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])]
    risk = np.log(amount) - 3 + (kind == "hotels") + generator.logistic(size=count)
    return pa.table(
        {
            "id": np.arange(count),
            "amount": amount,
            "age": age,
            "kind": kind,
            "refused": np.where(risk > 1.5, "yes", "no"),
            "cost": 2 * amount + age,
        }
    )


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return trained(tmp_path_factory.mktemp("binary"), Task.BINARY, "refused", Logistic())


def trained(folder: Path, task: Task, target: str, algorithm: Any) -> ModelStore:
    store = ModelStore(folder / "m")
    recipe = TrainRecipe(
        input="past",
        model="m",
        task=task,
        target=target,
        features={"amount": NUMERIC, "age": NUMERIC, "kind": CATEGORY},
        algorithms=(algorithm,),
        test_share=0.4,
    )
    train(recipe, payments(4_000, 1), store, by="ann", log=lambda _: None)
    return store


def evaluated(
    store: ModelStore,
    table: pa.Table,
    folder: Path,
    reference: pa.Table | None = None,
    **settings: Any,
) -> Evaluation:
    recipe = EvaluateRecipe(
        input="news",
        model="m",
        store="s",
        reference="earlier" if reference is not None else None,
        drift=DriftSettings(**settings),
    )
    about = About("r", Evaluations(folder / "s"), "digest of news", "bob", folder, lambda _: None)
    given = GivenReference("earlier", reference, "digest of earlier") if reference is not None else None
    return evaluate(recipe, store, table, about, given)


def shifted(table: pa.Table) -> pa.Table:
    return replaced(table, "amount", pc.multiply(table["amount"], 2.0))


def in_cents(table: pa.Table) -> pa.Table:
    """From some senders, a fifth of the rows."""
    cents = pa.array(np.arange(len(table)) % 5 == 0)
    return replaced(table, "amount", pc.if_else(cents, pc.multiply(table["amount"], 100.0), table["amount"]))


def with_a_new_kind(table: pa.Table) -> pa.Table:
    new = pa.array(np.arange(len(table)) % 10 == 0)
    return replaced(table, "kind", pc.if_else(new, "crypto exchanges", table["kind"]))


def with_nulls(table: pa.Table) -> pa.Table:
    missing = pa.array(np.arange(len(table)) % 6 == 0)
    return replaced(table, "age", pc.if_else(missing, None, table["age"]))


def replaced(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def test_rows_like_the_test_rows_have_not_drifted(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, payments(2_000, 2), tmp_path)

    assert found.reference is not None
    assert (found.reference.kind, found.reference.id, found.reference.rows) == ("test_rows", "t1", 1_600)
    assert found.reference.digest == binary.active_version().digest
    drift = found.drift
    assert drift is not None
    assert (drift.reference_rows, drift.rows) == (1_600, 2_000)
    assert list(drift.columns) == ["amount", "age", "kind"]
    assert drift.classifier is not None
    assert drift.classifier.lower < 0.5 < drift.classifier.upper
    for check in (
        EvaluationCheck(metric="data_drift", max=0.55),
        EvaluationCheck(metric="column_psi", max=0.1),
        EvaluationCheck(metric="column_p_value", min=0.001),
        EvaluationCheck(metric="prediction_drift_p_value", min=0.001),
        EvaluationCheck(metric="auc_change_p_value", min=0.001),
    ):
        assert run_check(check, found).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("plant", "column", "metric", "bound"),
    [
        (shifted, "amount", "column_psi", {"max": 0.2}),
        (shifted, "amount", "column_wasserstein_scaled", {"max": 0.3}),
        (in_cents, "amount", "column_psi", {"max": 0.1}),
        (in_cents, "amount", "column_wasserstein_scaled", {"max": 0.3}),
        (with_a_new_kind, "kind", "column_new_category_share", {"max": 0.0}),
        (with_a_new_kind, "kind", "column_psi", {"max": 0.2}),
        (with_nulls, "age", "column_null_rate_change", {"max": 0.05}),
        (with_nulls, "age", "column_null_rate_p_value", {"min": 0.001}),
    ],
)
def test_planted_drift_is_found_and_its_column_named(
    plant: Callable[[pa.Table], pa.Table],
    column: str,
    metric: str,
    bound: dict[str, float],
    binary: ModelStore,
    tmp_path: Path,
) -> None:
    found = evaluated(binary, plant(payments(3_000, 2)), tmp_path)

    result = run_check(EvaluationCheck(metric=metric, **bound), found)
    assert (result.outcome, list(result.columns), result.column) == (Outcome.ERROR, [column], column)
    assert f"of {column} " in result.message
    by_level = run_check(EvaluationCheck(metric="column_p_value", min=0.001), found)
    assert list(by_level.columns) == [column]


@pytest.mark.parametrize("plant", [shifted, in_cents, with_a_new_kind, with_nulls])
def test_planted_drift_is_seen_as_a_whole_and_by_its_column(
    plant: Callable[[pa.Table], pa.Table], binary: ModelStore, tmp_path: Path
) -> None:
    column = {shifted: "amount", in_cents: "amount", with_a_new_kind: "kind", with_nulls: "age"}[plant]

    reference = payments(8_000, 3)

    found = evaluated(binary, plant(payments(8_000, 2)), tmp_path, reference)

    result = run_check(EvaluationCheck(metric="data_drift_p_value", min=0.001), found)
    assert result.outcome is Outcome.ERROR
    assert result.message.endswith(f"; by {column}")


def test_a_new_category_is_named(binary: ModelStore, tmp_path: Path) -> None:
    drift = evaluated(binary, with_a_new_kind(payments(2_000, 2)), tmp_path).drift

    assert drift is not None
    assert drift.columns["kind"].new_categories == {"crypto exchanges": 200}
    assert drift.columns["kind"].new_category_share == 0.1


def test_predictions_drift_with_what_they_are_made_of(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, shifted(payments(2_000, 2)), tmp_path)

    assert found.drift is not None
    predictions = found.drift.predictions
    assert predictions is not None
    assert predictions.values is not None
    assert predictions.classes is not None
    before = pq.read_table(binary.path("t1") / "predictions.parquet")["proba_yes"].to_numpy()
    after = pq.read_table(tmp_path / "s/e1/predictions.parquet")["proba_yes"].to_numpy()
    expected = stats.ks_2samp(before, after, method="asymp")
    assert (predictions.values.ks, predictions.values.ks_p_value) == (expected.statistic, expected.pvalue)
    assert run_check(EvaluationCheck(metric="prediction_drift_psi", max=0.1), found).outcome is Outcome.ERROR
    assert {cell.label for cell in predictions.classes.cells} == {"no", "yes"}


def test_a_model_that_got_worse_is_seen_where_the_truth_is_known(binary: ModelStore, tmp_path: Path) -> None:
    table = payments(2_000, 2)
    truth = table["refused"].to_pylist()
    wrong = replaced(table, "refused", pa.array(truth[1:] + truth[:1]))

    found = evaluated(binary, wrong, tmp_path)

    assert found.drift is not None
    auc = found.drift.performance["auc"]
    assert auc.reference == pytest.approx(binary.active_version().metrics["auc"])
    assert auc.current == found.metrics["auc"]
    assert auc.change == pytest.approx(auc.current - auc.reference)
    assert auc.change < -0.1
    for check in (
        EvaluationCheck(metric="auc_change", min=-0.05),
        EvaluationCheck(metric="auc_change_p_value", min=0.001),
        EvaluationCheck(metric="auc", min=0.7),
    ):
        assert run_check(check, found).outcome is Outcome.ERROR


def test_without_truth_there_is_drift_but_no_performance(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, shifted(payments(2_000, 2)).drop_columns(["refused"]), tmp_path)

    assert found.metrics == {}
    assert found.drift is not None
    assert found.drift.performance == {}
    assert found.drift.predictions is not None
    assert run_check(EvaluationCheck(metric="auc", min=0.5), found).outcome is Outcome.EMPTY
    assert run_check(EvaluationCheck(metric="column_psi", max=0.2), found).column == "amount"


def test_another_dataset_can_be_the_reference(binary: ModelStore, tmp_path: Path) -> None:
    drifted = shifted(payments(2_000, 2))

    found = evaluated(binary, shifted(payments(1_500, 3)), tmp_path, reference=drifted)

    assert found.reference is not None
    assert (found.reference.kind, found.reference.id) == ("dataset", "earlier")
    assert (found.reference.rows, found.reference.digest) == (2_000, "digest of earlier")
    assert run_check(EvaluationCheck(metric="column_psi", max=0.1), found).outcome is Outcome.OK
    assert run_check(EvaluationCheck(metric="prediction_drift_psi", max=0.1), found).outcome is Outcome.OK
    assert found.drift is not None
    assert found.drift.performance["auc"].reference > 0.7


def test_columns_are_compared_as_the_recipe_says(binary: ModelStore, tmp_path: Path) -> None:
    table = payments(2_000, 2)

    found = evaluated(
        binary,
        table,
        tmp_path,
        reference=payments(2_000, 3),
        columns={"age": "category", "kind": "leave_out", "cost": "numeric"},
    )

    assert found.drift is not None
    assert {name: drift.handling for name, drift in found.drift.columns.items()} == {
        "amount": "numeric",
        "age": "category",
        "cost": "numeric",
    }
    assert found.drift.left_out == {"kind": "as the recipe says"}
    assert found.settings.columns["age"] == "category"
    with pytest.raises(
        Invalid, match=r"drift\.columns: dataset 'news' has no column 'agee'; did you mean 'age'"
    ):
        evaluated(binary, table, tmp_path, columns={"agee": "numeric"})


def test_the_test_rows_have_nothing_but_the_features(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, payments(500, 2), tmp_path, columns={"cost": "numeric"})

    assert found.drift is not None
    assert found.drift.left_out == {"cost": "the reference does not have it"}


def test_a_version_that_kept_no_test_rows_is_told(binary: ModelStore, tmp_path: Path) -> None:
    store = trained(tmp_path, Task.BINARY, "refused", Logistic())
    (store.path("t1") / "features.parquet").unlink()

    found = evaluated(store, payments(500, 2), tmp_path)

    assert found.drift is None
    assert found.drift_problem == "version t1 of model 'm' kept no test rows; train it again"
    assert found.metrics["auc"] > 0.7


def test_a_regression_drifts_in_its_numbers_and_errors(tmp_path: Path) -> None:
    store = trained(tmp_path, Task.REGRESSION, "cost", Ridge())
    table = payments(2_000, 2)
    dearer = replaced(table, "cost", pc.add(table["cost"], 10.0))

    found = evaluated(store, dearer, tmp_path)

    assert found.drift is not None
    assert found.drift.predictions is not None
    assert found.drift.predictions.classes is None
    assert found.drift.predictions.values is not None
    assert set(found.drift.performance) == {"r2", "rmse", "mae", "median_ae"}
    assert found.drift.performance["mae"].change == pytest.approx(10, abs=1)
    assert run_check(EvaluationCheck(metric="mae_change_p_value", min=0.01), found).outcome is Outcome.ERROR


def test_the_same_rows_and_seed_give_the_same_evaluation(binary: ModelStore, tmp_path: Path) -> None:
    first = evaluated(binary, shifted(payments(1_000, 2)), tmp_path)
    second = evaluated(binary, shifted(payments(1_000, 2)), tmp_path)

    assert (first.id, second.id) == ("e1", "e2")
    assert first.drift == second.drift
    assert first.metrics == second.metrics
    for name in ("features.parquet", "predictions.parquet"):
        kept = [pq.read_table(tmp_path / "s" / each / name) for each in ("e1", "e2")]
        assert kept[0].equals(kept[1])


def test_an_evaluation_says_where_it_is_from(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, payments(200, 2), tmp_path)

    assert (found.recipe, found.seed, found.created_by) == ("r", 42, "bob")
    assert (found.model, found.model_version) == ("m", "t1")
    assert (found.dataset, found.dataset_digest) == ("news", "digest of news")
    assert set(found.libraries) == {"duckdb", "numpy", "scikit-learn", "scipy"}


def test_the_sample_is_bounded_and_has_the_columns_that_were_compared(
    binary: ModelStore, tmp_path: Path
) -> None:
    table = with_nulls(payments(12_000, 2))

    evaluated(binary, table, tmp_path)

    features = pq.read_table(tmp_path / "s/e1/features.parquet")
    rows = pq.read_table(tmp_path / "s/e1/predictions.parquet")["row"]
    assert features.num_rows == len(rows) == 10_000
    assert features.column_names == ["amount", "age", "kind"]
    taken = table.take(rows)
    assert features["amount"].to_pylist() == taken["amount"].to_pylist()
    assert features["age"].to_pylist() == taken["age"].to_pylist()
    assert features["kind"].to_pylist() == taken["kind"].to_pylist()


def test_an_empty_dataset_is_evaluated_without_numbers(binary: ModelStore, tmp_path: Path) -> None:
    found = evaluated(binary, payments(0, 2), tmp_path)

    assert (found.rows, found.scored, found.metrics) == (0, 0, {})
    assert found.drift is not None
    assert found.drift.classifier is None
    assert run_check(EvaluationCheck(metric="data_drift", max=0.6), found).outcome is Outcome.EMPTY
