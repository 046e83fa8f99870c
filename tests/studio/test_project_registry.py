"""The list of projects: keys are unique and stay, and a folder that vanished is told."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound, Unavailable
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.projects import create_project


@pytest.fixture
def registry(tmp_path: Path) -> ProjectRegistry:
    return ProjectRegistry(tmp_path / "home" / "projects.json")


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    create_project(tmp_path / "cards")
    return tmp_path / "cards"


def test_a_project_is_known_under_its_id_and_still_after_a_restart(
    registry: ProjectRegistry, cards: Path, tmp_path: Path
) -> None:
    (cards / "project.yaml").write_text("id: cards\nname: All cards\n")

    added = registry.add(cards)

    assert (added.key, added.folder, added.name, added.problem) == ("cards", str(cards), "All cards", "")
    again = ProjectRegistry(tmp_path / "home" / "projects.json")
    assert again.all() == [added]
    assert again.folder("cards") == cards


def test_adding_it_again_changes_nothing_also_through_a_link(
    registry: ProjectRegistry, cards: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(cards)

    assert registry.add(cards) == registry.add(cards, "cards") == registry.add(tmp_path / "link")
    assert len(registry.all()) == 1


def test_a_key_belongs_to_one_project(registry: ProjectRegistry, cards: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "cards"
    create_project(other)
    registry.add(cards)

    with pytest.raises(Conflict, match=f"the key 'cards' belongs to the project in {cards}"):
        registry.add(other, "Cards")
    assert registry.add(other, "cards-2").key == "cards-2"
    with pytest.raises(Conflict, match="is known as 'cards-2'"):
        registry.add(other, "cards-3")


def test_the_key_stays_when_the_projects_id_changes(registry: ProjectRegistry, cards: Path) -> None:
    registry.add(cards)
    (cards / "project.yaml").write_text("id: renamed\n")

    assert registry.folder("cards") == cards


@pytest.mark.parametrize("key", ["a/b", "..", "a b", "é", "con", "-x", "a" * 129])
def test_a_key_that_cannot_stand_in_a_url_is_refused(
    registry: ProjectRegistry, cards: Path, key: str
) -> None:
    with pytest.raises(Invalid, match="cannot be the id of a project"):
        registry.add(cards, key)
    assert registry.all() == []


def test_what_is_no_project_is_refused(registry: ProjectRegistry, cards: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no project\.yaml"):
        registry.add(tmp_path)
    with pytest.raises(Invalid, match="not the whole path"):
        registry.add(Path("cards"))
    (cards / "project.yaml").write_text("ids: cards\n")
    with pytest.raises(InvalidProject, match="did you mean 'id'"):
        registry.add(cards)


def test_a_folder_that_vanished_is_told_and_comes_back(
    registry: ProjectRegistry, cards: Path, tmp_path: Path
) -> None:
    registry.add(cards)
    cards.rename(tmp_path / "away")

    assert "there is no project.yaml in" in registry.all()[0].problem
    with pytest.raises(Unavailable, match="project 'cards' cannot be used: there is no"):
        registry.folder("cards")

    (tmp_path / "away").rename(cards)
    assert registry.all()[0].problem == ""


def test_a_project_whose_own_file_broke_is_told(registry: ProjectRegistry, cards: Path) -> None:
    registry.add(cards)
    (cards / "project.yaml").write_text("id: [")

    assert "problem" in registry.one("cards").problem


def test_a_removed_project_is_unknown_and_its_folder_stays(registry: ProjectRegistry, cards: Path) -> None:
    registry.add(cards)

    registry.remove("cards")

    assert registry.all() == []
    assert (cards / "project.yaml").is_file()
    with pytest.raises(NotFound, match="no project 'cards'"):
        registry.remove("cards")


def test_projects_added_at_once_are_all_known(registry: ProjectRegistry, tmp_path: Path) -> None:
    folders = [tmp_path / f"p{number}" for number in range(16)]
    for folder in folders:
        create_project(folder)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(registry.add, folders))

    assert sorted(one.key for one in registry.all()) == sorted(folder.name for folder in folders)


def test_a_damaged_list_is_not_overwritten(registry: ProjectRegistry, cards: Path, tmp_path: Path) -> None:
    registry.add(cards)
    list_file = tmp_path / "home" / "projects.json"
    list_file.write_text('{"projects": [')

    with pytest.raises(Unavailable, match="cannot be read"):
        registry.add(cards, "another")
    assert list_file.read_text() == '{"projects": ['
    shutil.rmtree(tmp_path / "home")
    assert registry.all() == []


def test_a_project_that_was_made_and_has_gone_is_not_said_to_be_in_the_making(tmp_path: Path) -> None:
    registry = ProjectRegistry(tmp_path / "projects.json")
    registry.reserve(tmp_path / "cards", "cards")
    assert registry.one("cards").making
    create_project(tmp_path / "cards")
    assert registry.folder("cards") == tmp_path / "cards"

    (tmp_path / "cards").rename(tmp_path / "moved")

    assert not registry.one("cards").making
    with pytest.raises(Unavailable, match="any more"):
        registry.folder("cards")
