"""The commands on the flow: what they print, their exit codes, and who waits for whom."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCORELINE = [sys.executable, "-c", "import scoreline.cli.main as m; raise SystemExit(m.run())"]
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "project.yaml": "id: p\n",
        "data/raw.csv": "a,day\n1,2017-01-05\n2,\n",
        "datasets/raw.yaml": "kind: files\npath: data/raw.csv\n",
        "datasets/doubled.yaml": "kind: managed\n",
        "datasets/slow.yaml": "kind: managed\n",
        "recipes/double.yaml": "kind: sql\ninputs: [raw]\noutput: doubled\n",
        "recipes/double.sql": "SELECT a * 2 AS a FROM raw",
        "recipes/wait.yaml": "kind: python\ninputs: [doubled]\noutputs: [slow]\nframes: arrow\n",
        "recipes/wait.py": (
            "import pathlib, time\n"
            "def run(doubled):\n"
            "    pathlib.Path('running').touch()\n"
            "    while pathlib.Path('wait').exists():\n"
            "        time.sleep(0.05)\n"
            "    return doubled\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def scoreline(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SCORELINE, *arguments], cwd=project, capture_output=True, text=True, timeout=120)


def waiting_build(project: Path) -> subprocess.Popen[str]:
    """A build that stands in the recipe `wait` until the file `wait` goes away."""
    (project / "wait").touch()
    process = subprocess.Popen(
        [*SCORELINE, "build"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for _ in range(1200):
        if (project / "running").exists():
            return process
        time.sleep(0.05)
    raise AssertionError("the build never came to the recipe")


def test_a_build_prints_a_line_for_each_recipe_and_what_came_of_it(project: Path) -> None:
    done = scoreline(project, "build")

    assert done.returncode == 0
    assert done.stdout == ""
    assert re.search(r"^double built in [\d.]+ s: doubled 2 rows$", done.stderr, re.MULTILINE)
    assert done.stderr.endswith("2 built\n")
    assert scoreline(project, "build").stderr.endswith("2 up to date\n")


def test_a_build_gives_json_to_programs(project: Path) -> None:
    result = json.loads(scoreline(project, "build", "doubled", "--json").stdout)

    assert [(o["recipe"], o["status"], o["rows"]) for o in result["outcomes"]] == [
        ("double", "built", {"doubled": 2})
    ]


def test_a_failed_build_names_recipe_input_row_and_cause_and_exits_with_1(project: Path) -> None:
    (project / "datasets/raw.yaml").write_text(
        "kind: files\npath: data/raw.csv\ncolumns: [{name: a, type: int}]\n"
    )
    (project / "data/raw.csv").write_text("a\n1\nx\n")

    done = scoreline(project, "build")

    assert done.returncode == 1
    assert (
        "error: recipe 'double': input 'raw': data/raw.csv, row 2, column a: 'x' is not an int" in done.stderr
    )
    assert "wait skipped: double has no output" in done.stderr
    assert "logs: .scoreline/logs/" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["build", "duobled"], 3, "did you mean 'doubled'"),
        (["build", "raw"], 4, "no recipe writes it"),
        (["build", "doubled", "--all"], 4, "not both"),
        (["dataset", "show", "rwa"], 3, "did you mean 'raw'"),
        (["dataset", "show", "doubled"], 3, "scoreline build doubled"),
        (["build", "--project", "nowhere"], 3, "project.yaml"),
    ],
)
def test_what_cannot_be_done_has_a_message_and_an_exit_code(
    project: Path, arguments: list[str], code: int, words: str
) -> None:
    done = scoreline(project, *arguments)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_flow_shows_rows_states_and_reasons(project: Path) -> None:
    scoreline(project, "build", "doubled")

    shown = scoreline(project, "flow", "show").stdout
    state = json.loads(scoreline(project, "flow", "show", "--json").stdout)

    assert re.search(r"doubled +managed +2 +double", shown)
    assert re.search(r"wait +python +never built", shown)
    assert {recipe["id"]: recipe["up_to_date"] for recipe in state["recipes"]} == {
        "double": True,
        "wait": False,
    }


def test_a_dataset_tells_what_its_rows_say_of_each_column(project: Path) -> None:
    shown = scoreline(project, "dataset", "statistics", "raw").stdout
    told = json.loads(scoreline(project, "dataset", "statistics", "raw", "--json").stdout)

    assert told["rows"] == told["looked_at"]
    for column in told["columns"]:
        assert column["name"] in shown


def test_a_dataset_shows_its_columns_and_first_rows(project: Path) -> None:
    shown = scoreline(project, "dataset", "show", "raw", "--rows", "1").stdout
    sample = json.loads(scoreline(project, "dataset", "show", "raw", "--json").stdout)

    assert re.search(r"day +date +2017-01-05", shown)
    assert sample["rows"] == 2
    assert sample["columns"] == [{"name": "a", "type": "int"}, {"name": "day", "type": "date"}]
    assert sample["sample"] == [{"a": 1, "day": "2017-01-05"}, {"a": 2, "day": None}]


def test_a_second_build_waits_and_says_for_whom(project: Path) -> None:
    first = waiting_build(project)
    second = subprocess.Popen(
        [*SCORELINE, "build"], cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert second.stderr is not None

    said = second.stderr.readline()
    assert f"waiting for 'scoreline build' (process {first.pid} on " in said
    assert second.poll() is None
    (project / "wait").unlink()

    first.communicate(timeout=60)
    assert first.returncode == 0
    assert second.communicate(timeout=60)[1].endswith("2 up to date\n")


def test_a_build_that_may_not_wait_is_refused(project: Path) -> None:
    first = waiting_build(project)

    refused = scoreline(project, "build", "--no-wait")

    assert refused.returncode == 5
    assert f"process {first.pid}" in refused.stderr
    (project / "wait").unlink()
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(project: Path) -> None:
    running = waiting_build(project)

    running.send_signal(signal.SIGINT)
    output = running.communicate(timeout=30)[0]

    assert running.returncode == 130
    assert "the same command goes on from here" in output
    (project / "wait").unlink()
    again = scoreline(project, "build")
    assert again.returncode == 0
    assert "went on with a build that was killed" in again.stderr


def test_a_terminal_gets_a_live_progress_bar(project: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*SCORELINE, "build"],
        cwd=project,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # the terminal is gone with the process
        pass
    os.close(leader)

    assert process.wait(60) == 0
    text = shown.decode()
    assert "2/2" in text or "1/2" in text
    assert "double built in" in text
    assert "\x1b[?25h" in text  # the cursor is back
