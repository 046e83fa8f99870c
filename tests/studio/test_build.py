"""Builds: in order, only what is stale by content, whole or not at all, failures told and contained."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from scoreline.core.project import Project
from scoreline.errors import Conflict, Invalid, InvalidProject, NotFound
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.studio.build import build
from scoreline.studio.build_events import BuildEvent, BuildResult
from scoreline.studio.flow_state import dataset_sample, flow_state

# raw -> doubled -> tripled -> split into low, high; raw -> other, beside them.
FLOW = {
    "project.yaml": "id: p\n",
    "data/raw.csv": "a,b\n" + "".join(f"{n},x{n}\n" for n in range(20)),
    "datasets/raw.yaml": (
        "kind: files\npath: data/raw.csv\ncolumns: [{name: a, type: int}, {name: b, type: string}]\n"
    ),
    "datasets/doubled.yaml": "kind: managed\n",
    "datasets/tripled.yaml": "kind: managed\n",
    "datasets/low.yaml": "kind: managed\n",
    "datasets/high.yaml": "kind: managed\n",
    "datasets/other.yaml": "kind: managed\n",
    "recipes/double.yaml": "kind: sql\ninputs: [raw]\noutput: doubled\n",
    "recipes/double.sql": "SELECT a, a * 2 AS twice FROM raw",
    "recipes/triple.yaml": "kind: sql\ninputs: [doubled]\noutput: tripled\n",
    "recipes/triple.sql": "SELECT *, a * 3 AS thrice FROM doubled",
    "recipes/part.yaml": (
        "kind: split\ninput: tripled\nparts:\n- {dataset: low, where: thrice < 30}\n- {dataset: high}\n"
    ),
    "recipes/aside.yaml": "kind: sql\ninputs: [raw]\noutput: other\n",
    "recipes/aside.sql": "SELECT count(*) AS n FROM raw",
}


def make(folder: Path) -> Path:
    for name, text in FLOW.items():
        write(folder, name, text)
    return folder


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def in_python(folder: Path, code: str) -> None:
    """Make the recipe `triple` one of Python."""
    (folder / "recipes/triple.sql").unlink()
    recipe = "kind: python\ninputs: [doubled]\noutputs: [tripled]\nframes: arrow\n"
    write(folder, "recipes/triple.yaml", recipe)
    write(folder, "recipes/triple.py", code)


def rows(folder: Path, dataset: str) -> list[dict[str, object]]:
    project: Project = read_project(folder)
    found: list[dict[str, object]] = open_tables(project, folder, {}).read(dataset).to_pylist()
    return found


def ran(result: BuildResult) -> set[str]:
    return {outcome.recipe for outcome in result.outcomes if outcome.status == "built"}


def statuses(result: BuildResult) -> dict[str, str]:
    return {outcome.recipe: outcome.status for outcome in result.outcomes}


def test_a_flow_is_built_in_order_and_tells_what_it_does(tmp_path: Path) -> None:
    make(tmp_path)
    events: list[BuildEvent] = []

    result = build(tmp_path, progress=events.append)

    assert result.ok
    assert ran(result) == {"double", "triple", "part", "aside"}
    assert rows(tmp_path, "low") == [{"a": n, "twice": 2 * n, "thrice": 3 * n} for n in range(10)]
    assert [row["a"] for row in rows(tmp_path, "high")] == list(range(10, 20))
    assert rows(tmp_path, "other") == [{"n": 20}]
    finished = [event.recipe for event in events if event.kind == "finished"]
    assert [r for r in finished if r != "aside"] == ["double", "triple", "part"]
    started = {event.recipe: event.reason for event in events if event.kind == "started"}
    assert started["double"] == "never built"
    part = next(outcome for outcome in result.outcomes if outcome.recipe == "part")
    assert part.rows == {"low": 10, "high": 10}
    log = (tmp_path / result.logs / "double.log").read_text()
    assert "read raw: 20 rows" in log
    assert "wrote doubled: 20 rows" in log


def test_a_second_build_has_nothing_to_do(tmp_path: Path) -> None:
    build(make(tmp_path))

    result = build(tmp_path)

    assert result.ok
    assert set(statuses(result).values()) == {"up_to_date"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("data/raw.csv", "a,b\n7,z\n", {"double", "triple", "part", "aside"}),
        ("recipes/triple.sql", "SELECT *, 0 AS thrice FROM doubled", {"triple", "part"}),
        # The same rows come out: what is downstream stays.
        ("recipes/double.sql", "SELECT a, a + a AS twice FROM raw", {"double"}),
        ("recipes/aside.sql", "SELECT count(*) + 1 AS n FROM raw", {"aside"}),
        ("recipes/double.yaml", "kind: sql\ninputs: [raw]\noutput: doubled\ndescription: Twice.\n", set()),
        ("datasets/other.yaml", "kind: managed\ndescription: Beside.\n", set()),
        ("datasets/other.yaml", "kind: managed\ncolumns: [{name: n, type: int}]\n", {"aside"}),
    ],
)
def test_only_what_is_stale_by_content_is_built(
    tmp_path: Path, name: str, text: str, expected: set[str]
) -> None:
    build(make(tmp_path))
    write(tmp_path, name, text)

    assert ran(build(tmp_path)) == expected


def test_a_touched_file_with_the_same_content_is_not_stale(tmp_path: Path) -> None:
    build(make(tmp_path))
    write(tmp_path, "data/raw.csv", FLOW["data/raw.csv"])

    assert ran(build(tmp_path)) == set()


def test_an_output_that_was_removed_or_changed_is_built_again(tmp_path: Path) -> None:
    import pyarrow as pa

    build(make(tmp_path))
    (tmp_path / ".scoreline/datasets/doubled/current.json").unlink()
    assert ran(build(tmp_path)) == {"double"}

    open_tables(read_project(tmp_path), tmp_path, {}).write("other", pa.table({"n": [0]}))
    assert ran(build(tmp_path)) == {"aside"}
    assert rows(tmp_path, "other") == [{"n": 20}]


def test_only_what_is_named_and_what_it_needs_is_built(tmp_path: Path) -> None:
    make(tmp_path)

    assert ran(build(tmp_path, ["tripled"])) == {"double", "triple"}
    assert ran(build(tmp_path, ["part"])) == {"part"}


def test_force_runs_what_is_named_even_if_it_is_up_to_date(tmp_path: Path) -> None:
    build(make(tmp_path))

    assert ran(build(tmp_path, ["tripled"], force=True)) == {"triple"}
    assert ran(build(tmp_path, all=True, force=True)) == {"double", "triple", "part", "aside"}


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    make(tmp_path)

    with pytest.raises(NotFound, match="'tripeld'; did you mean 'tripled'"):
        build(tmp_path, ["tripeld"])
    with pytest.raises(Invalid, match="no recipe writes it"):
        build(tmp_path, ["raw"])
    with pytest.raises(Invalid, match="not both"):
        build(tmp_path, ["tripled"], all=True)


def test_an_unsound_project_is_refused_before_anything_runs(tmp_path: Path) -> None:
    make(tmp_path)
    write(tmp_path, "recipes/double.yaml", "kind: sql\ninputs: [rwa]\noutput: doubled\n")

    with pytest.raises(InvalidProject, match="rwa"):
        build(tmp_path)


def test_a_failure_stops_what_is_downstream_and_nothing_else(tmp_path: Path) -> None:
    build(make(tmp_path))
    before = rows(tmp_path, "tripled")
    write(tmp_path, "data/raw.csv", "a,b\n1,x\n2,y\n")
    in_python(tmp_path, "def run(doubled):\n    x = 1\n    return doubled['nope']\n")

    result = build(tmp_path)

    assert not result.ok
    assert statuses(result) == {"double": "built", "triple": "failed", "part": "skipped", "aside": "built"}
    failure = next(outcome for outcome in result.outcomes if outcome.recipe == "triple")
    assert failure.error.startswith("recipes/triple.py line 3 (return doubled['nope']): KeyError")
    assert rows(tmp_path, "tripled") == before
    assert "Traceback" in (tmp_path / result.logs / "triple.log").read_text()

    write(tmp_path, "recipes/triple.py", "def run(doubled):\n    return doubled.select(['a'])\n")
    write(tmp_path, "recipes/part.yaml", FLOW["recipes/part.yaml"].replace("thrice", "a"))
    assert ran(build(tmp_path)) == {"triple", "part"}


def test_a_wrong_row_of_an_input_is_named_in_the_failure(tmp_path: Path) -> None:
    make(tmp_path)
    write(tmp_path, "data/raw.csv", "a,b\n1,x\n" * 1 + "2,y\nthree,z\n")

    result = build(tmp_path, ["other"])

    assert result.outcomes[0].error == "input 'raw': data/raw.csv, row 3, column a: 'three' is not an int"
    assert result.outcomes[0].code == "invalid"


def test_a_missing_source_fails_what_reads_it_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path)
    write(tmp_path, "datasets/gone.yaml", "kind: files\npath: data/gone.csv\n")
    write(tmp_path, "recipes/aside.yaml", "kind: sql\ninputs: [gone]\noutput: other\n")

    result = build(tmp_path)

    assert statuses(result) == {"double": "built", "triple": "built", "part": "built", "aside": "failed"}
    assert "there is no file data/gone.csv" in next(o.error for o in result.outcomes if o.recipe == "aside")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT nope FROM raw", "nope"),
        ("SELEC a FROM raw", "syntax error"),
        ("SELECT a FROM raw; SELECT 1", "one SELECT"),
        ("DELETE FROM raw", "one SELECT"),
        ("SELECT b::int AS n FROM raw", "Could not convert string 'x0'"),
        ("SELECT a FROM doubled", "doubled"),
        ("SELECT [a] AS l FROM raw", "output 'other', column l: values of type list"),
    ],
)
def test_sql_that_does_not_work_is_told_in_its_words(tmp_path: Path, sql: str, words: str) -> None:
    make(tmp_path)
    write(tmp_path, "recipes/aside.sql", sql)

    result = build(tmp_path, ["other"])

    assert words in result.outcomes[0].error


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM read_parquet('{project}/.scoreline/datasets/doubled/*/*.parquet')",
        "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
        "SELECT * FROM raw WHERE b IN (SELECT content FROM read_text('/etc/hostname'))",
        "SELECT getenv('HOME') AS x",
        "COPY (SELECT * FROM raw) TO '{project}/stolen.csv'",
        "ATTACH '{project}/stolen.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SELECT * FROM project",
    ],
)
def test_a_hostile_sql_recipe_sees_nothing_of_the_host(tmp_path: Path, sql: str) -> None:
    build(make(tmp_path), ["other", "doubled"])
    write(tmp_path, "recipes/aside.sql", sql.replace("{project}", str(tmp_path)))

    result = build(tmp_path, ["other"])

    assert statuses(result)["aside"] == "failed"
    assert "root:" not in next(o.error for o in result.outcomes if o.recipe == "aside")
    assert rows(tmp_path, "other") == [{"n": 20}]
    assert not list(tmp_path.glob("stolen*"))


def test_rows_of_aggregations_and_joins_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    make(tmp_path)
    write(tmp_path, "data/raw.csv", "a,b\n" + "".join(f"{n},x{n % 977}\n" for n in range(60_000)))
    write(
        tmp_path,
        "recipes/aside.sql",
        "SELECT l.b, count(*) AS n, avg(l.a) AS m FROM raw l JOIN raw r ON l.a = r.a GROUP BY l.b",
    )

    digests = set()
    for _ in range(5):
        assert build(tmp_path, ["other"], force=True).ok
        digests.add(open_tables(read_project(tmp_path), tmp_path, {}).digest("other"))

    assert len(digests) == 1


def test_sql_tables_are_stale_when_their_rows_change(tmp_path: Path) -> None:
    make(tmp_path)
    database = tmp_path / "bank.db"
    _do(database, "CREATE TABLE cards (a INTEGER)", "INSERT INTO cards VALUES (1)")
    write(tmp_path, "connections/bank.yaml", "url: sqlite:///bank.db\n")
    write(tmp_path, "datasets/cards.yaml", "kind: sql\nconnection: bank\ntable: cards\n")
    write(tmp_path, "recipes/aside.yaml", "kind: sql\ninputs: [cards]\noutput: other\n")
    write(tmp_path, "recipes/aside.sql", "SELECT sum(a) AS n FROM cards")

    assert ran(build(tmp_path, ["other"])) == {"aside"}
    assert ran(build(tmp_path, ["other"])) == set()
    _do(database, "INSERT INTO cards VALUES (41)")
    assert ran(build(tmp_path, ["other"])) == {"aside"}
    assert rows(tmp_path, "other") == [{"n": 42}]


def _do(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_project_moved_between_builds_is_still_up_to_date(tmp_path: Path) -> None:
    build(make(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")

    assert ran(build(tmp_path / "there")) == set()
    write(tmp_path / "there", "recipes/aside.sql", "SELECT 1 AS n")
    assert ran(build(tmp_path / "there")) == {"aside"}


def test_two_builds_of_one_process_take_turns(tmp_path: Path) -> None:
    make(tmp_path)
    results: list[BuildResult] = []
    said: list[str] = []

    def work() -> None:
        results.append(build(tmp_path, say=said.append))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [result.ok for result in results] == [True] * 3
    assert sorted(len(ran(result)) for result in results) == [0, 0, 4]
    assert said
    assert all("waiting for 'scoreline build'" in message for message in said)


def test_who_may_not_wait_for_another_build_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    in_python(tmp_path, "import time\ndef run(doubled):\n    time.sleep(3)\n    return doubled\n")
    running = threading.Event()
    first = threading.Thread(target=lambda: build(tmp_path, progress=lambda _: running.set()))
    first.start()
    assert running.wait(20)

    with pytest.raises(Conflict, match="'scoreline build'"):
        build(tmp_path, wait=False)

    first.join()


def test_independent_recipes_run_side_by_side(tmp_path: Path) -> None:
    # Each of the two waits for a sign of the other: one after the other, neither would end.
    make(tmp_path)
    meet = (
        "import pathlib, time\ndef run(raw):\n    pathlib.Path('{me}').touch()\n"
        "    for _ in range(600):\n        if pathlib.Path('{other}').exists():\n            return raw\n"
        "        time.sleep(0.05)\n    raise SystemExit('alone')\n"
    )
    for recipe, output, me, other in (("double", "doubled", "x", "y"), ("aside", "other", "y", "x")):
        write(tmp_path, f"recipes/{recipe}.yaml", f"kind: python\ninputs: [raw]\noutputs: [{output}]\n")
        (tmp_path / f"recipes/{recipe}.sql").unlink()
        write(tmp_path, f"recipes/{recipe}.py", meet.format(me=me, other=other))

    assert build(tmp_path, ["doubled", "other"]).ok


def test_the_state_of_the_flow_says_what_is_stale_and_why(tmp_path: Path) -> None:
    build(make(tmp_path))
    write(tmp_path, "recipes/triple.sql", "SELECT * FROM doubled LIMIT 2")

    state = flow_state(tmp_path)

    reasons = {recipe.id: recipe.reason for recipe in state.recipes}
    assert reasons == {
        "double": "",
        "triple": "its code changed",
        "part": "triple is to run first",
        "aside": "",
    }
    assert {item.id: item.rows for item in state.items}["tripled"] == 20
    assert {item.id: item.made_by for item in state.items}["low"] == "part"


def test_a_sample_of_a_dataset_shows_columns_rows_and_the_first_of_them(tmp_path: Path) -> None:
    make(tmp_path)

    sample = dataset_sample(tmp_path, "raw", 2)

    assert sample.rows == 20
    assert sample.sample == ({"a": 0, "b": "x0"}, {"a": 1, "b": "x1"})


def test_old_logs_are_removed(tmp_path: Path) -> None:
    make(tmp_path)
    for number in range(25):
        (tmp_path / f".scoreline/logs/20200101-0000{number:02d}-abcdef").mkdir(parents=True)

    result = build(tmp_path)

    kept = sorted(folder.name for folder in (tmp_path / ".scoreline/logs").iterdir())
    assert len(kept) == 20
    assert kept[-1] == result.id
