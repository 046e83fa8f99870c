"""The commands on evaluations, run as the command line runs them; exit codes say how checks came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.core.made_evaluations import made_drift, made_evaluation
from tests.studio.evaluated_project import STORE, evaluated, write_evaluated_project, write_news

from scoreline.cli.main import run
from scoreline.core.evaluation import ReferenceRows
from scoreline.storage.evaluations import Evaluations

CHECKS = {
    "fine": "[{metric: auc, min: 0.5}]",
    "soft": "[{metric: auc, soft_min: 0.85}, {metric: log_loss, max: 1}]",
    "hard": "[{name: Drift, metric: data_drift, max: 0.6}, {metric: column_psi, soft_max: 0.1, max: 0.9}]",
    "empty": "[{metric: rmse, max: 1}]",
    "none": "[]",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project.yaml").write_text("id: p\n")
    (tmp_path / "evaluation-stores").mkdir()
    for name, checks in CHECKS.items():
        (tmp_path / f"evaluation-stores/{name}.yaml").write_text(f"name: Store {name}\nchecks: {checks}\n")
        keep(tmp_path, name)
    return tmp_path


def keep(folder: Path, store: str, **changes: Any) -> None:
    evaluations = Evaluations(folder / ".scoreline/evaluations" / store)
    reference = ReferenceRows(kind="test_rows", id="t1", digest="abc", rows=100)
    made = made_evaluation(**{"id": evaluations.next_id(), "reference": reference, **changes})
    with evaluations.keeping(made):
        pass


def said(
    capsys: pytest.CaptureFixture[str], project: Path, *arguments: str, code: int = 0
) -> tuple[str, str]:
    assert run(["evaluation", *arguments, "--project", str(project)]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def as_json(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(said(capsys, project, *arguments, "--json", code=code)[0])


@pytest.mark.parametrize(
    ("store", "outcome", "code"),
    [
        ("fine", "OK", 0),
        ("hard", "ERROR", 1),
        ("soft", "WARNING", 8),
        ("empty", "EMPTY", 9),
        ("none", "EMPTY", 9),
    ],
)
def test_the_exit_code_says_how_the_checks_came_out(
    store: str, outcome: str, code: int, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = as_json(capsys, project, "run-checks", store, code=code)

    assert (checked["store"], checked["evaluation"], checked["outcome"]) == (store, "e1", outcome)
    assert f"{store} e1: {outcome}" in said(capsys, project, "run-checks", store, code=code)[1]


def test_checks_tell_number_column_and_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drift, columns = as_json(capsys, project, "run-checks", "hard", code=1)["results"]
    text, _ = said(capsys, project, "run-checks", "hard", code=1)

    assert (drift["check"], drift["value"], drift["outcome"]) == ("Drift", 0.7, "ERROR")
    assert (columns["check"], columns["column"], columns["outcome"]) == ("column_psi", "amount", "WARNING")
    assert columns["columns"] == {"amount": 0.4, "kind": 0.15}
    assert "data_drift 0.7: more than 0.6 (max); by amount, kind" in text


def test_an_older_evaluation_can_be_checked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(project, "fine", metrics={"auc": 0.4})

    assert as_json(capsys, project, "run-checks", "fine", code=1)["evaluation"] == "e2"
    older = as_json(capsys, project, "run-checks", "fine", "--evaluation", "e1")
    assert (older["evaluation"], older["outcome"]) == ("e1", "OK")


def test_stores_are_listed_with_their_newest_evaluation(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "evaluation-stores/new.yaml").write_text("{}\n")
    keep(project, "soft")

    listed = {store["id"]: store for store in as_json(capsys, project, "list")}
    text, _ = said(capsys, project, "list")

    assert listed["soft"] == {
        "id": "soft",
        "name": "Store soft",
        "evaluations": ["e2", "e1"],
        "outcome": "WARNING",
    }
    assert listed["new"] == {"id": "new", "name": "", "evaluations": [], "outcome": None}
    assert "none yet" in text
    assert "no checks" in text


def test_evaluations_of_a_store_are_listed_newest_first(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(project, "fine", metrics={"auc": 0.4, "f1": 0.3}, drift=None, drift_problem="no rows")

    newest, older = as_json(capsys, project, "list", "fine")
    text, _ = said(capsys, project, "list", "fine")

    assert (newest["id"], newest["outcome"], older["id"], older["outcome"]) == ("e2", "ERROR", "e1", "OK")
    assert newest["numbers"]["auc"] == 0.4
    assert older["numbers"]["data_drift"] == 0.7
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["e2", "e1"]


def test_an_evaluation_is_shown_whole(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = as_json(capsys, project, "show", "hard")
    text, err = said(capsys, project, "show", "hard")

    assert shown["evaluation"]["drift"]["columns"]["amount"]["psi"] == 0.4
    assert shown["checks"]["outcome"] == "ERROR"
    for expected in (
        "m t1",
        "test rows of t1, 100 rows",
        "90 with a prediction, 80 of them with a truth",
        "0.700 (0.650 to 0.750; 0.5: none), p-value 1e-09",
        "amount 0.200, kind 0.080, age 0.001",
        "5.0% → 20.0%",
        "-0.1000",
    ):
        assert expected in text
    assert "hard e1: ERROR" in err


def test_an_evaluation_without_drift_says_why(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(project, "none", drift=None, drift_problem="version t1 kept no test rows")
    keep(project, "none", drift=made_drift(columns={}, classifier=None, predictions=None, performance={}))

    assert (
        "none: version t1 kept no test rows" in said(capsys, project, "show", "none", "--evaluation", "e2")[0]
    )
    assert "no column was compared" in said(capsys, project, "show", "none")[1]


def test_what_is_not_there_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evaluation-stores/new.yaml").write_text("{}\n")

    assert (
        "no evaluation store 'fin'; did you mean 'fine'?" in said(capsys, project, "show", "fin", code=3)[1]
    )
    assert (
        "has no evaluation 'e9'; there is: e1"
        in said(capsys, project, "run-checks", "fine", "--evaluation", "e9", code=3)[1]
    )
    assert "'new' is empty: scoreline build new" in said(capsys, project, "run-checks", "new", code=3)[1]


def test_a_store_that_is_wrong_is_told_with_its_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "evaluation-stores/fine.yaml").write_text("name: Fine\nchecks:\n  - metric: acu\n    max: 1\n")

    _, err = said(capsys, project, "run-checks", "fine", code=4)

    assert "evaluation-stores/fine.yaml:3: checks[0].metric: 'acu' is no number of an evaluation" in err


def test_what_was_measured_elsewhere_is_added_and_checked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    added = as_json(capsys, project, "add", "fine", "auc=0.4", "cost=7.5", "--name", "by hand")

    assert (added["id"], added["metrics"], added["recipe"]) == ("g1", {"auc": 0.4}, "")
    text, _ = said(capsys, project, "show", "fine")
    for expected in ("by hand", "measured elsewhere", "0.4000", "cost", "7.5000"):
        assert expected in text
    assert "auc 0.4: less than 0.5 (min)" in said(capsys, project, "run-checks", "fine", code=1)[0]
    assert "g1" in said(capsys, project, "list", "fine")[0]


def test_a_number_of_ones_own_can_be_checked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evaluation-stores/fine.yaml").write_text("checks: [{metric: custom_cost, max: 5}]\n")
    said(capsys, project, "add", "fine", "cost=7.5", "--id", "march")

    out, err = said(capsys, project, "run-checks", "fine", code=1)

    assert "custom_cost 7.5: more than 5 (max)" in out
    assert "fine march: ERROR" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "fine", "auc"), "'auc' is no metric; give it as CODE=VALUE"),
        (("add", "fine", "auc=much"), "'auc=much' is no metric"),
        (("add", "fine", "auc=1", "--id", "e7"), "choose another id than 'e7'"),
        (("add", "fine", "auc=1", "--version", "fraud"), "--version 'fraud': give it as MODEL:VERSION"),
        (("drift", "fine", "--against", "e1", "--against-version", "m:t1"), "not both"),
        (("drift", "fine", "--against-version", "t1"), "give it as MODEL:VERSION"),
    ],
)
def test_what_cannot_be_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in said(capsys, project, *arguments, code=4)[1]


def test_an_evaluation_is_deleted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "e1 of store 'fine' is deleted" in said(capsys, project, "delete", "fine", "e1")[1]

    assert "has no evaluation 'e1'" in said(capsys, project, "delete", "fine", "e1", code=3)[1]
    assert as_json(capsys, project, "list", "fine") == []


def test_drift_is_computed_against_another_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = write_evaluated_project(tmp_path / "cards")
    evaluated(project)
    write_news(project, shift=0)
    evaluated(project)

    found = as_json(capsys, project, "drift", STORE, "--evaluation", "e1", "--against", "e2")
    text, _ = said(capsys, project, "drift", STORE, "--against-version", "fraud:t1")

    assert found["columns"]["amount"]["psi"] > 0.25
    assert found["performance"]["auc"]["p_value"] is not None
    assert "amount" in text
    assert (
        "has no version 't9'"
        in said(capsys, project, "drift", STORE, "--against-version", "fraud:t9", code=3)[1]
    )
