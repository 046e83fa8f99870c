"""One lock per project: the second one waits or is told who holds it; a dead holder holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scoreline.errors import Conflict
from scoreline.storage.workspace import Workspace
from scoreline.studio.lock import holder, project_lock

HOLD = """
import sys, time
from pathlib import Path
from scoreline.storage.workspace import Workspace
from scoreline.studio.lock import project_lock
with project_lock(Workspace(Path(sys.argv[1])), "build everything"):
    print("held", flush=True)
    time.sleep(60)
"""


def hold_elsewhere(project: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(project)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_who_may_not_wait_is_told_who_holds_the_project(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path)
    try:
        with (
            pytest.raises(Conflict, match=rf"'build everything' \(process {other.pid} on ") as caught,
            project_lock(Workspace(tmp_path), "me", wait=False),
        ):
            pass
        assert caught.value.code == "project-locked"
    finally:
        end(other)


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    end(hold_elsewhere(tmp_path))

    with project_lock(Workspace(tmp_path), "me", wait=False):
        now = holder(Workspace(tmp_path))

    assert now is not None
    assert (now.pid, now.command) == (os.getpid(), "me")
    assert holder(Workspace(tmp_path)) is None


def test_who_waits_says_so_once_and_goes_on_when_the_holder_is_gone(tmp_path: Path) -> None:
    other = hold_elsewhere(tmp_path)
    said: list[str] = []
    got = threading.Event()
    waiting = threading.Event()

    def say(message: str) -> None:
        said.append(message)
        waiting.set()

    def work() -> None:
        with project_lock(Workspace(tmp_path), "me", say=say):
            got.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert waiting.wait(10)
    assert not got.wait(0.2)

    end(other)

    assert got.wait(10)
    thread.join()
    assert len(said) == 1
    assert f"process {other.pid}" in said[0]


def test_a_lock_on_a_removed_workspace_is_not_taken_for_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with project_lock(workspace, "first"):
        workspace.lock.unlink()
        with project_lock(workspace, "second", wait=False):
            assert holder(workspace) is not None
