"""A project's folder is read strictly: one value, or every problem with its file and line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoreline.core.model import Task
from scoreline.core.project import Project
from scoreline.core.recipe import TrainRecipe
from scoreline.errors import InvalidProject, NotFound
from scoreline.storage.project_files import read_project

SOUND = {
    "project.yaml": "id: cards\nname: Cards\nvariables: {limit: 3, rate: 0.5, on: yes, live: true}\n",
    "connections/bank.yaml": "url: postgresql://reader:${env:BANK_PASSWORD}@db.example.com/cards\n",
    "datasets/raw.yaml": (
        "kind: files\n"
        "path: data/raw.csv\n"
        "columns:\n"
        "  - {name: card, type: string}\n"
        "  - {name: amount, type: double}\n"
        "  - {name: refused, type: int}\n"
    ),
    "datasets/people.yaml": "kind: sql\nconnection: bank\ntable: public.people\n",
    "datasets/clean.yaml": "kind: managed\n",
    "datasets/left.yaml": "kind: managed\n",
    "datasets/right.yaml": "kind: managed\n",
    "datasets/scored.yaml": "kind: managed\n",
    "recipes/cleaning.yaml": "kind: sql\ninputs: [raw]\noutput: clean\n",
    "recipes/cleaning.sql": "SELECT * FROM raw\n",
    "recipes/splitting.yaml": (
        "kind: split\ninput: clean\nparts:\n  - {dataset: left, share: 0.7}\n  - {dataset: right}\n"
    ),
    "recipes/training.yaml": (
        "kind: train\n"
        "input: raw\n"
        "model: refusal\n"
        "task: binary\n"
        "target: refused\n"
        "features:\n"
        "  amount: {handling: numeric}\n"
        "  card: {handling: category}\n"
        "algorithms:\n"
        "  - kind: logistic\n"
    ),
    "recipes/scoring.yaml": "kind: score\ninput: right\nmodel: refusal\noutput: scored\n",
    "recipes/judging.yaml": "kind: evaluate\ninput: right\nmodel: refusal\nstore: quality\n",
    "models/refusal.yaml": "name: Refusal\n",
    "evaluation-stores/quality.yaml": "{}\n",
    "services/cards.yaml": (
        "endpoints:\n"
        "  - kind: prediction\n"
        "    id: refuse\n"
        "    model: refusal\n"
        "    enrichments:\n"
        "      - dataset: raw\n"
        "        keys: [{column: card, name: card_id}]\n"
        "        columns: [{column: amount}]\n"
        "    test_queries:\n"
        "      - query: {features: {card_id: a}}\n"
        "  - kind: lookup\n"
        "    id: find\n"
        "    lookups:\n"
        "      - dataset: people\n"
        "        keys: [{column: id}]\n"
    ),
    "scenarios/nightly.yaml": "steps:\n  - id: all\n    kind: build\n    items: [scored, refusal, quality]\n",
}


def write(folder: Path, files: dict[str, str | bytes | None]) -> Path:
    for name, text in {**SOUND, **files}.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(InvalidProject) as caught:
        read_project(folder)
    return [str(problem) for problem in caught.value.problems]


def problems_of(folder: Path, **files: str | bytes | None) -> list[str]:
    return problems(write(folder, dict(files)))


def test_a_sound_project_is_read_as_one_value(tmp_path: Path) -> None:
    project = read_project(write(tmp_path, {}))

    assert isinstance(project, Project)
    assert project.settings.variables == {"limit": 3, "rate": 0.5, "on": "yes", "live": True}
    assert list(project.datasets) == ["clean", "left", "people", "raw", "right", "scored"]
    assert isinstance(project.recipes["training"], TrainRecipe)
    assert project.recipes["training"].task is Task.BINARY
    assert project.code == {"cleaning": "SELECT * FROM raw\n"}


def test_what_is_not_a_definition_is_left_alone(tmp_path: Path) -> None:
    others = {
        "README.md": "hello",
        "notebooks/look.ipynb": "{}",
        "docker-compose.yaml": "services: {}",
        "datasets/.gitkeep": "",
        ".git/config": "",
        ".scoreline/datasets/x.yaml": "nonsense: [",
        "recipes/__pycache__/cleaning.pyc": b"\0",
        "tests/test_it.py": "",
        "data/data.yaml": "a: [",
    }

    read_project(write(tmp_path, others))


def test_a_folder_without_settings_is_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no project\.yaml"):
        read_project(tmp_path)


def test_all_problems_of_all_files_are_told_at_once_in_order(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "project.yaml": "id: cards\nnaem: Cards\nformat: one\n",
            "datasets/raw.yaml": "kind: file\npath: data/raw.csv\n",
            "recipes/training.yaml": (
                "kind: train\n"
                "input: raw\n"
                "modle: refusal\n"
                "task: binray\n"
                "features:\n"
                "  amount: {handling: numeric, scale: big}\n"
                "algorithms: {kind: logistic}\n"
                "test_share: 1\n"
                "seed: -1\n"
            ),
            "services/cards.yaml": "endpoints:\n  - id: refuse\n  - 3\n",
            "models/refusal.yaml": "name: 3\n",
        },
    )

    scales = "there is: min_max, none, standard"
    assert found == [
        "datasets/raw.yaml:1: kind: 'file' is not known; did you mean 'files'?",
        "models/refusal.yaml:1: name: must be text, not a number (put it in quotes)",
        "project.yaml:2: unknown key 'naem'; did you mean 'name'?",
        "project.yaml:3: format: must be a whole number, not text",
        "recipes/training.yaml:1: missing key 'target'",
        "recipes/training.yaml:3: unknown key 'modle'; did you mean 'model'?",
        "recipes/training.yaml:4: task: 'binray' is not known; did you mean 'binary'?",
        f"recipes/training.yaml:6: features.amount.scale: 'big' is not known; {scales}",
        "recipes/training.yaml:7: algorithms: must be a list, not a mapping",
        "recipes/training.yaml:8: test_share: must be less than 1",
        "recipes/training.yaml:9: seed: must be at least 0",
        "services/cards.yaml:2: endpoints[0]: missing key 'kind' (one of: lookup, prediction)",
        "services/cards.yaml:3: endpoints[1]: must be a mapping (key: value), not a number",
    ]


def test_a_reference_to_an_unsound_definition_is_not_called_dangling(tmp_path: Path) -> None:
    found = problems_of(tmp_path, **{"datasets/raw.yaml": "kind: files\n"})

    assert found == ["datasets/raw.yaml:1: missing key 'path'"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: files\npath: [\n", "3: not YAML: expected the node content, but found '<stream end>'"),
        ("kind: files\npath: x\npath: y\n", "3: key 'path' is given twice (line 2)"),
        (
            "kind: files\npath: &a x\n",
            "2: anchors and aliases (& and *) are not read here; write the value out",
        ),
        (
            "kind: files\npath: *a\n",
            "2: anchors and aliases (& and *) are not read here; write the value out",
        ),
        (
            "kind: files\npath: !!python/name:os.system x\n",
            "2: tags (!) are not read here; write the plain value",
        ),
        ("kind: files\n<<: {path: x}\n", "2: merge keys (<<) are not read here; write the keys out"),
        ("kind: files\n---\npath: x\n", "2: a file holds one document; remove what follows '---'"),
        ("- kind: files\n", "1: a definition is a mapping (key: value)"),
        ("just text\n", "1: a definition is a mapping (key: value)"),
        ("", "1: the file is empty"),
        ("# only a comment\n", "1: the file is empty"),
        ("kind: files\npath: " + "[" * 5_000, "2: nested more than 32 levels deep"),
        (b"kind: files\npath: \xff\xfe\n", "2: is not text in UTF-8"),
        (b"kind: files\npath: a\0b\n", "2: not YAML: a character that YAML does not allow"),
        ("kind: files\n3: x\npath: x\n", "2: a key must be text; put it in quotes"),
        ("kind: files\npath:\n", "2: path: must be text, not empty"),
        ("kind: files\npath: 2020\n", "2: path: must be text, not a number (put it in quotes)"),
        ("kind: files\npath: true\n", "2: path: must be text, not true or false (put it in quotes)"),
        ("kind: files\npath: x\ncolumns: 3\n", "3: columns: must be a list or empty, not a number"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    found = problems_of(tmp_path, **{"datasets/people.yaml": text})

    assert f"datasets/people.yaml:{expected}" in found


def test_numbers_that_no_query_could_carry_are_refused(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "project.yaml": "id: cards\nvariables:\n"
            "  a: .nan\n  b: 1e999\n  c: 9223372036854775808\n  d: 0x10\n"
        },
    )

    assert found == [
        "project.yaml:3: a number must be finite",
        "project.yaml:4: a number must be finite",
        "project.yaml:5: a whole number must fit into 64 bits; put longer ones in quotes",
    ]


def test_a_bomb_of_digits_or_depth_ends_in_a_message(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "project.yaml": "id: cards\nvariables: {a: " + "9" * 100_000 + "}\n",
            "models/refusal.yaml": "name: " + "{a: " * 10_000 + "\n",
        },
    )

    assert [line.partition(": ")[0] for line in found] == ["models/refusal.yaml:1", "project.yaml:2"]


def test_a_file_that_is_too_large_or_a_link_is_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "project", {"models/refusal.yaml": b"name: x\n" + b"#" * 1_000_000})
    (tmp_path / "elsewhere.yaml").write_text("kind: managed\n")
    (folder / "datasets/clean.yaml").unlink()
    (folder / "datasets/clean.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    os.mkfifo(folder / "services/pipe.yaml")

    assert problems(folder) == [
        "datasets/clean.yaml: is a link or no file at all; put the file itself here",
        "models/refusal.yaml: is larger than 1,000,000 bytes",
        "services/pipe.yaml: is a link or no file at all; put the file itself here",
    ]


def test_files_and_folders_with_a_wrong_name_are_told(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "dataset/raw.yaml": "kind: managed\n",
            "Recipes/x.yml": "",
            "project.yml": "",
            "datasets/old.yml": "",
            "datasets/deep/raw.yaml": "",
            "models/refusal.py": "",
            "recipes/notes.txt": "",
        },
    )

    recipe_files = "<id>.yaml or <id>.sql or <id>.py"
    assert found == [
        "Recipes: Scoreline does not read this folder 'Recipes'; did you mean 'recipes'?",
        "dataset: Scoreline does not read this folder 'dataset'; did you mean 'datasets'?",
        "datasets/deep: does not belong here; this folder holds only files <id>.yaml",
        "datasets/old.yml: does not belong here; this folder holds only files <id>.yaml",
        "models/refusal.py: does not belong here; this folder holds only files <id>.yaml",
        "project.yml: Scoreline does not read this file 'project.yml'; did you mean 'project.yaml'?",
        f"recipes/notes.txt: does not belong here; this folder holds only files {recipe_files}",
    ]


@pytest.mark.parametrize("id_", ["a b", "ä", "-a", "a..b", "a.", "con", "NUL.x", "x" * 129])
def test_an_id_that_cannot_stand_in_a_url_or_on_a_disk_is_refused(tmp_path: Path, id_: str) -> None:
    [found] = problems_of(tmp_path, **{f"models/{id_}.yaml": "{}\n"})

    assert found.startswith(f"models/{id_}.yaml: ")
    assert "cannot be an id: use 1 to 128 letters" in found


def test_ids_of_the_flow_are_one_namespace_and_case_does_not_count(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "models/raw.yaml": "{}\n",
            "evaluation-stores/Refusal.yaml": "{}\n",
            "services/CARDS.yaml": "{}\n",
            "scenarios/raw.yaml": "{}\n",
        },
    )

    assert found == [
        "evaluation-stores/Refusal.yaml: the id is taken by the saved model 'refusal'; choose another one",
        "models/raw.yaml: the id is taken by the dataset 'raw'; choose another one",
        "services/cards.yaml: the id is taken by the service 'CARDS'; choose another one",
    ]


def test_a_newer_format_is_the_only_thing_told(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{"project.yaml": "id: cards\nformat: 2\nowners: [me]\n", "datasets/raw.yaml": "shape: new\n"},
    )

    assert found == ["project.yaml:2: format 2 is not known here (newest: 1); use a newer Scoreline"]


def test_a_windows_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    text = "\ufeff" + SOUND["datasets/raw.yaml"].replace("\n", "\r\n")

    project = read_project(write(tmp_path, {"datasets/raw.yaml": text}))

    assert project.datasets["raw"] == read_project(write(tmp_path / "b", {})).datasets["raw"]


def test_data_behind_a_link_out_of_the_project_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    folder = write(tmp_path / "project", {})
    (folder / "data").mkdir()
    (folder / "data/raw.csv").symlink_to(tmp_path / "secret.csv")

    assert problems(folder) == ["datasets/raw.yaml:2: path: leads out of the project's folder by a link"]


def test_recipes_and_the_code_beside_them_belong_together(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "recipes/cleaning.sql": None,
            "recipes/cleaning.py": "def run(raw): ...\n",
            "recipes/orphan.sql": "SELECT 1",
            "recipes/scoring.py": "",
            "datasets/one.yaml": "kind: managed\n",
            "recipes/pythonic.yaml": "kind: python\ninputs: [raw]\noutputs: [one]\nfunction: main\n",
            "recipes/pythonic.py": "def run(raw):\n    return raw\n",
            "datasets/two.yaml": "kind: managed\n",
            "recipes/broken.yaml": "kind: python\ninputs: [raw]\noutputs: [two]\n",
            "recipes/broken.py": "def run(raw):\n    return (\n",
            "datasets/three.yaml": "kind: managed\n",
            "recipes/blank.yaml": "kind: sql\ninputs: [raw]\noutput: three\n",
            "recipes/blank.sql": " \n",
        },
    )

    assert found == [
        "recipes/blank.sql:1: is empty; write one SELECT",
        "recipes/broken.py:2: not Python: '(' was never closed",
        "recipes/cleaning.py: is not used: recipe 'cleaning' is of kind 'sql'",
        "recipes/cleaning.sql: is missing: the recipe of this name needs it",
        "recipes/orphan.sql: is not used: there is no recipe 'orphan'",
        "recipes/pythonic.py:1: has no function 'main', which the recipe calls",
        "recipes/scoring.py: is not used: recipe 'scoring' is of kind 'score'",
    ]


def test_the_python_file_of_a_step_is_there_and_has_the_function(tmp_path: Path) -> None:
    steps = "".join(
        f"  - {{id: {id_}, kind: python, file: {file}, function: {function}}}\n"
        for id_, file, function in (
            ("a", "code/here.py", "run"),
            ("b", "code/here.py", "go"),
            ("c", "code/gone.py", "run"),
            ("d", "code/broken.py", "run"),
            ("e", "code/link.py", "run"),
        )
    )
    (tmp_path / "outside.py").write_text("def run(variables): pass\n")
    project = tmp_path / "project"
    (project / "code").mkdir(parents=True)
    (project / "code" / "link.py").symlink_to(tmp_path / "outside.py")

    found = problems_of(
        project,
        **{
            "scenarios/nightly.yaml": f"steps:\n{steps}",
            "code/here.py": "def run(variables):\n    return 1\n",
            "code/broken.py": "def run(variables):\n    retrun 1\n",
        },
    )

    assert found == [
        "code/broken.py:2: not Python: invalid syntax",
        "code/gone.py: is missing; scenario 'nightly' calls it",
        "code/here.py:1: has no function 'go', which the step calls",
        "code/link.py: leads out of the project's folder by a link; scenario 'nightly' calls it",
    ]


def test_what_is_wrong_in_a_scenario_is_told_with_its_line(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        **{
            "scenarios/nightly.yaml": (
                "triggers:\n"
                "  - {kind: time, cron: '0 3 * * *', zone: Europe/Parys}\n"
                "steps:\n"
                "  - id: build\n"
                "    kind: build\n"
                "  - id: tell\n"
                "    kind: approval\n"
                "    text: ${limti}\n"
                "    when: steps.biuld.ran\n"
            )
        },
    )

    zone = "scenarios/nightly.yaml:2: triggers[0].zone:"
    assert found == [
        f"{zone} there is no time zone 'Europe/Parys'; did you mean 'Europe/Paris'?",
        "scenarios/nightly.yaml:8: steps[1].text: there is no variable 'limti'; did you mean 'limit'?",
        "scenarios/nightly.yaml:9: steps[1].when: there is no step 'biuld'; did you mean 'build'?",
    ]
