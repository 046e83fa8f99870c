"""Variables of the project in recipes: what they hold decides what is selected, and what is to be built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scoreline.errors import InvalidProject
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.studio.build import build

FILES = {
    "data/sales.csv": "day,shop,amount\n2018-01-05,a,5\n2018-01-15,it's,15\n2018-01-25,a,25\n",
    "datasets/sales.yaml": "kind: files\npath: data/sales.csv\n",
    "datasets/chosen.yaml": "kind: managed\n",
    "datasets/old.yaml": "kind: managed\n",
    "datasets/rest.yaml": "kind: managed\n",
    "recipes/choose.yaml": "kind: sql\ninputs: [sales]\noutput: chosen\n",
    "recipes/choose.sql": "SELECT * FROM sales\nWHERE amount >= ${least} AND shop <> ${shop}\nORDER BY day\n",
    "recipes/split.yaml": (
        "kind: split\ninput: sales\nparts:\n  - dataset: old\n    where: day < ${until}\n  - dataset: rest\n"
    ),
}


def write_project(folder: Path, **variables: Any) -> None:
    lines = "".join(f"  {name}: {value!r}\n" for name, value in variables.items())
    for name, text in {**FILES, "project.yaml": f"id: p\nvariables:\n{lines}"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def amounts(folder: Path, dataset: str) -> list[int]:
    table = open_tables(read_project(folder), folder, {}).read(dataset)
    return [int(value) for value in table.column("amount").to_pylist()]


def test_recipes_select_and_split_by_the_variables_of_the_project(tmp_path: Path) -> None:
    write_project(tmp_path, least=15, shop="it's", until="2018-01-20")

    assert build(tmp_path).ok

    assert amounts(tmp_path, "chosen") == [25]
    assert (amounts(tmp_path, "old"), amounts(tmp_path, "rest")) == ([5, 15], [25])


def test_a_recipe_is_stale_when_a_variable_that_it_names_has_another_value(tmp_path: Path) -> None:
    write_project(tmp_path, least=15, shop="none", until="2018-01-20", other=1)
    build(tmp_path)

    write_project(tmp_path, least=15, shop="none", until="2018-01-10", other=2)
    outcomes = {one.recipe: one for one in build(tmp_path).outcomes}

    assert outcomes["choose"].status == "up_to_date"
    assert (outcomes["split"].status, outcomes["split"].reason) == ("built", "variable until changed")
    assert amounts(tmp_path, "old") == [5]


def test_a_variable_of_another_kind_is_another_value(tmp_path: Path) -> None:
    write_project(tmp_path, least=1, shop="none", until="2018-01-20")
    build(tmp_path)

    write_project(tmp_path, least=1.0, shop="none", until="2018-01-20")

    assert {one.recipe: one.reason for one in build(tmp_path).outcomes}["choose"] == "variable least changed"


def test_names_that_are_no_variables_are_told_with_file_and_line(tmp_path: Path) -> None:
    write_project(tmp_path, lest=15, shop="none", untill="2018-01-20")

    with pytest.raises(InvalidProject) as raised:
        read_project(tmp_path)

    told = [(problem.file, problem.line, problem.message) for problem in raised.value.problems]
    assert told == [
        (
            "recipes/choose.sql",
            2,
            "there is no 'least'; did you mean 'lest'? (project.yaml lists the variables)",
        ),
        (
            "recipes/split.yaml",
            5,
            "parts[0].where: there is no 'until'; did you mean 'untill'? (project.yaml lists the variables)",
        ),
    ]


def test_settings_that_cannot_be_read_still_say_which_variables_there_are(tmp_path: Path) -> None:
    write_project(tmp_path, least=15, shop="none", until=[])

    with pytest.raises(InvalidProject) as raised:
        read_project(tmp_path)

    assert [problem.file for problem in raised.value.problems] == ["project.yaml"]
