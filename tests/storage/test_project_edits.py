"""Definitions are changed in place: little is touched, everything is checked, nobody is overwritten."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from scoreline.core.dataset import ManagedDataset
from scoreline.core.message import Mail
from scoreline.core.project import EvaluationStore, Kind
from scoreline.core.recipe import EvaluateRecipe, PythonRecipe, SqlRecipe
from scoreline.core.service import LookupEndpoint, PredictionEndpoint, Service
from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound
from scoreline.storage.project_edits import Change, ProjectFiles
from scoreline.storage.project_files import read_project

SERVICE = """\
# The service of the fraud team.
name: "Fraud"   # shown in the list

endpoints:
  # Called at every payment.
  - id: predict_fraud
    kind: prediction
    model: refusal   # its active version
    test_queries:
      - {query: {features: {amount: 1}}}   # small
      - {query: {features: {amount: 1000}}}   # large
# Nothing below.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = {
        "project.yaml": "id: cards\n",
        "datasets/raw.yaml": "kind:   files\npath: 'data/raw.csv' # as delivered\n",
        "datasets/clean.yaml": "kind: managed\n",
        "recipes/cleaning.yaml": "kind: sql\ninputs: [raw]\noutput: clean\n",
        "recipes/cleaning.sql": "SELECT *\nFROM raw\n",
        "models/refusal.yaml": "{}\n",
        "services/fraud.yaml": SERVICE,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def files(folder: Path) -> ProjectFiles:
    return ProjectFiles(folder)


def service(folder: Path) -> Service:
    return read_project(folder).services["fraud"]


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and ".scoreline" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_change_touches_its_lines_and_nothing_else(folder: Path, files: ProjectFiles) -> None:
    before = contents(folder)
    endpoint = service(folder).endpoints[0]
    assert isinstance(endpoint, PredictionEndpoint)
    first = endpoint.test_queries[0]
    changed = msgspec.structs.replace(endpoint, return_post_enrichment=True, test_queries=(first,))

    files.save(
        Kind.SERVICE,
        "fraud",
        Service(endpoints=(changed,), name="Fraud: new"),
        since=files.revision(Kind.SERVICE, "fraud"),
    )

    after = contents(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"services/fraud.yaml"}
    expected = SERVICE.replace('"Fraud"', "'Fraud: new'").replace(
        "      - {query: {features: {amount: 1000}}}   # large\n", "    return_post_enrichment: true\n"
    )
    assert after["services/fraud.yaml"].decode() == expected
    assert service(folder).endpoints == (changed,)


def test_saving_what_is_there_changes_no_byte_and_no_revision(folder: Path, files: ProjectFiles) -> None:
    before = contents(folder)
    since = files.revision(Kind.SERVICE, "fraud")

    assert files.save(Kind.SERVICE, "fraud", service(folder), since=since) == since
    assert contents(folder) == before


def test_a_change_on_disk_since_the_read_is_a_conflict_and_not_lost(
    folder: Path, files: ProjectFiles
) -> None:
    since = files.revision(Kind.SERVICE, "fraud")
    mine = msgspec.structs.replace(service(folder), name="Mine")
    theirs = SERVICE.replace('"Fraud"', '"Theirs"')
    (folder / "services/fraud.yaml").write_text(theirs)

    with pytest.raises(Conflict, match=r"services/fraud\.yaml has changed since it was read"):
        files.save(Kind.SERVICE, "fraud", mine, since=since)

    assert (folder / "services/fraud.yaml").read_text() == theirs


def test_changed_code_beside_a_recipe_is_a_conflict_too(folder: Path, files: ProjectFiles) -> None:
    since = files.revision(Kind.RECIPE, "cleaning")
    (folder / "recipes/cleaning.sql").write_text("SELECT 2")

    with pytest.raises(Conflict):
        files.save(
            Kind.RECIPE, "cleaning", SqlRecipe(inputs=("raw",), output="clean"), since=since, code="SELECT 3"
        )

    assert (folder / "recipes/cleaning.sql").read_text() == "SELECT 2"


def test_a_deleted_definition_does_not_come_back_by_a_late_save(folder: Path, files: ProjectFiles) -> None:
    since = files.revision(Kind.SERVICE, "fraud")
    mine = service(folder)
    (folder / "services/fraud.yaml").unlink()

    with pytest.raises(Conflict, match="was deleted since it was read"):
        files.save(Kind.SERVICE, "fraud", mine, since=since)

    assert not (folder / "services/fraud.yaml").exists()


def test_creating_what_exists_is_a_conflict(folder: Path, files: ProjectFiles) -> None:
    with pytest.raises(Conflict, match="exists already"):
        files.save(Kind.SERVICE, "fraud", Service(), since=None)

    assert (folder / "services/fraud.yaml").read_text() == SERVICE


def test_a_change_that_would_break_the_project_is_refused_with_the_problems(
    folder: Path, files: ProjectFiles
) -> None:
    before = contents(folder)
    broken = Service(
        endpoints=(PredictionEndpoint(id="a/b", model="refusel"), LookupEndpoint(id="x", lookups=()))
    )

    with pytest.raises(InvalidProject) as caught:
        files.save(Kind.SERVICE, "fraud", broken, since=files.revision(Kind.SERVICE, "fraud"))

    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 3
    assert "endpoints[0].model: there is no saved model 'refusel'; did you mean 'refusal'?" in messages
    assert contents(folder) == before


def test_what_is_still_used_is_not_deleted(folder: Path, files: ProjectFiles) -> None:
    with pytest.raises(InvalidProject, match="there is no saved model 'refusal'"):
        files.delete(Kind.MODEL, "refusal", since=files.revision(Kind.MODEL, "refusal"))

    assert (folder / "models/refusal.yaml").exists()


def test_an_old_problem_does_not_stand_in_the_way_of_another_change(
    folder: Path, files: ProjectFiles
) -> None:
    (folder / "datasets/raw.yaml").write_text("kind: nonsense\n")

    files.save(Kind.DATASET, "more", ManagedDataset(), since=None)

    assert (folder / "datasets/more.yaml").read_text() == "kind: managed\n"


def test_a_recipe_comes_and_goes_with_its_code_and_its_output(folder: Path, files: ProjectFiles) -> None:
    recipe = SqlRecipe(inputs=("clean",), output="counted", description="Two\nlines")

    files.apply(
        [
            Change(Kind.RECIPE, "counting", recipe, None, "SELECT count(*) AS n FROM clean\n"),
            Change(Kind.DATASET, "counted", ManagedDataset(), None),
        ]
    )
    assert (folder / "recipes/counting.yaml").read_text() == (
        "kind: sql\ninputs:\n  - clean\noutput: counted\ndescription: |-\n  Two\n  lines\n"
    )
    assert read_project(folder).code["counting"] == "SELECT count(*) AS n FROM clean\n"

    python = PythonRecipe(inputs=("clean",), outputs=("counted",))
    since = files.revision(Kind.RECIPE, "counting")
    since = files.save(
        Kind.RECIPE, "counting", python, since=since, code="def run(clean):\n    return clean\n"
    )
    assert not (folder / "recipes/counting.sql").exists()
    assert read_project(folder).recipes["counting"] == python

    files.delete(Kind.RECIPE, "counting", since=since)
    assert not list((folder / "recipes").glob("counting*"))


def test_of_changes_that_belong_together_all_are_written_or_none(folder: Path, files: ProjectFiles) -> None:
    before = contents(folder)

    with pytest.raises(Conflict):
        files.apply(
            [
                Change(Kind.EVALUATION_STORE, "quality", EvaluationStore(), None),
                Change(
                    Kind.RECIPE,
                    "judging",
                    EvaluateRecipe(input="raw", model="refusal", store="quality"),
                    None,
                ),
                Change(Kind.SERVICE, "fraud", Service(), "an old revision"),
            ]
        )

    assert contents(folder) == before


@pytest.mark.parametrize("id_", ["../x", "a/b", "", ".hidden", "con", "a\0b"])
def test_an_id_cannot_lead_elsewhere(folder: Path, files: ProjectFiles, id_: str) -> None:
    before = contents(folder.parent)

    with pytest.raises(Invalid, match="cannot be the id"):
        files.save(Kind.DATASET, id_, ManagedDataset(), since=None)

    assert contents(folder.parent) == before


def test_a_value_that_yaml_or_json_cannot_say_is_refused(folder: Path, files: ProjectFiles) -> None:
    settings = read_project(folder).settings
    for value in (float("inf"), float("nan"), 2**70):
        with pytest.raises(Invalid):
            files.save(
                None,
                "",
                msgspec.structs.replace(settings, variables={"a": value}),
                since=files.revision(None),
            )

    assert (folder / "project.yaml").read_text() == "id: cards\n"


def test_deleting_nothing_names_what_there_is(files: ProjectFiles) -> None:
    with pytest.raises(NotFound, match=r"there is no dataset 'row'; did you mean 'raw'\?"):
        files.delete(Kind.DATASET, "row", since=None)


def test_code_belongs_only_to_recipes_that_have_some(files: ProjectFiles) -> None:
    with pytest.raises(Invalid, match="only SQL and Python recipes"):
        files.apply([Change(Kind.DATASET, "x", ManagedDataset(), None, "SELECT 1")])


def test_windows_line_ends_and_the_byte_order_mark_stay(folder: Path, files: ProjectFiles) -> None:
    text = "\ufeff" + SERVICE.replace("\n", "\r\n")
    (folder / "services/fraud.yaml").write_bytes(text.encode())
    new = msgspec.structs.replace(service(folder), description="one\ntwo")

    files.save(Kind.SERVICE, "fraud", new, since=files.revision(Kind.SERVICE, "fraud"))

    expected = text.replace("# Nothing below", "description: |-\r\n  one\r\n  two\r\n# Nothing below")
    assert (folder / "services/fraud.yaml").read_bytes().decode() == expected


def test_of_many_who_save_from_one_revision_exactly_one_wins(folder: Path, files: ProjectFiles) -> None:
    since = files.revision(Kind.SERVICE, "fraud")
    original = service(folder)
    won: list[str] = []
    lost: list[str] = []

    def save(name: str) -> None:
        try:
            ProjectFiles(folder).save(
                Kind.SERVICE, "fraud", msgspec.structs.replace(original, name=name), since=since
            )
            won.append(name)
        except Conflict:
            lost.append(name)

    threads = [threading.Thread(target=save, args=(f"editor {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(won), len(lost)) == (1, 7)
    assert service(folder).name == won[0]


def test_no_unfinished_file_is_left(folder: Path, files: ProjectFiles) -> None:
    files.save(Kind.DATASET, "more", ManagedDataset(), since=None)

    assert not list(folder.rglob(".unfinished-*"))


TELLS = """\
# Tells the risk team.
steps:
  - id: tell   # at once
    kind: message
    message: {kind: mail, to: [risk@bank.example], from: us@bank.example}
reporters:
  - message:
      kind: mail
      to: [risk@bank.example]
      from: us@bank.example   # who
"""


def test_a_key_whose_name_is_another_one_in_python_is_changed_in_place(
    folder: Path, files: ProjectFiles
) -> None:
    (folder / "scenarios").mkdir()
    (folder / "scenarios/nightly.yaml").write_text(TELLS)
    scenario = read_project(folder).scenarios["nightly"]
    reporter = scenario.reporters[0]
    assert isinstance(reporter.message, Mail)
    mail = msgspec.structs.replace(reporter.message, from_="they@bank.example", subject="Look")
    changed = msgspec.structs.replace(scenario, reporters=(msgspec.structs.replace(reporter, message=mail),))

    since = files.revision(Kind.SCENARIO, "nightly")
    files.save(Kind.SCENARIO, "nightly", changed, since=since)
    files.save(Kind.SCENARIO, "anew", changed, since=None)

    text = (folder / "scenarios/nightly.yaml").read_text()
    head, _, tail = TELLS.rpartition("us@bank.example   # who")
    assert text == f"{head}they@bank.example   # who\n      subject: Look{tail}"
    assert read_project(folder).scenarios == {"anew": changed, "nightly": changed}


def test_a_copy_begins_with_the_text_of_another_definition(folder: Path, files: ProjectFiles) -> None:
    renamed = msgspec.structs.replace(service(folder), name="Copied")

    files.apply([Change(Kind.SERVICE, "copied", renamed, None, like="fraud")])

    assert (folder / "services/copied.yaml").read_text() == SERVICE.replace('"Fraud"', "Copied")
    assert (folder / "services/fraud.yaml").read_text() == SERVICE
