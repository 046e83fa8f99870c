"""The control plane knows projects: named at its start, added while it runs, gone and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.running import CommandLine
from tests.deployer.processes import ControlPlane

from scoreline.cli.main import run
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.studio.projects import create_project


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    running = ControlPlane(tmp_path_factory.mktemp("known") / "home")
    running.start()
    yield running
    running.clear()


def test_a_project_is_added_shown_and_removed(control_plane: ControlPlane, tmp_path: Path) -> None:
    create_project(tmp_path / "cards")
    with control_plane.client() as client:
        added = client.add_project(tmp_path / "cards")
        assert added in client.projects()

        assert client.add_project(str(tmp_path / "cards")) == added
        assert client.remove_project("cards") == added
        assert added not in client.projects()


def test_refusals_come_back_as_the_errors_they_are(control_plane: ControlPlane, tmp_path: Path) -> None:
    create_project(tmp_path / "one" / "same")
    create_project(tmp_path / "other" / "same")
    with control_plane.client() as client:
        client.add_project(tmp_path / "one" / "same")

        with pytest.raises(Conflict, match="give this one another key"):
            client.add_project(tmp_path / "other" / "same")
        with pytest.raises(Invalid, match="whole path"):
            client.add_project("here")
        with pytest.raises(NotFound, match=r"holds no project\.yaml"):
            client.add_project(tmp_path)
        with pytest.raises(NotFound, match="did you mean 'same'"):
            client.remove_project("sane")


def test_the_command_line_adds_lists_and_removes(
    control_plane: ControlPlane, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    create_project(tmp_path / "till")
    home = ["--home", str(control_plane.home)]

    assert run(["project", "add", str(tmp_path / "till"), "--as", "till-eu", *home]) == 0
    assert run(["project", "list", "--json", *home]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert [one["folder"] for one in listed if one["key"] == "till-eu"] == [str(tmp_path / "till")]

    (tmp_path / "till").rename(tmp_path / "moved")
    assert run(["project", "list", *home]) == 0
    assert "there is no project.yaml in" in capfd.readouterr().out
    assert run(["project", "remove", "till-eu", *home]) == 0
    assert run(["project", "remove", "till-eu", *home]) == 3


@pytest.mark.slow
def test_projects_named_at_the_start_are_known(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        create_project(tmp_path / name)
    line = CommandLine(tmp_path, tmp_path / "home")
    try:
        line.run("up", "--detach", "--project", "one", "--project", "two")
        line.run("up", "--detach", "--project", "three")  # it runs already
        line.run("down")
        line.run("up", "--detach")
        assert [one["key"] for one in line.json("project", "list")] == ["one", "three", "two"]

        line.run("down")
        line.run("up", "--detach", "--project", "none", exit_code=7)
        assert "holds no project.yaml" in (tmp_path / "home" / "control.log").read_text()
    finally:
        line.run("down")
