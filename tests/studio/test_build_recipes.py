"""Python and split recipes: what the function is given and may return, and how rows are dealt."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scoreline.core.recipe import SplitPart
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.studio.build import build
from scoreline.studio.build_events import RecipeOutcome
from scoreline.studio.recipes_sql import deal


def project(folder: Path, files: dict[str, str]) -> None:
    base = {
        "project.yaml": "id: p\n",
        "data/raw.csv": "a,b,day\n1,x,2017-01-05\n2,,2017-01-06\n,z,\n",
        "datasets/raw-1.yaml": "kind: files\npath: data/raw.csv\n",
        "datasets/out.yaml": "kind: managed\n",
        "datasets/more.yaml": "kind: managed\n",
    }
    for name, text in {**base, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def python(folder: Path, code: str, outputs: str = "out", extra: str = "") -> RecipeOutcome:
    recipe = f"kind: python\ninputs: [raw-1]\noutputs: [{outputs}]\n{extra}"
    project(folder, {"recipes/make.yaml": recipe, "recipes/make.py": code})
    return build(folder).outcomes[0]


def rows(folder: Path, dataset: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = open_tables(read_project(folder), folder, {}).read(dataset).to_pylist()
    return found


def test_the_function_gets_its_inputs_by_name_and_returns_a_frame(tmp_path: Path) -> None:
    outcome = python(
        tmp_path, "def run(raw_1):\n    raw_1['c'] = raw_1['a'] + 1\n    return raw_1[['c', 'b']]\n"
    )

    assert outcome.error == ""
    assert rows(tmp_path, "out") == [{"c": 2.0, "b": "x"}, {"c": 3.0, "b": None}, {"c": None, "b": "z"}]


def test_the_function_may_work_on_arrow_tables_and_write_several_outputs(tmp_path: Path) -> None:
    code = (
        "import pyarrow as pa\n"
        "def make(raw_1):\n"
        "    assert isinstance(raw_1, pa.Table)\n"
        "    return {'more': raw_1.select(['a']), 'out': raw_1.slice(0, 1)}\n"
    )
    outcome = python(tmp_path, code, "out, more", "function: make\nframes: arrow\n")

    assert outcome.error == ""
    assert outcome.rows == {"out": 1, "more": 3}
    assert rows(tmp_path, "more") == [{"a": 1}, {"a": 2}, {"a": None}]


def test_what_the_function_prints_is_in_the_log(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "recipes/make.yaml": "kind: python\ninputs: [raw-1]\noutputs: [out]\n",
            "recipes/make.py": (
                "import sys\ndef run(raw_1):\n    print('hello')\n"
                "    print('careful', file=sys.stderr)\n    return raw_1\n"
            ),
        },
    )

    result = build(tmp_path)

    log = (tmp_path / result.logs / "make.log").read_text()
    assert "hello" in log
    assert "careful" in log


def test_modules_and_files_of_the_project_can_be_used(tmp_path: Path) -> None:
    project(tmp_path, {"lib/factors.py": "FACTOR = 10\n"})
    code = (
        "import pathlib, sys\n"
        "sys.path.insert(0, 'lib')\n"
        "from factors import FACTOR\n"
        "def run(raw_1):\n"
        "    assert pathlib.Path('data/raw.csv').exists()\n"
        "    return raw_1.assign(a=raw_1['a'] * FACTOR)\n"
    )
    outcome = python(tmp_path, code)

    assert outcome.error == ""
    assert rows(tmp_path, "out")[1]["a"] == 20


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def run(raw_1):\n    return 1 / 0\n", "recipes/make.py line 2 (return 1 / 0): ZeroDivisionError"),
        ("def run(raw_1):\n    return None\n", "must return a pandas.DataFrame"),
        ("def run(raw_1):\n    return {'oot': raw_1}\n", "returned 'oot', but not the output 'out'"),
        ("def run():\n    return 1\n", "TypeError"),
        ("import nothing_like_it\ndef run(raw_1):\n    return raw_1\n", "line 1 (import nothing_like_it)"),
        ("def run(raw_1):\n    import sys\n    sys.exit(3)\n", "line 3 (sys.exit(3)): SystemExit: 3"),
        ("import os\ndef run(raw_1):\n    os._exit(7)\n", "ended with status 7"),
        ("import os\ndef run(raw_1):\n    os.kill(os.getpid(), 9)\n", "ended by signal 9"),
        ("def run(raw_1):\n    raw_1['b'] = [1, 'x', [2]]\n    return raw_1\n", "output 'out'"),
        (
            "def run(raw_1):\n    raw_1['b'] = [[1], [2], [3]]\n    return raw_1\n",
            "column b: values of type list",
        ),
        ("def run(raw_1):\n    raise ValueError('x' * 10000)\n", "ValueError: xxxx"),
        ("def run(raw_1):\n    import pandas as pd\n    return pd.concat([raw_1, raw_1], axis=1)\n", "'a'"),
    ],
)
def test_code_that_does_not_work_is_told_with_its_line(tmp_path: Path, code: str, words: str) -> None:
    outcome = python(tmp_path, code)

    assert outcome.status == "failed"
    assert words in outcome.error
    assert len(outcome.error) < 500


def test_an_error_deep_in_a_library_is_told_by_the_recipes_own_line(tmp_path: Path) -> None:
    outcome = python(tmp_path, "def run(raw_1):\n    y = 1\n    return raw_1.drop(columns=['no'])\n")

    assert outcome.error.startswith("recipes/make.py line 3 (return raw_1.drop(columns=['no'])): KeyError")


def split(folder: Path, parts: str) -> RecipeOutcome:
    names = [line.split("dataset: ")[1].split(",")[0].strip("} ") for line in parts.splitlines()]
    project(
        folder,
        {
            "data/raw.csv": "a,b\n" + "".join(f"{n if n % 10 else ''},{n % 3}\n" for n in range(1000)),
            "recipes/deal.yaml": f"kind: split\ninput: raw-1\nparts:\n{parts}\n",
            **{f"datasets/{name}.yaml": "kind: managed\n" for name in names},
        },
    )
    return build(folder).outcomes[0]


def test_rows_go_to_the_first_part_whose_condition_holds_then_to_the_shares(tmp_path: Path) -> None:
    outcome = split(
        tmp_path,
        "- {dataset: small, where: 'a < 100 -- few'}\n- {dataset: rest}\n- {dataset: some, share: 0.25}\n"
        "- {dataset: none, where: b = 7}\n- {dataset: zero, where: a < 200 AND b = 0}",
    )

    assert outcome.error == ""
    small, zero = rows(tmp_path, "small"), rows(tmp_path, "zero")
    assert [row["a"] for row in small] == [n for n in range(100) if n % 10]
    assert [row["a"] for row in zero] == [n for n in range(100, 200) if n % 10 and n % 3 == 0]
    left = 1000 - len(small) - len(zero)
    assert outcome.rows["some"] == round(left / 4)
    assert outcome.rows["rest"] == left - outcome.rows["some"]
    assert outcome.rows["none"] == 0
    # A condition on a missing value does not hold: those rows are still there to be dealt.
    assert sum(row["a"] is None for row in rows(tmp_path, "rest") + rows(tmp_path, "some")) == 100


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("nope = 1", "nope"),
        ("count(*) > 1", "for each row"),
        ("a = ", "syntax"),
        ("1) FROM read_text('/etc/passwd') --", "condition of part 'x'"),
        ("a", "condition of part 'x'"),
        ("true) IS TRUE, (false", "must be true or false"),
    ],
)
def test_a_condition_that_does_not_work_is_told_with_its_part(tmp_path: Path, where: str, words: str) -> None:
    outcome = split(tmp_path, f'- {{dataset: x, where: "{where}"}}\n- {{dataset: y}}')

    if where == "a":  # a number is true unless it is 0 or missing, as in SQL
        assert outcome.rows["x"] == 900
        return
    assert outcome.status == "failed"
    assert words in outcome.error


@settings(max_examples=80)
@given(
    st.integers(0, 400),
    st.lists(st.floats(0.01, 1), min_size=1, max_size=4),
    st.integers(0, 2**63),
    st.integers(0, 2**31),
)
def test_shares_are_exact_disjoint_and_the_same_every_time(
    count: int, weights: list[float], seed: int, taken: int
) -> None:
    free = np.random.default_rng(taken).random(count) < 0.7
    total = max(1.0, sum(weights))
    parts = [SplitPart(dataset=f"p{at}", share=weight / total) for at, weight in enumerate(weights)]

    dealt = deal(free, parts, seed)
    again = deal(free, parts, seed)

    whole = np.zeros(count, dtype=int)
    for part in parts:
        assert (dealt[part.dataset] == again[part.dataset]).all()
        assert not (dealt[part.dataset] & ~free).any()
        whole += dealt[part.dataset]
        assert abs(dealt[part.dataset].sum() - (part.share or 0) * free.sum()) <= 1
    assert whole.max(initial=0) <= 1
    if abs(sum(p.share or 0 for p in parts) - 1) < 1e-9:
        assert whole.sum() == free.sum()


def test_the_same_rows_are_dealt_in_every_version() -> None:
    dealt = deal(np.ones(12, dtype=bool), [SplitPart(dataset="a", share=0.5)], 7)

    assert np.flatnonzero(dealt["a"]).tolist() == [3, 4, 5, 7, 9, 10]
