"""Projects are made from templates, exported to archives and imported from them."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound
from scoreline.storage.project_files import read_project
from scoreline.studio.projects import create_project, export_project, import_project, template_names


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with data, things that Scoreline made, and things of others."""
    folder = tmp_path / "cards"
    texts = {
        "project.yaml": "# mine\nid: cards\n",
        "datasets/raw.yaml": "kind: files\npath: incoming/raw.csv\n",
        "datasets/many.yaml": "kind: files\npath: data/many\n",
        "datasets/clean.yaml": "kind: managed\n",
        "recipes/cleaning.yaml": "kind: sql\ninputs: [raw]\noutput: clean\n",
        "recipes/cleaning.sql": "SELECT * FROM raw\n",
        "incoming/raw.csv": "a\n1\n",
        "data/many/1.csv": "a\n1\n",
        "data/many/2.csv": "a\n2\n",
        "data/more.txt": "more",
        "README.md": "# Cards\n",
        ".gitignore": ".scoreline/\n",
        ".env": "SECRET=1\n",
        ".scoreline/datasets/clean/x": "made",
        ".git/config": "[core]\n",
        "notebooks/look.ipynb": "{}",
        "datasets/.raw.yaml.swp": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


DEFINITIONS = {
    "project.yaml",
    "datasets/raw.yaml",
    "datasets/many.yaml",
    "datasets/clean.yaml",
    "recipes/cleaning.yaml",
    "recipes/cleaning.sql",
    "README.md",
    ".gitignore",
}
DATA = {"incoming/raw.csv", "data/many/1.csv", "data/many/2.csv", "data/more.txt"}


def test_an_empty_project_is_sound_and_named_after_its_folder(tmp_path: Path) -> None:
    made = create_project(tmp_path / "Fraud at sea!")

    assert made.settings.id == "Fraud-at-sea"
    assert read_project(tmp_path / "Fraud at sea!") == made
    assert (tmp_path / "Fraud at sea!" / ".gitignore").read_text().endswith(".scoreline/\n")
    assert [path.name for path in tmp_path.iterdir()] == ["Fraud at sea!"]


def test_a_name_that_gives_no_id_gives_a_plain_one(tmp_path: Path) -> None:
    assert create_project(tmp_path / "ä!").settings.id == "project"


def test_a_template_gives_a_sound_project_with_its_data(tmp_path: Path) -> None:
    made = create_project(tmp_path / "a", "real-time-apis", id_="my-apis", seed=7)

    assert made.settings.id == "my-apis"
    assert read_project(tmp_path / "a") == made
    paths = [dataset.path for dataset in made.datasets.values() if hasattr(dataset, "path")]
    assert paths
    assert all((tmp_path / "a" / path).exists() for path in paths)
    assert not (tmp_path / "a" / "generate.py").exists()
    assert not list((tmp_path / "a").rglob("__pycache__"))


def test_the_same_seed_gives_the_same_project(tmp_path: Path) -> None:
    for name, seed in {"a": 7, "b": 7, "c": 8}.items():
        create_project(tmp_path / name, "real-time-apis", seed=seed)

    first, same, other = (contents(tmp_path / name) for name in "abc")
    assert first == same
    assert first != other


def test_an_unknown_template_names_the_nearest_one(tmp_path: Path) -> None:
    assert template_names() == ["empty", "real-time-apis"]
    with pytest.raises(NotFound, match="no template 'realtime-api'; did you mean 'real-time-apis'"):
        create_project(tmp_path / "a", "realtime-api")
    with pytest.raises(NotFound, match="there is: empty, real-time-apis"):
        create_project(tmp_path / "a", "../secret")
    with pytest.raises(Invalid, match="cannot be the id of a project"):
        create_project(tmp_path / "a", id_="a/b")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("years of work")
    (tmp_path / "b").write_text("a file")

    for name in ("a", "b"):
        with pytest.raises(Conflict, match="is not an empty folder"):
            create_project(tmp_path / name)

    assert contents(tmp_path) == {"a/thesis.txt": b"years of work", "b": b"a file"}


def test_an_empty_folder_is_filled_in_place_also_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inode = tmp_path.stat().st_ino
    (tmp_path / ".unfinished-project").mkdir()  # left by one who was killed
    monkeypatch.chdir(tmp_path)

    create_project(Path(), id_="here")

    assert tmp_path.stat().st_ino == inode
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "project.yaml"]


def test_an_export_holds_definitions_and_data_and_nothing_else(project: Path, tmp_path: Path) -> None:
    assert set(export_project(project, tmp_path / "x.zip")) == DEFINITIONS | DATA
    assert set(export_project(project, tmp_path / "y.zip", with_data=False)) == DEFINITIONS


def test_an_export_holds_the_python_files_of_steps(project: Path, tmp_path: Path) -> None:
    (project / "scenarios").mkdir()
    (project / "scenarios/nightly.yaml").write_text("steps:\n  - {id: a, kind: python, file: code/a.py}\n")
    (project / "code").mkdir()
    (project / "code/a.py").write_text("def run(variables):\n    return 1\n")

    names = export_project(project, tmp_path / "x.zip", with_data=False)

    assert set(names) == {*DEFINITIONS, "scenarios/nightly.yaml", "code/a.py"}


def test_an_export_is_the_same_each_time_wherever_it_is_written(project: Path, tmp_path: Path) -> None:
    export_project(project, tmp_path / "x.zip")
    export_project(project, project / "data/x.zip")
    export_project(project, project / "data/x.zip")

    assert (tmp_path / "x.zip").read_bytes() == (project / "data/x.zip").read_bytes()


def test_an_unsound_project_is_not_exported(project: Path, tmp_path: Path) -> None:
    (project / "datasets/raw.yaml").unlink()

    with pytest.raises(InvalidProject):
        export_project(project, tmp_path / "x.zip")

    assert not (tmp_path / "x.zip").exists()


def test_a_link_in_the_data_is_not_followed(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (project / "data/link").symlink_to(tmp_path / "secret")
    (project / "data/folder").symlink_to(tmp_path)

    assert set(export_project(project, tmp_path / "x.zip")) == DEFINITIONS | DATA


def test_an_imported_project_is_the_exported_one(project: Path, tmp_path: Path) -> None:
    names = export_project(project, tmp_path / "x.zip")

    imported = import_project(tmp_path / "x.zip", tmp_path / "new")

    assert imported == read_project(project)
    assert contents(tmp_path / "new") == {name: (project / name).read_bytes() for name in names}


def test_a_project_in_one_folder_of_the_archive_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.mkdir("cards-main")
        archive.writestr("cards-main/project.yaml", "id: cards\n")
        archive.writestr("cards-main/models/m.yaml", "{}\n")

    assert list(import_project(tmp_path / "x.zip", tmp_path / "new").models) == ["m"]


def test_hidden_files_that_make_other_programs_act_are_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        names = ["project.yaml", ".git/config", ".envrc", ".vscode/tasks.json", ".scoreline/x", ".gitignore"]
        for name in names:
            archive.writestr(name, "id: cards\n")

    import_project(tmp_path / "x.zip", tmp_path / "new")

    assert set(contents(tmp_path / "new")) == {"project.yaml", ".gitignore"}


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["project.yaml", "../outside.txt"], Invalid, "leads out of the archive's folder"),
        (["project.yaml", "/tmp/outside.txt"], Invalid, "leads out of the archive's folder"),
        (["project.yaml", "data/CON"], Invalid, "not a file name on every system"),
        (["readme.txt"], Invalid, "holds no project"),
        (["project.yaml", "datasets/raw.yaml"], InvalidProject, "missing key 'kind'"),
    ],
)
def test_a_bad_archive_leaves_nothing_behind(
    tmp_path: Path, names: list[str], error: type[Exception], message: str
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "id: cards\n")

    for folder in ("new", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(error, match=message):
            import_project(tmp_path / "x.zip", tmp_path / folder)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "x.zip"]
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("project.yaml", "id: cards\n")
        link = zipfile.ZipInfo("data")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")

    with pytest.raises(Invalid, match="is a link"):
        import_project(tmp_path / "x.zip", tmp_path / "new")


def test_an_import_does_not_touch_a_folder_that_holds_something(project: Path, tmp_path: Path) -> None:
    export_project(project, tmp_path / "x.zip")
    before = contents(project)

    with pytest.raises(Conflict):
        import_project(tmp_path / "x.zip", project)

    assert contents(project) == before


def test_a_template_comes_without_its_services_where_they_are_to_be_made(tmp_path: Path) -> None:
    whole = create_project(tmp_path / "whole", "real-time-apis")

    bare = create_project(tmp_path / "bare", "real-time-apis", services=False)

    assert set(whole.services) == {"fraud_detection"}
    assert dict(bare.services) == {}
    assert (bare.datasets, bare.recipes, bare.scenarios) == (whole.datasets, whole.recipes, whole.scenarios)
