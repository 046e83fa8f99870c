"""Projects over the control API: made from a template or an archive, exported, changed, deleted."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployer.processes import ControlPlane

from scoreline.cli.main import run
from scoreline.client.client import Client
from scoreline.core.job import JobOutcome
from scoreline.errors import Conflict, Invalid, NotFound, Unavailable
from scoreline.studio.projects import create_project


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    control_plane = ControlPlane(tmp_path_factory.mktemp("made") / "home")
    control_plane.start()
    yield control_plane
    control_plane.clear()


@pytest.fixture
def client(running: ControlPlane) -> Iterator[Client]:
    with running.client() as found:
        yield found


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as written:
        for name, text in files.items():
            written.writestr(name, text)
    return path


def test_a_project_is_made_from_the_template_by_a_job_and_deleted_with_its_folder(
    client: Client, running: ControlPlane
) -> None:
    assert [one.id for one in client.templates()] == ["empty", "real-time-apis"]

    job = client.create_project("fraud", "real-time-apis", name="Card fraud")

    assert (job.outcome, job.project) == (JobOutcome.SUCCESS, "fraud")
    made = next(one for one in client.projects() if one.key == "fraud")
    assert (made.name, made.own, made.making, made.problem) == ("Card fraud", True, False, "")
    flow = client.flow("fraud")
    assert {one.state for one in flow.recipes} == {"stale"}
    model = next(one for one in flow.items if one.kind == "model")
    assert (model.name, model.built) == ("Predict authorized_flag (binary)", False)
    assert [(one.id, model.id in one.uses) for one in flow.services] == [("fraud_detection", True)]

    assert client.remove_project("fraud", files=True).key == "fraud"
    assert not (running.home / "project-folders" / "fraud").exists()


def test_the_command_line_makes_a_project_and_deletes_it(
    running: ControlPlane, capfd: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(running.home)]

    assert run(["project", "create", "typed", "--name", "Typed", *home]) == 0
    assert run(["project", "list", *home]) == 0
    assert "Typed" in capfd.readouterr().out
    assert run(["project", "create", "typed", *home]) == 5
    assert run(["project", "remove", "typed", "--files", *home]) == 0

    assert not (running.home / "project-folders" / "typed").exists()


def test_what_cannot_be_made_is_refused_before_anything_starts(client: Client) -> None:
    client.create_project("taken")

    with pytest.raises(Conflict, match="give this one another key"):
        client.create_project("taken")
    with pytest.raises(NotFound, match="did you mean 'real-time-apis'"):
        client.create_project("other", "real-time-api")
    with pytest.raises(Invalid, match="a project"):
        client.create_project("not a key")
    client.remove_project("taken")
    with pytest.raises(Conflict, match="choose another key"):
        client.create_project("taken")
    assert "other" not in {one.key for one in client.projects()}


def test_a_project_goes_out_as_an_archive_and_comes_back_under_another_key(
    client: Client, tmp_path: Path
) -> None:
    create_project(tmp_path / "cards", name="Cards")
    client.add_project(tmp_path / "cards")

    client.export_project("cards", tmp_path / "cards.zip")
    imported = client.import_project(tmp_path / "cards.zip", "copy")

    assert (imported.key, imported.name, imported.own) == ("copy", "Cards", True)
    with pytest.raises(Conflict, match="give this one another key"):
        client.import_project(tmp_path / "cards.zip", "copy")
    with pytest.raises(Invalid, match="is not the control plane's"):
        client.remove_project("cards", files=True)
    assert (tmp_path / "cards" / "project.yaml").is_file()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"../evil.yaml": "x", "project.yaml": "id: p\n"}, "leads out of"),
        ({"readme.txt": "no project"}, "there is no project.yaml in it"),
    ],
)
def test_a_hostile_archive_is_refused_and_nothing_of_it_stays(
    client: Client, running: ControlPlane, tmp_path: Path, files: dict[str, str], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        client.import_project(archive(tmp_path / "bad.zip", files))

    drafts = running.home / "project-folders" / ".drafts"
    assert list(drafts.iterdir()) == []


def test_a_file_that_is_no_archive_and_a_project_with_problems_are_refused(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK" + b"\0" * 100)
    with pytest.raises(Invalid, match="damaged or not a zip archive"):
        client.import_project(tmp_path / "no.zip")

    unsound = archive(tmp_path / "unsound.zip", {"project.yaml": "id: p\nnmae: x\n"})
    with pytest.raises(Invalid, match=r"project\.yaml"):
        client.import_project(unsound)


def test_settings_are_changed_unless_somebody_was_faster(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "settled"
    create_project(folder)
    client.add_project(folder)
    read = client.project_settings("settled")

    saved = client.save_project_settings(
        "settled", type(read.settings)(id="settled", name="Settled", variables={"since": 3})
    )

    assert saved.settings.name == "Settled"
    assert (folder / "project.yaml").read_text().startswith("# A project is this folder")
    with pytest.raises(Conflict, match="has changed since it was read"):
        client.save_project_settings("settled", read.settings, revision=read.revision)
    with pytest.raises(Invalid):
        client.save_project_settings("settled", type(read.settings)(id="not an id"))


def test_a_build_tells_its_recipes_and_their_logs_and_the_flow_what_failed(
    client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "built"
    create_project(folder)
    files = {
        "data/a.csv": "n\n1\n2\n",
        "datasets/a.yaml": "kind: files\npath: data/a.csv\n",
        "datasets/good.yaml": "kind: managed\n",
        "datasets/bad.yaml": "kind: managed\n",
        "datasets/after.yaml": "kind: managed\n",
        "recipes/make_good.yaml": "kind: sql\ninputs: [a]\noutput: good\n",
        "recipes/make_good.sql": "SELECT n FROM a\n",
        "recipes/make_bad.yaml": "kind: sql\ninputs: [a]\noutput: bad\n",
        "recipes/make_bad.sql": "SELECT nothing_there FROM a\n",
        "recipes/make_after.yaml": "kind: sql\ninputs: [bad]\noutput: after\n",
        "recipes/make_after.sql": "SELECT n FROM bad\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    client.add_project(folder)
    job = client.build("built", wait=False)
    with pytest.raises(Unavailable, match="nothing_there"):
        client.wait_for_job(job)

    progress = client.build_progress("built", job.id)

    states = {one.recipe: one.state for one in progress.recipes}
    assert states == {"make_good": "built", "make_bad": "failed", "make_after": "skipped"}
    assert progress.done == 3
    assert "read a: 2 rows" in client.build_recipe_log("built", job.id, "make_good")
    with pytest.raises(NotFound, match="does not build a recipe"):
        client.build_recipe_log("built", job.id, "..")
    flow = {one.id: one for one in client.flow("built").recipes}
    assert flow["make_good"].state == "fresh"
    assert (flow["make_bad"].state, flow["make_bad"].job) == ("failed", job.id)
    assert "nothing_there" in flow["make_bad"].reason
    assert flow["make_after"].state == "stale"
