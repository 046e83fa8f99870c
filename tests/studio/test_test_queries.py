"""Test queries are answered in process as a node answers them, and are made of rows of a dataset."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.studio.small_project import FILES, trained, write, write_project

from scoreline.errors import Invalid, NotFound
from scoreline.storage.project_files import read_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.test_queries import TestOutcome, add_queries, run_test_queries

SERVICE = "fraud_detection"


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("ready") / "project")
    trained(folder)
    return folder


@pytest.fixture
def project(ready: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ready, tmp_path / "project"))


def asked(folder: Path, **options) -> tuple[TestOutcome, ...]:
    return run_test_queries(folder, SERVICE, progress=lambda _line: None, **options)


def with_queries(folder: Path, endpoint: str, queries: str) -> None:
    """Give one endpoint of the service these test queries, a YAML list in one line."""
    service = FILES[f"services/{SERVICE}.yaml"]
    head = f"id: {endpoint}\n"
    write(folder, f"services/{SERVICE}.yaml", service.replace(head, f"{head}    test_queries: {queries}\n"))


def test_an_answer_as_expected_passes_and_shows_itself(project):
    with_queries(
        project,
        "merchant",
        "[{name: known, query: {data: {merchant_id: M_1}}, expect: {data: {state: Wyoming}}}]",
    )

    (outcome,) = asked(project)

    assert (outcome.endpoint, outcome.number, outcome.name) == ("merchant", 1, "known")
    assert (outcome.passed, outcome.message) == (True, "")
    assert outcome.answer["results"][0]["data"] == {"state": "Wyoming", "stores": 3}
    assert set(outcome.answer["timing"]) >= {"preProcessing", "lookup"}
    assert outcome.milliseconds > 0


def test_another_answer_than_expected_fails_and_says_where(project):
    with_queries(
        project,
        "merchant",
        "[{query: {data: {merchant_id: M_1}}, expect: {data: {state: Ohio}}},"
        " {query: {data: {merchant_id: M_2}}, expect: {data: {state: Ohio, stores: null}}}]",
    )

    first, second = asked(project)

    assert not first.passed
    assert "data.state" in first.message
    assert second.passed


@pytest.mark.parametrize(("off_by", "passes"), [(0.0, True), (5e-10, True), (1e-8, False)])
def test_numbers_are_equal_within_a_billionth(project, off_by, passes):
    with_queries(project, "predict", "[{query: {features: {amount: 500, age: 40}}}]")
    probability = asked(project)[0].answer["result"]["probas"]["yes"]

    with_queries(
        project,
        "predict",
        "[{query: {features: {amount: 500, age: 40}}, expect: {probas: {yes: %r}}}]" % (probability + off_by),
    )

    assert asked(project)[0].passed is passes


def test_a_query_that_is_refused_fails_with_the_reason(project):
    with_queries(
        project, "predict", "[{query: {features: {amount: a lot}}}, {query: {features: {amount: 5}}}]"
    )

    refused, answered = asked(project)

    assert (refused.passed, refused.answer) == (False, None)
    assert "amount" in refused.message
    assert answered.passed


def test_an_enriched_query_is_answered_like_the_whole_one(project):
    age = next(
        line.split(",")[1] for line in (project / "data/cards.csv").read_text().splitlines() if "C_7," in line
    )
    with_queries(
        project,
        "predict",
        "[{query: {features: {amount: 480, card_id: C_7}}}, "
        f"{{query: {{features: {{amount: 480, age: {age}}}}}}}]",
    )

    enriched, whole = asked(project)

    assert enriched.answer["result"]["probas"] == whole.answer["result"]["probas"]


def test_one_endpoint_can_be_asked_alone(project):
    add_queries(project, SERVICE, "predict", "payments", 2)
    add_queries(project, SERVICE, "merchant", "merchants", 1)

    assert [outcome.endpoint for outcome in asked(project)] == ["predict", "predict", "merchant"]
    assert [outcome.endpoint for outcome in asked(project, endpoint_id="merchant")] == ["merchant"]
    with pytest.raises(NotFound, match="did you mean 'predict'"):
        asked(project, endpoint_id="predikt")


def test_asking_leaves_no_version_and_no_draft(project):
    add_queries(project, SERVICE, "predict", "payments", 2)

    asked(project)

    assert not Workspace(project).versions(SERVICE).exists()


def test_queries_made_of_rows_hold_the_features_of_the_model_only(project):
    added = add_queries(project, SERVICE, "predict", "payments", 3)

    rows = [line.split(",") for line in (project / "data/payments.csv").read_text().splitlines()[1:4]]
    expected = [{"features": {"amount": float(row[1]), "age": int(row[2])}} for row in rows]
    assert [query.query for query in added] == expected
    assert [query.name for query in added] == [f"payments row {n}" for n in (1, 2, 3)]
    assert read_project(project).services[SERVICE].endpoints[0].test_queries == added
    assert all(outcome.passed for outcome in asked(project))


def test_where_the_dataset_lacks_a_feature_the_key_of_its_enrichment_is_asked(project):
    write(
        project,
        "datasets/amounts.yaml",
        "kind: files\npath: data/amounts.csv\n"
        "columns: [{name: card_id, type: string}, {name: amount, type: double}]\n",
    )
    write(project, "data/amounts.csv", "card_id,amount\nC_7,480\n,5\n")

    added = add_queries(project, SERVICE, "predict", "amounts", 5)

    assert [query.query["features"] for query in added] == [
        {"amount": 480.0, "card_id": "C_7"},
        {"amount": 5.0},
    ]


def test_queries_of_a_lookup_endpoint_hold_its_keys(project):
    added = add_queries(project, SERVICE, "merchant", "merchants", 2)

    assert [query.query for query in added] == [{"data": {"merchant_id": f"M_{n}"}} for n in (1, 2)]


def test_added_queries_leave_the_rest_of_the_file_as_it_is(project):
    path = project / "services" / f"{SERVICE}.yaml"
    path.write_text("# why this service exists\n" + path.read_text())
    before = path.read_text().splitlines()

    add_queries(project, SERVICE, "merchant", "merchants", 1)
    add_queries(project, SERVICE, "merchant", "merchants", 1)

    after = path.read_text().splitlines()
    assert [line for line in after if line in before] == before
    assert len(read_project(project).services[SERVICE].endpoints[1].test_queries) == 2


def test_what_cannot_become_queries_is_refused_and_changes_nothing(project):
    write(
        project,
        "datasets/none.yaml",
        "kind: files\npath: data/none.csv\ncolumns: [{name: merchant_id, type: int}]\n",
    )
    write(project, "data/none.csv", "merchant_id\n")
    before = (project / "services" / f"{SERVICE}.yaml").read_bytes()

    with pytest.raises(Invalid, match="has no rows"):
        add_queries(project, SERVICE, "merchant", "none", 5)
    with pytest.raises(Invalid, match="no column that endpoint 'merchant' asks for"):
        add_queries(project, SERVICE, "merchant", "cards", 5)
    with pytest.raises(NotFound, match="did you mean 'cards'"):
        add_queries(project, SERVICE, "merchant", "card", 5)
    for count in (0, -1, 100_000):
        with pytest.raises(Invalid, match="choose 1 to"):
            add_queries(project, SERVICE, "merchant", "merchants", count)

    assert (project / "services" / f"{SERVICE}.yaml").read_bytes() == before
