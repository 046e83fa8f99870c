"""Killed at any moment, the making of a version is put right by doing it again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.studio.small_project import write, write_project

from scoreline.storage.workspace import Workspace
from scoreline.studio.packaging import verify_package
from scoreline.studio.versions import version_ids

pytestmark = pytest.mark.slow

SERVICE = "merchants"
# Says when the work begins, so that the kills fall into it and not into the imports before it.
PROGRAM = """
import sys
from pathlib import Path
from scoreline.studio.packaging import create_version
print("begun", flush=True)
create_version(Path(sys.argv[1]), "merchants", by="tester", progress=lambda line: None)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project whose service bundles enough rows that packaging takes a while."""
    folder = write_project(
        tmp_path_factory.mktemp("kills") / "project",
        merchants="endpoints:\n  - kind: lookup\n    id: e\n"
        "    lookups: [{dataset: shops, keys: [{column: shop}]}]\n",
    )
    write(
        folder,
        "datasets/shops.yaml",
        "kind: files\npath: data/shops.csv\n"
        "columns: [{name: shop, type: string}, {name: text, type: string}]\n",
    )
    rows = "".join(f"S_{n * 7919 % 50_021},{'x' * (n % 80)}\n" for n in range(50_000))
    write(folder, "data/shops.csv", "shop,text\n" + rows)
    return folder


def start(project: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(project)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n", process.stderr.read() if process.stderr else ""
    return process


def finished(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out == "done\n"


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_kill_at_any_point_of_packaging_is_put_right_by_the_same_command(project, repetitions):
    workspace = Workspace(project)
    process = start(project)
    begun = time.monotonic()
    finished(process)
    whole = time.monotonic() - begun
    archive_size = (workspace.versions(SERVICE) / "v1.zip").stat().st_size
    digest = verify_package(workspace.versions(SERVICE) / "v1.zip").digest
    draw = random.Random(5)
    killed_midway = with_leftovers = 0

    count = repetitions(quick=5, whole=50)
    for number in range(count):
        before = version_ids(workspace, SERVICE)
        process = start(project)
        time.sleep(whole * (number + draw.random()) / count)
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        killed_midway += "done" not in out
        with_leftovers += any(workspace.versions(SERVICE).glob(".unfinished-*"))

        after = version_ids(workspace, SERVICE)
        for name in set(after) - set(before):
            assert verify_package(workspace.versions(SERVICE) / f"{name}.zip").digest == digest

        finished(start(project))

        made = version_ids(workspace, SERVICE)
        assert len(made) == len(after) + 1
        assert verify_package(workspace.versions(SERVICE) / f"{made[-1]}.zip").digest == digest
        assert sorted(path.name for path in workspace.versions(SERVICE).iterdir()) == sorted(
            f"{name}.zip" for name in made
        )

    assert killed_midway
    assert with_leftovers
    assert size_of(workspace.root) < len(made) * archive_size * 1.01 + 1_000_000


def test_a_version_that_is_being_made_is_not_seen_before_it_is_whole(project, repetitions):
    workspace = Workspace(project)
    for _ in range(repetitions(quick=1, whole=10)):
        before = set(version_ids(workspace, SERVICE))
        process = start(project)
        while process.poll() is None:
            for name in set(version_ids(workspace, SERVICE)) - before:
                verify_package(workspace.versions(SERVICE) / f"{name}.zip")
            time.sleep(0.002)
        finished(process)
        assert len(set(version_ids(workspace, SERVICE)) - before) == 1
