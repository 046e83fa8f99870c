"""The commands on versions and test queries, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoreline.cli.main import run

PROJECT = {
    "project.yaml": "id: shops\n",
    "datasets/merchants.yaml": "kind: files\npath: data/merchants.csv\n"
    "columns: [{name: merchant_id, type: string}, {name: state, type: string}]\n",
    "data/merchants.csv": "merchant_id,state\nM_1,Wyoming\nM_2,Ohio\n",
    "services/shops.yaml": """endpoints:
  - kind: lookup
    id: merchant
    lookups: [{dataset: merchants, keys: [{column: merchant_id}]}]
    test_queries: [{name: known, query: {data: {merchant_id: M_1}}, expect: {found: true}}]
""",
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_versions_are_made_listed_shown_and_compared(project, capsys):
    assert run(["version", "list", "shops"]) == 0
    assert "scoreline version create shops" in capsys.readouterr().err

    assert run(["version", "create", "shops", "--notes", "the first"]) == 0
    made = capsys.readouterr()
    assert made.out.strip() == str(project / ".scoreline" / "versions" / "shops" / "v1.zip")
    assert "next: scoreline publish shops v1" in made.err

    with (project / "data" / "merchants.csv").open("a") as file:
        file.write("M_3,Utah\n")
    assert run(["version", "create", "shops", "--id", "spring", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["version"] == "spring"

    assert run(["version", "list", "shops", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)
    assert [each["manifest"]["version"] for each in versions] == ["v1", "spring"]
    assert run(["version", "show", "shops", "v1"]) == 0
    shown = capsys.readouterr().out
    assert "the first" in shown
    assert "2 rows" in shown
    assert run(["version", "diff", "shops", "v1", "spring"]) == 0
    assert "3 rows" in capsys.readouterr().out
    assert run(["version", "diff", "shops", "v1", "v1"]) == 0
    assert "nothing differs" in capsys.readouterr().err


def test_a_package_file_is_verified_wherever_it_is(project, tmp_path, capsys):
    run(["version", "create", "shops"])
    archive = project / ".scoreline" / "versions" / "shops" / "v1.zip"

    assert run(["version", "verify", str(archive)]) == 0
    assert "shops v1 is sound" in capsys.readouterr().err
    (tmp_path / "bad.zip").write_bytes(archive.read_bytes()[:-100])
    assert run(["version", "verify", str(tmp_path / "bad.zip")]) == 4
    assert run(["version", "verify", str(tmp_path / "none.zip")]) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["version", "create", "shop"], 3, "did you mean 'shops'"),
        (["version", "create", "shops", "--id", "a b"], 4, "cannot be the id of a version"),
        (["version", "show", "shops", "v9"], 3, "no version 'v9'"),
        (["version", "list", "shop"], 3, "did you mean 'shops'"),
        (["test-queries", "shop"], 3, "did you mean 'shops'"),
        (["test-queries", "shops", "--endpoint", "merchants"], 3, "did you mean 'merchant'"),
        (["test-queries", "shops", "--deployment", "x"], 4, "name a service"),
        (["test-queries", "--details"], 4, "name a service"),
        (["test-queries", "add", "shops", "merchant", "--from", "merchant"], 3, "did you mean 'merchants'"),
    ],
)
def test_what_is_wrong_is_said_with_the_exit_code_of_its_family(project, capsys, arguments, code, words):
    assert run(arguments) == code
    assert words in capsys.readouterr().err


def test_a_version_that_is_there_is_a_conflict(project, capsys):
    run(["version", "create", "shops", "--id", "v1"])

    assert run(["version", "create", "shops", "--id", "v1"]) == 5
    assert "never changed" in capsys.readouterr().err


def test_test_queries_are_asked_and_added(project, capsys):
    assert run(["test-queries", "shops"]) == 0
    assert "state=Wyoming" in capsys.readouterr().out

    assert run(["test-queries", "add", "shops", "merchant", "--from", "merchants", "-n", "2"]) == 0
    assert run(["test-queries", "run", "shops", "--json"]) == 0
    said = capsys.readouterr().out
    outcomes = json.loads(said)
    assert [outcome["name"] for outcome in outcomes] == ["known", "merchants row 1", "merchants row 2"]

    assert run(["test-queries", "shops", "--details"]) == 0
    assert '"merchant_id": "M_2"' in capsys.readouterr().out


def test_one_query_that_fails_makes_the_command_fail(project, capsys):
    service = project / "services" / "shops.yaml"
    service.write_text(service.read_text().replace("found: true", "found: false"))

    assert run(["test-queries", "shops"]) == 1
    printed = capsys.readouterr()
    assert "FAILED" in printed.out
    assert "result.found" in printed.out
    assert "1 of 1 test queries failed" in printed.err
