"""The commands on a project's folder, as a person or a program runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoreline.cli.main import run
from scoreline.cli.project_option import find_project
from scoreline.errors import NotFound


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "cards"
    assert run(["init", str(folder)]) == 0
    return folder


def test_a_new_project_checks_as_sound(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "datasets").mkdir()
    (project / "datasets/raw.yaml").write_text("kind: managed\n")
    capfd.readouterr()

    assert run(["check", "--project", str(project)]) == 0
    assert capfd.readouterr().err == "project 'cards' is sound: 1 dataset\n"

    assert run(["check", "--project", str(project), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"ok": True, "project": "cards", "problems": []}


def test_check_prints_every_problem_and_ends_with_4(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "models").mkdir()
    for number in range(30):
        (project / f"models/m{number:02}.yaml").write_text("nmae: x\n")
    capfd.readouterr()

    assert run(["check", "--project", str(project)]) == 4
    printed = capfd.readouterr()
    assert printed.out.splitlines() == [
        f"models/m{number:02}.yaml:1: unknown key 'nmae'; did you mean 'name'?" for number in range(30)
    ]
    assert printed.err == "30 problems\n"

    assert run(["check", "--project", str(project), "--json"]) == 4
    told = json.loads(capfd.readouterr().out)
    assert told["ok"] is False
    assert len(told["problems"]) == 30
    assert told["problems"][0] == {
        "file": "models/m00.yaml",
        "line": 1,
        "message": "unknown key 'nmae'; did you mean 'name'?",
    }


def test_init_refuses_with_the_exit_code_of_the_reason(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()

    assert run(["init", str(project)]) == 5
    assert run(["init", str(project / "new"), "--template", "real-time-api"]) == 3
    assert run(["init", str(project / "new"), "--id", "a b"]) == 4
    assert "did you mean 'real-time-apis'?" in capfd.readouterr().err
    assert not (project / "new").exists()


def test_export_and_import_move_a_project(project: Path, tmp_path: Path) -> None:
    (project / "data").mkdir()
    (project / "data/a.csv").write_text("a\n1\n")

    assert run(["project", "export", str(tmp_path / "x.zip"), "--project", str(project)]) == 0
    assert run(["project", "import", str(tmp_path / "x.zip"), str(tmp_path / "with")]) == 0
    assert (tmp_path / "with/data/a.csv").read_text() == "a\n1\n"

    arguments = ["project", "export", str(tmp_path / "y.zip"), "--project", str(project), "--without-data"]
    assert run(arguments) == 0
    assert run(["project", "import", str(tmp_path / "y.zip"), str(tmp_path / "without")]) == 0
    assert not (tmp_path / "without/data").exists()

    (tmp_path / "z.zip").write_bytes(b"nothing")
    assert run(["project", "import", str(tmp_path / "z.zip"), str(tmp_path / "bad")]) == 4
    assert run(["project", "import", str(tmp_path / "none.zip"), str(tmp_path / "bad")]) == 3
    assert not (tmp_path / "bad").exists()


def test_schemas_are_listed_printed_and_written(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()

    assert run(["schema"]) == 0
    assert "datasets" in capfd.readouterr().out.splitlines()
    assert run(["schema", "datasets"]) == 0
    assert json.loads(capfd.readouterr().out)["title"] == "Scoreline: datasets"
    assert run(["schema", "dataset"]) == 3
    assert "did you mean 'datasets'?" in capfd.readouterr().err
    assert run(["schema", "--write", "--project", str(project)]) == 0
    assert (project / ".schemas/datasets.json").exists()
    assert run(["check", "--project", str(project)]) == 0


def test_a_project_is_found_from_a_folder_inside_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "recipes/deep").mkdir(parents=True)
    monkeypatch.chdir(project / "recipes/deep")

    assert find_project(None) == project
    assert find_project(Path("../..")) == project


def test_where_there_is_no_project_the_next_step_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NotFound, match="scoreline init FOLDER"):
        find_project(None)
    with pytest.raises(NotFound, match=r"is not a project: it holds no project\.yaml"):
        find_project(tmp_path)
