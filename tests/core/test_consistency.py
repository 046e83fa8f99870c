"""What must hold between definitions: references, namespaces, writers, options that fit."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scoreline.core.consistency import complaints
from scoreline.core.dataset import Dataset
from scoreline.core.model import SavedModel
from scoreline.core.names import ID_RULE
from scoreline.core.project import Connection, EvaluationStore, Kind, Project, ProjectSettings
from scoreline.core.recipe import Recipe
from scoreline.core.scenario import Scenario
from scoreline.core.service import Service

DATASETS = {
    "raw": {"kind": "files", "path": "data/raw.csv", "columns": [{"name": "a", "type": "int"}]},
    "loose": {"kind": "files", "path": "data/loose.csv"},
    "one": {"kind": "managed"},
    "two": {"kind": "managed"},
}
CATEGORY_MISSING = "most_frequent, constant, native, ignore_record"
TRAIN: dict[str, Any] = {
    "kind": "train",
    "input": "loose",
    "model": "m",
    "task": "binary",
    "target": "y",
    "features": {"a": {"handling": "numeric"}},
    "algorithms": [{"kind": "random_forest"}],
}


def project(
    *,
    datasets: Any = None,
    recipes: Any = None,
    services: Any = None,
    scenarios: Any = None,
    connections: Any = None,
    stores: Any = None,
) -> Project:
    return Project(
        settings=ProjectSettings(id="p"),
        connections=msgspec.convert(connections or {}, dict[str, Connection]),
        datasets=msgspec.convert({**DATASETS, **(datasets or {})}, dict[str, Dataset]),
        recipes=msgspec.convert(recipes or {}, dict[str, Recipe]),
        models={"m": SavedModel()},
        evaluation_stores=msgspec.convert(stores or {"s": {}}, dict[str, EvaluationStore]),
        services=msgspec.convert(services or {}, dict[str, Service]),
        scenarios=msgspec.convert(scenarios or {}, dict[str, Scenario]),
    )


def said(**definitions: Any) -> list[str]:
    checked = project(**definitions)
    found = complaints(checked, {kind: list(checked.of(kind)) for kind in Kind})
    return [f"{complaint.id}{list(complaint.at)}: {complaint.message}" for complaint in found]


def said_of_training(**changes: Any) -> list[str]:
    return said(recipes={"t": {**TRAIN, **changes}})


def said_of_feature(
    feature: dict[str, Any], algorithm: str = "random_forest", task: str = "binary"
) -> list[str]:
    return said_of_training(features={"a": feature}, algorithms=[{"kind": algorithm}], task=task)


def test_a_sound_project_has_nothing_to_complain_about() -> None:
    assert said(recipes={"t": TRAIN}) == []


def test_a_dangling_reference_names_the_nearest_known_one() -> None:
    found = said(
        recipes={
            "a": {"kind": "sql", "inputs": ["rwa", "m"], "output": "one"},
            "b": {"kind": "score", "input": "raw", "model": "raw", "output": "zwei"},
            "c": {"kind": "evaluate", "input": "raw", "model": "mm", "store": "m"},
        }
    )

    assert found == [
        "a['inputs', 0]: there is no dataset 'rwa'; did you mean 'raw'?",
        "a['inputs', 1]: 'm' is a saved model, not a dataset",
        "b['model']: 'raw' is a dataset, not a saved model",
        "b['output']: there is no dataset 'zwei'; there is: loose, one, raw, two",
        "c['model']: there is no saved model 'mm'; did you mean 'm'?",
        "c['store']: 'm' is a saved model, not an evaluation store",
    ]


def test_an_output_has_one_writer_and_is_managed() -> None:
    found = said(
        recipes={
            "a": {"kind": "sql", "inputs": ["raw"], "output": "one"},
            "b": {"kind": "python", "inputs": ["raw"], "outputs": ["two", "one"]},
            "c": {"kind": "sql", "inputs": ["raw"], "output": "loose"},
        }
    )

    assert found == [
        "c['output']: a recipe writes only managed datasets; give 'loose' the kind 'managed'",
        "b['outputs', 1]: 'one' is written by recipe 'a' already",
    ]


def test_a_circle_of_recipes_is_told_in_order() -> None:
    found = said(
        recipes={
            "a": {"kind": "sql", "inputs": ["two"], "output": "one"},
            "b": {"kind": "sql", "inputs": ["one"], "output": "two"},
        }
    )

    assert found == ["a[]: recipes go round in a circle: a -> b -> a"]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], "s['parts']: must list at least one part"),
        (
            [{"dataset": "one", "share": 0.7}, {"dataset": "two", "share": 0.4}],
            "s['parts']: shares sum to 1.1, which is more than 1",
        ),
        (
            [{"dataset": "one"}, {"dataset": "two"}],
            "s['parts', 1]: only one part can take whatever is left; give a 'where' or a 'share'",
        ),
        (
            [{"dataset": "one", "where": "a > 1", "share": 0.5}],
            "s['parts', 0]: takes either rows by 'where' or a 'share' of the rest, not both",
        ),
        ([{"dataset": "one", "where": " "}], "s['parts', 0, 'where']: must be a SQL condition"),
        (
            [{"dataset": "one", "share": 0.5}, {"dataset": "one"}],
            "s['parts', 1, 'dataset']: 'one' is listed twice",
        ),
    ],
)
def test_the_parts_of_a_split_fit_together(parts: list[dict[str, Any]], expected: str) -> None:
    assert said(recipes={"s": {"kind": "split", "input": "raw", "parts": parts}}) == [expected]


def test_shares_that_sum_to_one_but_for_rounding_are_fine() -> None:
    parts = [{"dataset": "one", "share": 0.1}, {"dataset": "two", "share": 0.2}]
    more = {f"d{n}": {"kind": "managed"} for n in range(7)}
    parts += [{"dataset": name, "share": 0.1} for name in more]

    assert said(datasets=more, recipes={"s": {"kind": "split", "input": "raw", "parts": parts}}) == []


@pytest.mark.parametrize(
    ("feature", "algorithm", "expected"),
    [
        (
            {"handling": "category", "scale": "standard"},
            "random_forest",
            "'scale']: is for numeric features only",
        ),
        ({"handling": "numeric", "encode": "ordinal"}, "random_forest", "'encode']: is for categories only"),
        (
            {"handling": "numeric", "max_categories": 9},
            "lightgbm",
            "'max_categories']: is for categories only",
        ),
        (
            {"handling": "category", "missing": "mean"},
            "random_forest",
            f"'missing']: 'mean' is for numeric features only; use one of: {CATEGORY_MISSING}",
        ),
        (
            {"handling": "numeric", "missing": "constant"},
            "ridge",
            "'missing']: 'constant' needs 'fill', the value to put in",
        ),
        ({"handling": "numeric", "fill": 3.0}, "ridge", "'fill']: is for 'missing: constant' only"),
        (
            {"handling": "numeric", "missing": "constant", "fill": "x"},
            "ridge",
            "'fill']: must be a number for a numeric feature",
        ),
        (
            {"handling": "category", "missing": "constant", "fill": 3.0},
            "ridge",
            "'fill']: must be text for a category; put it in quotes",
        ),
        (
            {"handling": "numeric", "missing": "native"},
            "ridge",
            "'missing']: 'ridge' cannot take missing numbers ('native'); use 'median'",
        ),
        (
            {"handling": "numeric", "missing": "native"},
            "gradient_boosting",
            "'missing']: 'gradient_boosting' cannot take missing numbers ('native'); use 'median'",
        ),
        (
            {"handling": "category", "encode": "native"},
            "random_forest",
            "'encode']: 'random_forest' has no categorical splits ('native'); use 'one_hot'",
        ),
        (
            {"handling": "category", "encode": "native", "max_categories": 300},
            "hist_gradient_boosting",
            "'max_categories']: must be at most 255 for 'hist_gradient_boosting' with 'encode: native'",
        ),
    ],
)
def test_the_options_of_a_feature_fit_its_handling_and_the_algorithms(
    feature: dict[str, Any], algorithm: str, expected: str
) -> None:
    assert said_of_feature(feature, algorithm, "regression") == [f"t['features', 'a', {expected}"]


@pytest.mark.parametrize(
    "feature",
    [
        {"handling": "numeric", "missing": "native"},
        {"handling": "numeric", "missing": "constant", "fill": 0},
        {"handling": "category", "missing": "constant", "fill": "none", "encode": "ordinal"},
        {"handling": "category", "missing": "native", "max_categories": 300},
        {"handling": "category", "missing": "ignore_record"},
    ],
)
def test_options_that_fit_are_accepted(feature: dict[str, Any]) -> None:
    assert said_of_feature(feature) == []


@pytest.mark.parametrize(
    ("task", "algorithm"),
    [("regression", "logistic"), ("binary", "ridge"), ("multiclass", "ridge")],
)
def test_an_algorithm_fits_the_task(task: str, algorithm: str) -> None:
    [found] = said_of_training(task=task, algorithms=[{"kind": "lightgbm"}, {"kind": algorithm}])

    assert found.startswith(f"t['algorithms', 1]: {algorithm!r} does not fit a")


@pytest.mark.parametrize(
    ("task", "good", "bad"),
    [
        ("binary", "auc log_loss accuracy f1 precision recall average_precision", "rmse"),
        ("multiclass", "log_loss auc accuracy f1", "r2"),
        ("regression", "r2 rmse mae median_ae", "accuracy"),
    ],
)
def test_a_metric_measures_the_task(task: str, good: str, bad: str) -> None:
    assert [said_of_training(task=task, metric=metric) for metric in good.split()] == [[]] * len(good.split())
    [found] = said_of_training(task=task, metric=bad)
    assert found.startswith(f"t['metric']: {bad!r} does not measure a {task} model; ")


def test_what_else_a_training_needs() -> None:
    assert said_of_training(features={}) == ["t['features']: must name at least one column"]
    assert said_of_training(algorithms=[]) == ["t['algorithms']: must list at least one algorithm"]
    assert said_of_training(target="a") == ["t['features', 'a']: the target cannot be a feature"]
    assert said_of_training(algorithms=[{"kind": "lightgbm"}] * 2) == [
        "t['algorithms', 1]: is listed twice with the same parameters"
    ]
    assert said_of_training(task="regression", positive="1", threshold={"rule": "accuracy"}) == [
        "t['positive']: is for binary models only; this one is regression",
        "t['threshold']: is for binary models only; this one is regression",
    ]


def test_columns_are_looked_up_where_a_dataset_declares_them() -> None:
    assert said_of_training(input="raw", target="b", features={"A": {"handling": "numeric"}}) == [
        "t['target']: dataset 'raw' has no column 'b'; there is: a",
        "t['features', 'A']: dataset 'raw' has no column 'A'; did you mean 'a'?",
    ]


def lookup(**changes: Any) -> dict[str, Any]:
    return {"dataset": "raw", "keys": [{"column": "a"}], **changes}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"dataset": "rav"}, ", 'dataset']: there is no dataset 'rav'; did you mean 'raw'?"),
        ({"keys": []}, ", 'keys']: must list at least one column"),
        ({"keys": [{"column": "b"}]}, ", 'keys', 0, 'column']: dataset 'raw' has no column 'b'; there is: a"),
        (
            {"keys": [{"column": "a"}, {"column": "a", "name": "x"}]},
            ", 'keys', 1]: column 'a' is listed twice",
        ),
        (
            {"dataset": "loose", "keys": [{"column": "a"}, {"column": "b", "name": "a"}]},
            ", 'keys', 1]: two keys have the name 'a' in the query",
        ),
        ({"columns": []}, ", 'columns']: must list at least one column, or be 'all'"),
        (
            {"dataset": "loose", "columns": [{"column": "a"}, {"column": "b", "name": "a"}]},
            ", 'columns', 1]: two columns get the name 'a'",
        ),
    ],
)
def test_a_lookup_fits_its_dataset(change: dict[str, Any], expected: str) -> None:
    enriching = {"kind": "prediction", "id": "p", "model": "m", "enrichments": [lookup(**change)]}
    looking = {"kind": "lookup", "id": "l", "lookups": [lookup(**change)]}

    assert said(services={"s": {"endpoints": [enriching, looking]}}) == [
        f"s['endpoints', 0, 'enrichments', 0{expected}",
        f"s['endpoints', 1, 'lookups', 0{expected}",
    ]


def test_endpoints_of_a_service_have_ids_of_their_own() -> None:
    endpoints = [{"kind": "prediction", "id": id_, "model": "m"} for id_ in ("predict", "Predict", "a/b")]

    assert said(services={"s": {"endpoints": endpoints}}) == [
        f"s['endpoints', 2, 'id']: 'a/b' cannot be an id: {ID_RULE}",
        "s['endpoints', 1, 'id']: two endpoints have the id 'predict'",
    ]


def test_test_queries_have_the_body_of_their_endpoint() -> None:
    queries = [{"query": {"features": {}}}, {"query": {"data": {}}}, {"query": {"features": []}}]
    endpoint = {"kind": "prediction", "id": "p", "model": "m", "test_queries": queries}

    assert said(services={"s": {"endpoints": [endpoint]}}) == [
        f"s['endpoints', 0, 'test_queries', {n}, 'query']: must hold 'features', a mapping from name to value"
        for n in (1, 2)
    ]


def test_keys_belong_to_a_service_that_asks_for_them() -> None:
    key = {"label": "till", "sha256": "0" * 64}
    services = {
        "sound": {"authorization": "api_keys", "api_keys": [key]},
        "nobody": {"authorization": "api_keys"},
        "everybody": {"api_keys": [key]},
        "doubled": {"authorization": "api_keys", "api_keys": [key, {"label": "a b", "sha256": "0" * 64}]},
    }

    assert said(services=services) == [
        "nobody['authorization']: nobody has a key: list at least one under 'api_keys'",
        "everybody['api_keys']: keys are for a service with 'authorization: api_keys'",
        f"doubled['api_keys', 1, 'label']: 'a b' cannot be a label: {ID_RULE}",
        "doubled['api_keys', 1, 'sha256']: two labels have the same key",
    ]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "data/../../x", "C:/x", "a\\b", "", ".", ".scoreline/x"]
)
def test_a_files_dataset_stays_inside_the_project(path: str) -> None:
    [found] = said(datasets={"d": {"kind": "files", "path": path}})

    assert found.startswith("d['path']: must ")


def test_the_columns_and_options_of_a_dataset_fit() -> None:
    columns = [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}, {"name": " ", "type": "int"}]

    assert said(datasets={"d": {"kind": "managed", "columns": columns}}) == [
        "d['columns', 2]: a column needs a name",
        "d['columns', 1]: column 'a' is listed twice",
    ]
    assert said(datasets={"d": {"kind": "managed", "columns": []}}) == [
        "d['columns']: must list at least one column; leave the key out to have them found"
    ]
    assert said(datasets={"d": {"kind": "files", "path": "x", "delimiter": ";;"}}) == [
        "d['delimiter']: must be one character, neither a quote nor a line end"
    ]
    assert said(datasets={"d": {"kind": "files", "path": "x", "format": "jsonl", "delimiter": ";"}}) == [
        "d['delimiter']: is for csv files only, not for jsonl"
    ]
    assert said(datasets={"d": {"kind": "sql", "connection": "bank", "table": " "}}) == [
        "d['connection']: there is no connection 'bank'; there is none yet",
        "d['table']: must name a table",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///data/cards.sqlite",
        "postgresql+psycopg://reader@db.example.com/cards",
        "postgresql+psycopg://reader:${env:DB_PASSWORD}@db.example.com/cards",
        "postgresql+psycopg://${env:USER}:${env:DB_PASSWORD}@db.example.com:5432/cards?sslmode=require",
        "${env:CARDS_URL}",
    ],
)
def test_a_connection_refers_to_its_secrets(url: str) -> None:
    assert said(connections={"c": {"url": url}}) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:hunter2@db.example.com/cards",
        "postgresql://reader@db.example.com/cards?password=hunter2",
        "postgresql://reader:hunter2${env:REST}@db.example.com/cards",
        "postgresql://reader:${DB_PASSWORD}hunter2@db.example.com/cards",
        "postgresql://reader:${env:}hunter2@db.example.com",
        "hunter2",
    ],
)
def test_a_connection_with_a_secret_or_without_a_url_is_refused_and_not_shown(url: str) -> None:
    found = said(connections={"c": {"url": url}})

    assert found
    assert "hunter2" not in " ".join(found)


def test_an_evaluate_recipe_is_held_against_what_is_there() -> None:
    found = said(
        recipes={
            "e": {
                "kind": "evaluate",
                "input": "raw",
                "model": "m",
                "store": "s",
                "reference": "raw",
                "drift": {"columns": {"b": "numeric"}},
            },
            "f": {"kind": "evaluate", "input": "raw", "model": "m", "store": "s2", "reference": "losse"},
        }
    )

    assert found == [
        "e['reference']: 'raw' is the input itself; name another dataset",
        "e['drift', 'columns', 'b']: dataset 'raw' has no column 'b'; there is: a",
        "f['store']: there is no evaluation store 's2'; did you mean 's'?",
        "f['reference']: there is no dataset 'losse'; did you mean 'loose'?",
    ]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"prediction": "p"}, "['prediction']: needs 'task': binary, multiclass or regression"),
        (
            {"target": "y"},
            "['target']: says something about predictions; name their column under 'prediction'",
        ),
        ({"task": "regression", "prediction": "p", "probas": {"1": "q"}}, "['probas']: a regression has no"),
        (
            {"task": "binary", "prediction": "p", "probas": {"1": "q", "2": "r", "3": "t"}},
            "['probas']: a binary task has 2 classes, not 3",
        ),
        (
            {"task": "multiclass", "prediction": "p", "probas": {"1": "q"}},
            "['probas']: must name the column of",
        ),
        ({"task": "binary", "prediction": "p", "target": "p"}, "[]: column 'p' is used twice"),
    ],
)
def test_a_standalone_evaluation_that_cannot_be_is_refused(more: dict[str, Any], complaint: str) -> None:
    recipe = {"kind": "standalone_evaluate", "input": "loose", "reference": "one", "store": "s"}

    assert said(recipes={"e": recipe}) == []
    found = said(recipes={"e": {**recipe, **more}})
    assert len(found) == 1
    assert found[0].startswith(f"e{complaint}")


def test_checks_of_a_store_are_held_against_the_numbers_there_are() -> None:
    found = said(
        stores={"s": {"checks": [{"metric": "auc", "min": 0.5}, {"metric": "column_pis", "max": 1}]}}
    )

    assert found == [
        "s['checks', 1, 'metric']: 'column_pis' is no number of an evaluation; did you mean 'column_psi'?"
    ]
