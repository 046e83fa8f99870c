"""A control plane that is told to end while it starts ends in order, and leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.deployer.processes import ControlPlane, wait_until

from scoreline.deployer.node_files import all_node_files, stop_node
from scoreline.wire.control import SERVER_FILE

pytestmark = pytest.mark.slow

_SECONDS = 60
"""Others may share the processor; it is a few by itself."""


def start(home: Path) -> subprocess.Popen[bytes]:
    """A control plane that begins to start."""
    home.mkdir()
    command = [sys.executable, "-m", "scoreline.wiring", "--home", str(home), "--port", "0"]
    with (home / "control.log").open("ab") as log:
        return subprocess.Popen([*command, "--node-port", "0"], stdout=log, stderr=log)


def left(home: Path) -> list[str]:
    """The processes that name a home folder."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(home) in words:
                found.append(words)
    return found


def test_it_ends_with_0_as_soon_as_it_can_be_found(tmp_path: Path, repetitions: Callable[..., int]) -> None:
    for number in range(repetitions(quick=2, whole=20)):
        home = tmp_path / f"home{number}"
        process = start(home)
        wait_until((home / SERVER_FILE).exists, "it can be found")

        process.send_signal(signal.SIGTERM)

        assert process.wait(_SECONDS) == 0, (home / "control.log").read_text()
        _nothing_is_left(home)


def test_it_ends_at_any_moment_before_and_starts_again(
    tmp_path: Path, repetitions: Callable[..., int]
) -> None:
    draw = random.Random(5)
    for number in range(repetitions(quick=3, whole=30)):
        home = tmp_path / f"home{number}"
        process = start(home)
        wait_until((home / "lock").exists, "it has begun")
        time.sleep(draw.uniform(0, 1.5))

        process.send_signal(signal.SIGTERM)

        assert process.wait(_SECONDS) == 0, (home / "control.log").read_text()
        _nothing_is_left(home)
    again = ControlPlane(tmp_path / "home0")
    again.start()
    again.clear()


def _nothing_is_left(home: Path) -> None:
    """But nodes, which go on when a control plane ends, and can be stopped."""

    def none() -> bool:
        for files in all_node_files(home / "nodes"):
            stop_node(files)
        return not left(home)

    wait_until(none, "nothing is left")
