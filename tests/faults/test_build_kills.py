"""kill -9 at random points of a build: the same command then completes, nothing is half-written."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scoreline.core.project import Project
from scoreline.errors import NotFound
from scoreline.storage.models import ModelStore
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]
BUILD = [sys.executable, "-c", "import scoreline.cli.main as m; raise SystemExit(m.run())", "build"]
ROWS = 4_000
MANAGED = ("numbered", "checked", "low", "high", "counts", "scored")
FLOW = {
    "project.yaml": "id: p\n",
    "datasets/raw.yaml": "kind: files\npath: data/raw.csv\n",
    **{f"datasets/{name}.yaml": "kind: managed\n" for name in MANAGED},
    "models/risk.yaml": "name: Risk\n",
    "recipes/number.yaml": "kind: sql\ninputs: [raw]\noutput: numbered\n",
    "recipes/number.sql": "SELECT a, b, generation, a * 2 AS twice FROM raw",
    "recipes/check.yaml": "kind: python\ninputs: [numbered]\noutputs: [checked]\nframes: arrow\n",
    "recipes/check.py": "def run(numbered):\n    return numbered\n",
    "recipes/part.yaml": (
        "kind: split\ninput: checked\nparts:\n- {dataset: low, share: 0.5}\n- {dataset: high}\n"
    ),
    "recipes/count.yaml": "kind: sql\ninputs: [raw]\noutput: counts\n",
    "recipes/count.sql": "SELECT generation, count(*) AS n FROM raw GROUP BY generation",
    "recipes/learn.yaml": (
        "kind: train\ninput: low\nmodel: risk\ntask: binary\ntarget: b\n"
        "features:\n  a: {handling: numeric}\n  twice: {handling: numeric}\n"
        "algorithms:\n- {kind: logistic}\n"
    ),
    "recipes/apply.yaml": "kind: score\ninput: high\nmodel: risk\noutput: scored\n",
}


def make(folder: Path) -> None:
    for name, text in FLOW.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "data").mkdir()


def write_source(folder: Path, generation: int) -> None:
    draw = random.Random(generation)
    lines = []
    for _ in range(ROWS):
        a = draw.gauss(0, 1)
        lines.append(f"{a:.6f},{'yes' if a + draw.gauss(0, 0.5) > 0 else 'no'},{generation}\n")
    (folder / "data" / "raw.csv").write_text("a,b,generation\n" + "".join(lines))


def generations(folder: Path, project: Project) -> dict[str, set[int]]:
    """For each managed dataset that stands, the generations of its rows; checks that it can be read whole."""
    tables = open_tables(project, folder, {})
    found: dict[str, set[int]] = {}
    for name in MANAGED:
        try:
            table = tables.read(name)
        except NotFound:
            continue
        assert tables.written(name) is not None
        found[name] = set(table.column("generation").to_pylist())
    return found


def test_a_build_killed_anywhere_is_completed_by_the_same_command(
    tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    make(tmp_path)
    project = read_project(tmp_path)
    draw = random.Random(20)
    generation = 0
    write_source(tmp_path, generation)
    whole = run_and_kill(tmp_path, after=300)
    assert whole is not None
    kills = 0

    while kills < repetitions(quick=3, whole=50):
        generation += 1
        write_source(tmp_path, generation)
        # The first part of a run only loads the libraries.
        ended_by_itself = run_and_kill(tmp_path, after=draw.uniform(0.2, 1) * whole)
        kills += ended_by_itself is None
        whole = ended_by_itself or whole

        for seen in generations(tmp_path, project).values():
            assert seen <= {generation - 1} or seen <= {generation}

        again = subprocess.run(BUILD, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert again.returncode == 0, again.stderr
        assert generations(tmp_path, project) == {name: {generation} for name in MANAGED}
        assert_sound(tmp_path, project)


def run_and_kill(folder: Path, *, after: float) -> float | None:
    """Start a build and kill it after so many seconds; gives the seconds it took if it ended before."""
    begun = time.monotonic()
    process = subprocess.Popen(BUILD, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert process.wait(after) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return None if process.wait() == -signal.SIGKILL else time.monotonic() - begun
    return time.monotonic() - begun


def assert_sound(folder: Path, project: Project) -> None:
    tables = open_tables(project, folder, {})
    assert len(tables.read("numbered")) == ROWS
    assert len(tables.read("low")) + len(tables.read("high")) == ROWS
    assert len(tables.read("scored")) == len(tables.read("high"))
    workspace = Workspace(folder)
    store = ModelStore(workspace.model("risk"))
    assert store.active() in store.ids()
    for version in store.ids():
        assert store.signature(version).target == "b"
    for name in MANAGED:
        assert len(list(workspace.dataset(name).iterdir())) == 2  # the pointer and one folder
    assert list(workspace.root.glob("tmp/*")) == []


def test_two_builds_at_once_and_a_kill_leave_a_whole_flow(
    tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    make(tmp_path)
    project = read_project(tmp_path)
    draw = random.Random(21)
    for generation in range(repetitions(quick=1, whole=15)):
        write_source(tmp_path, generation)
        outcomes: list[int] = []

        def work(sink: list[int] = outcomes) -> None:
            sink.append(subprocess.run(BUILD, cwd=tmp_path, capture_output=True, timeout=300).returncode)

        doomed = subprocess.Popen(BUILD, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        others = [threading.Thread(target=work) for _ in range(2)]
        for other in others:
            other.start()
        time.sleep(draw.uniform(1, 6))
        doomed.kill()
        doomed.wait()
        for other in others:
            other.join()

        assert outcomes == [0, 0]
        assert generations(tmp_path, project) == {name: {generation} for name in MANAGED}
        assert_sound(tmp_path, project)
