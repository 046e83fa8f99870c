"""Training makes versions that hold everything, from real tables, and the same again from the same."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures

from scoreline.core.model import (
    FeatureHandling,
    GradientBoosting,
    HistGradientBoosting,
    LightGBM,
    Logistic,
    RandomForest,
    Ridge,
    Task,
    Threshold,
    XGBoost,
)
from scoreline.core.model_version import ModelVersion
from scoreline.core.prediction import Prediction
from scoreline.core.recipe import TrainRecipe
from scoreline.core.schema import ColumnType
from scoreline.scoring.files import load_scorer
from scoreline.scoring.golden import check_golden
from scoreline.storage.models import ModelStore
from scoreline.studio.metrics import METRICS
from scoreline.studio.scorer_files import write_scorer
from scoreline.studio.scoring_rows import score_table
from scoreline.studio.training import train

NUMERIC = FeatureHandling(handling="numeric")
CATEGORY = FeatureHandling(handling="category")

TABLES = {
    Task.BINARY: (datasets.load_breast_cancer, "benign"),
    Task.MULTICLASS: (datasets.load_wine, "cultivar"),
    Task.REGRESSION: (datasets.load_diabetes, "progression"),
}


def real_table(task: Task, columns: int = 5) -> tuple[pa.Table, str, dict[str, FeatureHandling]]:
    """A table of scikit-learn's, with a category made of its last column and some values missing."""
    load, target = TABLES[task]
    bundle = load(as_frame=True)
    frame = bundle.data.iloc[:, :columns].copy()
    frame.columns = [name.replace(" ", "_").replace("/", "_") for name in frame.columns]
    quarter = pd.qcut(frame.iloc[:, -1], 4, labels=["low", "mid", "high", "top"]).astype(object)
    quarter[::17] = None
    frame.iloc[::13, 0] = np.nan
    frame["quarter"] = quarter
    frame[target] = bundle.target
    features = dict.fromkeys(frame.columns[:columns], NUMERIC) | {"quarter": CATEGORY}
    return pa.Table.from_pandas(frame, preserve_index=False), target, features


def recipe_for(
    task: Task, target: str, features: dict[str, FeatureHandling], *algorithms, **more
) -> TrainRecipe:
    return TrainRecipe(
        input="rows", model="m", task=task, target=target, features=features, algorithms=algorithms, **more
    )


def fit(folder: Path, recipe: TrainRecipe, table: pa.Table) -> tuple[ModelVersion, ModelStore, list[str]]:
    store, lines = ModelStore(folder / "m"), []
    return train(recipe, table, store, by="ann", log=lines.append), store, lines


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """A binary version, the best of two algorithms."""
    table, target, features = real_table(Task.BINARY)
    recipe = recipe_for(Task.BINARY, target, features, Logistic(), GradientBoosting(trees=20))
    return *fit(tmp_path_factory.mktemp("binary"), recipe, table), recipe, table


def test_a_version_says_where_it_comes_from(trained):
    version, store, _, _, table = trained

    assert store.active() == version.id == "t1"
    assert store.version("t1") == version
    assert (version.created_by, version.task, version.seed) == ("ann", Task.BINARY, 42)
    assert version.data.dataset == "rows"
    rows = version.data.rows
    assert (rows.given, rows.train + rows.test, rows.without_target, rows.ignored) == (569, 569, 0, 0)
    assert rows.test == pytest.approx(569 * 0.2, abs=1)
    assert {"scikit-learn", "numpy"} <= version.libraries.keys()
    assert len(version.digest) == len(version.data.digest) == 64
    assert table.num_rows == 569


def test_the_best_candidate_by_the_metric_is_kept(trained):
    version, _, lines, recipe, _ = trained

    by_metric = {candidate.algorithm: candidate.metrics["auc"] for candidate in version.candidates}

    assert tuple(by_metric) == recipe.algorithms
    assert version.metric == "auc"
    assert by_metric[version.algorithm] == max(by_metric.values()) == version.metrics["auc"]
    assert version.metrics["auc"] > 0.9
    assert tuple(version.metrics) == METRICS[Task.BINARY]
    assert sum("auc 0.9" in line for line in lines) == 2


def test_a_signature_describes_what_goes_in_and_comes_out(trained):
    _, store, _, recipe, table = trained

    signature = store.signature("t1")

    assert [feature.name for feature in signature.features] == list(recipe.features)
    numeric, category = signature.features[0], signature.features[-1]
    assert (numeric.type, numeric.handling, numeric.missing) == (ColumnType.DOUBLE, "numeric", "median")
    assert min(table["mean_radius"].drop_null().to_pylist()) <= numeric.minimum < numeric.maximum
    assert (category.type, category.missing) == (ColumnType.STRING, "native")
    assert set(category.categories) == {"low", "mid", "high", "top"}
    assert signature.classes == ("0", "1")
    assert 0 < signature.threshold < 1


def test_the_report_has_curves_importance_and_distributions(trained):
    version, store, _, recipe, _ = trained

    report = store.report("t1")

    assert report.performance.roc is not None
    assert report.performance.calibration is not None
    assert sum(map(sum, report.performance.confusion.counts)) == version.data.rows.test
    means = [importance.mean for importance in report.importance]
    assert {importance.feature for importance in report.importance} == set(recipe.features)
    assert means == sorted(means, reverse=True)
    assert means[0] > 0
    assert report.importance_metric == "auc"
    assert report.features["mean_radius"].missing > 0
    assert set(report.features["quarter"].counts) == {"low", "mid", "high", "top"}
    assert report.predictions.rows == version.data.rows.test


def test_the_scorer_agrees_and_its_golden_rows_hold(trained):
    version, store, _, _, _ = trained
    folder = store.path("t1") / "scorer"

    scorer = load_scorer(folder)

    assert version.scorer == scorer.kind
    assert version.scorer_problem == ""
    assert version.parity.passed
    assert version.parity.rows >= 10_000
    check_golden(scorer, folder)


def test_predictions_of_test_rows_are_those_of_scorer_and_pipeline(trained):
    version, store, _, recipe, table = trained
    kept = pq.read_table(store.path("t1") / "predictions.parquet")
    scorer = load_scorer(store.path("t1") / "scorer")
    scored = score_table(store, table).take(kept["row"])

    assert kept.num_rows == version.data.rows.test
    assert kept["truth"].to_pylist() == [str(value) for value in scored["benign"].to_pylist()]
    for name in ("prediction", "proba_0", "proba_1"):
        assert kept[name].to_pylist() == scored[name].to_pylist()
    for row in scored.slice(0, 20).to_pylist():
        answer = scorer.score({name: row[name] for name in recipe.features})
        assert isinstance(answer, Prediction)
        assert answer.prediction == row["prediction"]
        assert answer.probas["1"] == pytest.approx(row["proba_1"], abs=1e-12)


def test_training_the_same_again_adds_nothing_and_makes_it_active(trained, tmp_path):
    _, _, _, recipe, table = trained
    first, store, _ = fit(tmp_path, recipe, table)
    second, _, _ = fit(tmp_path, recipe_with_seed(recipe, 7), table)
    assert (first.id, second.id, store.active()) == ("t1", "t2", "t2")

    again, _, lines = fit(tmp_path, recipe, table)

    assert again == first
    assert (store.active(), store.ids()) == ("t1", ("t2", "t1"))
    assert "was there already" in lines[-1]


def recipe_with_seed(recipe: TrainRecipe, seed: int) -> TrainRecipe:
    return recipe_for(recipe.task, recipe.target, recipe.features, *recipe.algorithms, seed=seed)


def test_other_data_gives_another_digest(trained, tmp_path):
    version, _, _, recipe, table = trained

    other, _, _ = fit(tmp_path, recipe, table.slice(1))

    assert other.digest != version.digest
    assert other.data.digest != version.data.digest


IN_ANOTHER_PROCESS = """
    import sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_training import DETERMINISTIC, fit, real_table, recipe_for
    from scoreline.core.model import Task
    for task, algorithms in DETERMINISTIC.items():
        table, target, features = real_table(task)
        for number, algorithm in enumerate(algorithms):
            version, _, _ = fit(Path({folder!r}) / f"{{task.value}}{{number}}", recipe_for(
                task, target, features, algorithm), table)
            print(version.digest)
"""
DETERMINISTIC = {
    Task.BINARY: (RandomForest(trees=15), HistGradientBoosting(trees=10), LightGBM(trees=10)),
    Task.MULTICLASS: (Logistic(), XGBoost(trees=10)),
    Task.REGRESSION: (Ridge(), GradientBoosting(trees=15, subsample=0.5)),
}


@pytest.mark.slow
def test_two_processes_with_different_threads_and_hash_seeds_make_the_same_digests(tmp_path):
    digests = []
    for number, threads in enumerate(("1", "4")):
        code = textwrap.dedent(IN_ANOTHER_PROCESS).format(
            tests=str(Path(__file__).parent), folder=str(tmp_path / str(number))
        )
        environment = {"OMP_NUM_THREADS": threads, "PYTHONHASHSEED": str(number + 1), "PATH": ""}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
        digests.append(done.stdout.split())

    assert len(digests[0]) == 7
    assert digests[0] == digests[1]


ALGORITHMS = (
    Logistic(),
    Ridge(),
    RandomForest(trees=10),
    GradientBoosting(trees=10),
    HistGradientBoosting(trees=10),
    LightGBM(trees=10),
    XGBoost(trees=10),
)
NATIVE = (RandomForest, HistGradientBoosting, LightGBM, XGBoost)
HANDLINGS = {
    "plain": (NUMERIC, CATEGORY),
    "scaled, most frequent": (
        FeatureHandling(handling="numeric", missing="mean", scale="standard"),
        FeatureHandling(handling="category", missing="most_frequent", encode="ordinal"),
    ),
    "min-max, constant": (
        FeatureHandling(handling="numeric", missing="constant", fill=-1, scale="min_max"),
        FeatureHandling(handling="category", missing="constant", fill="none", max_categories=3),
    ),
    "native": (
        FeatureHandling(handling="numeric", missing="native"),
        FeatureHandling(handling="category", encode="native"),
    ),
    "ignored": (
        FeatureHandling(handling="numeric", missing="ignore_record"),
        FeatureHandling(handling="category", missing="ignore_record"),
    ),
}


def combinations() -> Iterator[Any]:
    """Every algorithm with every handling, each for one task in turn; for every task with `--soak`."""
    turn = itertools.count()
    for algorithm in ALGORITHMS:
        tasks = [task for task in Task if can_be(algorithm, task)]
        for handling in HANDLINGS:
            if handling == "native" and not isinstance(algorithm, NATIVE):
                continue
            chosen = tasks[next(turn) % len(tasks)]
            for task in tasks:
                name = f"{type(algorithm).__name__}-{handling}-{task.value}"
                marks = [pytest.mark.slow] if task is chosen else [pytest.mark.slow, pytest.mark.soak]
                yield pytest.param(algorithm, handling, task, id=name, marks=marks)


def can_be(algorithm, task: Task) -> bool:
    return not isinstance(algorithm, Logistic if task is Task.REGRESSION else Ridge)


@pytest.mark.parametrize(("algorithm", "handling", "task"), list(combinations()))
def test_every_algorithm_goes_from_table_to_scorer_and_back_from_its_files(
    algorithm, handling, task, tmp_path
):
    table, target, features = real_table(task)
    numeric, category = HANDLINGS[handling]
    features = {name: numeric if name != "quarter" else category for name in features}

    version, store, _ = fit(tmp_path, recipe_for(task, target, features, algorithm), table)

    assert version.scorer is not None, version.scorer_problem
    assert version.parity.passed
    kept = pq.read_table(store.path("t1") / "predictions.parquet")
    again = score_table(store, table).take(kept["row"])
    assert kept["prediction"].to_pylist() == again["prediction"].to_pylist()
    check_golden(load_scorer(store.path("t1") / "scorer"), store.path("t1") / "scorer")


def test_a_multiclass_model_answers_with_the_labels_of_the_target(tmp_path):
    table, target, features = real_table(Task.MULTICLASS)
    names = pa.array([f"cultivar {value}" for value in table[target].to_pylist()])
    table = table.set_column(table.column_names.index(target), target, names)

    version, store, _ = fit(tmp_path, recipe_for(Task.MULTICLASS, target, features, Logistic()), table)

    assert version.classes == ("cultivar 0", "cultivar 1", "cultivar 2")
    assert version.threshold is None
    assert store.report("t1").performance.roc is None
    assert set(score_table(store, table)["prediction"].to_pylist()) == set(version.classes)


def test_a_regression_keeps_residuals(tmp_path):
    table, target, features = real_table(Task.REGRESSION)

    version, store, _ = fit(tmp_path, recipe_for(Task.REGRESSION, target, features, Ridge()), table)

    residuals = store.report("t1").performance.residuals
    assert list(version.metrics) == ["r2", "rmse", "mae", "median_ae"]
    assert residuals.quantiles["0"] < 0 < residuals.quantiles["1"]
    assert len(residuals.predicted) == len(residuals.true) == version.data.rows.test


def labelled(values: list[object], kind: pa.DataType | None = None) -> pa.Table:
    """A table whose column x tells the label, more or less."""
    ranks = {value: rank for rank, value in enumerate(sorted({v for v in values if v is not None}, key=str))}
    noise = np.random.default_rng(0).normal(size=len(values))
    x = [ranks.get(value, 0) + error for value, error in zip(values, noise, strict=True)]
    return pa.table({"x": x, "y": pa.array(values, kind)})


def binary_recipe(**more) -> TrainRecipe:
    return recipe_for(Task.BINARY, "y", {"x": NUMERIC}, Logistic(), **more)


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        ([0, 1] * 20, None, ("0", "1")),
        ([0.0, 1.0, None] * 20, None, ("0", "1")),
        ([9, 10] * 20, None, ("9", "10")),
        (["9", "10"] * 20, None, ("10", "9")),
        ([True, False] * 20, None, ("false", "true")),
        (["no", "yes"] * 20, "no", ("yes", "no")),
        ([1, 2] * 20, "1", ("2", "1")),
    ],
)
def test_the_positive_class_is_the_last_and_labels_are_text(values, positive, classes, tmp_path):
    version, store, _ = fit(tmp_path, binary_recipe(positive=positive), labelled(values))

    assert version.classes == classes
    first = score_table(store, labelled(values)).to_pylist()[0]
    assert {f"proba_{label}" for label in classes} < first.keys()
    assert first["prediction"] in classes
    assert (first[f"proba_{classes[-1]}"] >= version.threshold) is (first["prediction"] == classes[-1])


def test_rows_without_target_are_dropped_and_counted(tmp_path):
    version, _, lines = fit(tmp_path, binary_recipe(), labelled([0, 1, None, 1, 0] * 10))

    assert version.data.rows.without_target == 10
    assert version.data.rows.train + version.data.rows.test == 40
    assert "10 without target" in lines[0]


def test_a_fixed_threshold_is_kept(tmp_path):
    rule = Threshold(rule="fixed", value=0.9)

    version, _, _ = fit(tmp_path, binary_recipe(threshold=rule), labelled([0, 1] * 30))

    assert version.threshold == 0.9


def test_columns_that_are_not_features_do_not_matter(tmp_path):
    table = labelled([0, 1] * 30)
    first, _, _ = fit(tmp_path / "a", binary_recipe(), table)

    lists = table.append_column("z", pa.array([[1]] * 60))
    second, _, _ = fit(tmp_path / "b", binary_recipe(), lists)

    assert first.digest == second.digest


def test_a_pipeline_that_cannot_be_exported_leaves_no_scorer_and_says_why(trained, tmp_path):
    _, store, _, _, _ = trained
    frame = pd.DataFrame({"mean_radius": [1.0, 2.0]})
    encoder = ColumnTransformer([("feature0", PolynomialFeatures(), ["mean_radius"])]).fit(frame)
    model = LogisticRegression().fit(encoder.transform(frame), [0, 1])
    folder = tmp_path / "scorer"

    outcome = write_scorer(
        Pipeline([("encode", encoder), ("model", model)]),
        store.signature("t1"),
        frame,
        [],
        folder,
        seed=1,
        test_probabilities=[0.5],
    )

    assert (outcome.kind, outcome.parity) == (None, None)
    assert "PolynomialFeatures" in outcome.problem
    assert not folder.exists()
