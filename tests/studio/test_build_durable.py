"""Builds survive the death of their process, a damaged journal and a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scoreline.errors import Unavailable
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.studio.build import build
from scoreline.studio.build_events import BuildResult

pytestmark = pytest.mark.slow
BUILD = [sys.executable, "-c", "import scoreline.cli.main as m; raise SystemExit(m.run())", "build"]


def make(folder: Path) -> Path:
    """Three SQL recipes in a row; the last dies with its process while the file `die` is there."""
    files = {
        "project.yaml": "id: p\n",
        "data/raw.csv": "a\n1\n2\n",
        "datasets/raw.yaml": "kind: files\npath: data/raw.csv\n",
        "datasets/one.yaml": "kind: managed\n",
        "datasets/two.yaml": "kind: managed\n",
        "datasets/three.yaml": "kind: managed\n",
        "recipes/r1.yaml": "kind: sql\ninputs: [raw]\noutput: one\n",
        "recipes/r1.sql": "SELECT a + 1 AS a FROM raw",
        "recipes/r2.yaml": "kind: sql\ninputs: [one]\noutput: two\n",
        "recipes/r2.sql": "SELECT a + 1 AS a FROM one",
        "recipes/r3.yaml": "kind: python\ninputs: [two]\noutputs: [three]\nframes: arrow\n",
        "recipes/r3.py": (
            "import os, pathlib, signal\n"
            "def run(two):\n"
            "    if pathlib.Path('die').exists():\n"
            "        os.kill(os.getppid(), signal.SIGKILL)\n"
            "        signal.pause()\n"
            "    return two\n"
        ),
        "die": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def kill_in_the_last_recipe(folder: Path, *arguments: str) -> None:
    died = subprocess.run([*BUILD, *arguments], cwd=folder, capture_output=True, timeout=120)
    assert died.returncode == -signal.SIGKILL
    (folder / "die").unlink()


def rows(folder: Path, dataset: str) -> list[int]:
    table = open_tables(read_project(folder), folder, {}).read(dataset)
    values: list[int] = table.column("a").to_pylist()
    return values


def logs_of(folder: Path, recipe: str) -> int:
    return len(list((folder / ".scoreline/logs").glob(f"*/{recipe}.log")))


def runs_of(folder: Path, recipe: str) -> int:
    logs = (folder / ".scoreline/logs").glob(f"*/{recipe}.log")
    return sum(log.read_text().count(f"recipe {recipe}: ") for log in logs)


def test_a_killed_build_goes_on_after_the_last_recipe_that_finished(tmp_path: Path) -> None:
    kill_in_the_last_recipe(make(tmp_path))

    result = build(tmp_path)

    assert result.ok
    assert result.resumed
    assert rows(tmp_path, "three") == [3, 4]
    assert (runs_of(tmp_path, "r1"), runs_of(tmp_path, "r2"), runs_of(tmp_path, "r3")) == (1, 1, 2)


def test_a_killed_forced_build_does_not_force_again_what_it_finished(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "die").unlink()
    build(tmp_path)
    (tmp_path / "die").write_text("")
    kill_in_the_last_recipe(tmp_path, "--all", "--force")

    result = build(tmp_path, all=True, force=True)

    assert result.ok
    assert result.resumed
    assert (runs_of(tmp_path, "r1"), runs_of(tmp_path, "r2"), runs_of(tmp_path, "r3")) == (2, 2, 3)


def test_a_killed_build_in_a_moved_project_goes_on(tmp_path: Path) -> None:
    kill_in_the_last_recipe(make(tmp_path / "here"))
    (tmp_path / "here").rename(tmp_path / "there")

    result = build(tmp_path / "there")

    assert result.ok
    assert result.resumed
    assert rows(tmp_path / "there", "three") == [3, 4]


@pytest.mark.parametrize("change", ["source", "code", "request"])
def test_a_killed_build_is_not_gone_on_with_when_it_would_give_something_else(
    tmp_path: Path, change: str
) -> None:
    kill_in_the_last_recipe(make(tmp_path))
    names: tuple[str, ...] = ()
    if change == "source":
        (tmp_path / "data/raw.csv").write_text("a\n10\n")
    elif change == "code":
        (tmp_path / "recipes/r2.sql").write_text("SELECT a + 8 AS a FROM one WHERE a = 2")
    else:
        names = ("two",)

    result = build(tmp_path, names)

    assert result.ok
    assert not result.resumed
    assert rows(tmp_path, "two") == {"source": [12], "code": [10], "request": [3, 4]}[change]
    assert build(tmp_path).ok
    assert rows(tmp_path, "three") == rows(tmp_path, "two")


def test_an_output_removed_after_the_kill_is_made_again(tmp_path: Path) -> None:
    kill_in_the_last_recipe(make(tmp_path))
    (tmp_path / ".scoreline/datasets/one/current.json").unlink()

    assert build(tmp_path).ok
    assert rows(tmp_path, "one") == [2, 3]


def test_the_child_of_a_killed_build_ends_too(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "recipes/r3.py").write_text(
        "import os, pathlib, signal\n"
        "def run(two):\n"
        "    pathlib.Path('child').write_text(str(os.getpid()))\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    signal.pause()\n"
    )
    died = subprocess.run(BUILD, cwd=tmp_path, capture_output=True, timeout=120)
    assert died.returncode == -signal.SIGKILL

    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _alive(child):
            break
        signal.sigtimedwait([], 0.1)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_an_interrupted_build_awaits_what_runs_before_it_lets_go_of_the_project(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "die").unlink()
    (tmp_path / "recipes/r3.py").write_text(
        "import pathlib, time\n"
        "def run(two):\n"
        "    pathlib.Path('running').touch()\n"
        "    time.sleep(2)\n"
        "    pathlib.Path('over').touch()\n"
        "    return two\n"
    )
    code = (
        "import pathlib, signal\n"
        "from scoreline.studio.build import build\n"
        # Tests that run in the background of a shell are started with this signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    build(pathlib.Path('.'))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', pathlib.Path('over').exists())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "running").exists():
        assert process.poll() is None
        signal.sigtimedwait([], 0.05)

    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60)[0] == "interrupted True\n"
    assert build(tmp_path).ok
    assert runs_of(tmp_path, "r3") == 1


def test_a_damaged_journal_says_what_to_do(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "die").unlink()
    journal = tmp_path / ".scoreline" / "builds.sqlite"
    journal.parent.mkdir()
    journal.write_bytes(b"not a database at all" * 1000)

    with pytest.raises(Unavailable, match=r"\.scoreline/builds\.sqlite cannot be used.*remove it"):
        build(tmp_path)
    journal.unlink()
    assert build(tmp_path).ok


def test_a_removed_journal_loses_nothing_that_was_built(tmp_path: Path) -> None:
    kill_in_the_last_recipe(make(tmp_path))
    for file in (tmp_path / ".scoreline").glob("builds.sqlite*"):
        file.unlink()

    result = build(tmp_path)

    assert result.ok
    assert {outcome.recipe for outcome in result.outcomes if outcome.status == "built"} == {"r3"}


def test_the_journal_does_not_grow_without_end(tmp_path: Path) -> None:
    import sqlite3

    make(tmp_path)
    (tmp_path / "die").unlink()
    for number in range(24):
        (tmp_path / "recipes/r1.sql").write_text(f"SELECT a + {number} AS a FROM raw")
        assert build(tmp_path, ["one"]).ok

    with sqlite3.connect(tmp_path / ".scoreline/builds.sqlite") as journal:
        (count,) = journal.execute("SELECT count(*) FROM workflow_status").fetchone()
    journal.close()
    assert count == 20


def test_a_build_opens_no_port_and_says_nothing_of_its_own(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "recipes/r3.py").write_text(
        "import os, pathlib\n"
        "def run(two):\n"
        "    parent = pathlib.Path(f'/proc/{os.getppid()}/fd')\n"
        "    links = [os.readlink(link) for link in parent.iterdir()]\n"
        "    pathlib.Path('sockets').write_text('\\n'.join(link for link in links if 'socket' in link))\n"
        "    listening = pathlib.Path(f'/proc/{os.getppid()}/net/tcp').read_text()\n"
        "    pathlib.Path('listening').write_text(listening)\n"
        "    return two\n"
    )

    done = subprocess.run(BUILD, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0
    assert done.stdout == ""
    assert "dbos" not in done.stderr.lower()
    inodes = {
        line.split("[")[1].rstrip("]") for line in (tmp_path / "sockets").read_text().splitlines() if line
    }
    table = [line.split() for line in (tmp_path / "listening").read_text().splitlines()[1:]]
    assert [line for line in table if line[9] in inodes] == []


def run_with_small_files(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    """Build in a process that can write no file beyond `limit` bytes: it is refused as on a full disk."""
    code = (
        "import resource, signal, sys, scoreline.cli.main as m\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.exit(m.run(['build', '--json']))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ},
    )


def test_a_full_disk_fails_the_recipe_and_leaves_its_old_output(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "die").unlink()
    first: BuildResult = build(tmp_path)
    assert first.ok
    (tmp_path / "recipes/r2.sql").write_text(
        "SELECT md5(i::text) AS h, i AS a FROM range(100000) t(i), one LIMIT 90000"
    )

    full = run_with_small_files(tmp_path, 1_000_000)

    assert full.returncode == 1
    assert "recipe 'r2'" in full.stdout + full.stderr or '"recipe": "r2"' in full.stdout
    assert "the disk is full" in full.stdout
    assert '"code": "disk-full"' in full.stdout
    assert rows(tmp_path, "two") == [3, 4]
    assert not list((tmp_path / ".scoreline").rglob(".unfinished-*"))
    assert build(tmp_path).ok
    assert len(rows(tmp_path, "two")) == 90_000


def test_a_full_disk_under_a_python_recipe_is_told_as_such(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "die").unlink()
    (tmp_path / "recipes/r3.py").write_text(
        "import pyarrow as pa\ndef run(two):\n    return pa.table({'a': list(range(300_000))})\n"
    )

    full = run_with_small_files(tmp_path, 1_000_000)

    assert full.returncode == 1
    assert "the disk is full" in full.stdout
    assert build(tmp_path).ok
