"""`open_project` gives a project folder as an object."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoreline import InvalidProject, NotFound, open_project
from scoreline.storage.workspace import Workspace
from scoreline.studio.projects import create_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_project(tmp_path / "cards", "empty")
    return tmp_path / "cards"


def test_a_folder_that_is_no_project_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no project\.yaml"):
        open_project(tmp_path)


def test_a_project_is_checked(folder: Path) -> None:
    assert open_project(folder).check().settings.id == "cards"
    assert dict(open_project(folder).models) == {}

    (folder / "project.yaml").write_text("id: cards\nnaem: x\n")
    with pytest.raises(InvalidProject, match="naem"):
        open_project(str(folder)).check()


def test_the_package_of_a_version_is_found_the_last_one_unless_named(folder: Path) -> None:
    versions = Workspace(folder).versions("fraud")
    versions.mkdir(parents=True)
    for age, name in enumerate(("v1", "auto", "v10"), start=1):
        (versions / f"{name}.zip").write_bytes(b"")
        os.utime(versions / f"{name}.zip", (age, age))
    project = open_project(folder)

    assert project.package("fraud").name == "v10.zip"
    assert project.package("fraud", "auto").name == "auto.zip"
    with pytest.raises(NotFound, match="did you mean 'v1'"):
        project.package("fraud", "v")
    with pytest.raises(NotFound, match="scoreline version create other"):
        project.package("other")
