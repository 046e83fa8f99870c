"""Real control planes for tests: each a process with a home folder of its own, and a real node beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from scoreline.client.client import Client
from scoreline.deployer.node_files import NodeFiles, all_node_files, stop_node
from scoreline.wire.control import SERVER_FILE, ServerFile, Status, Update

T = TypeVar("T")


class ControlPlane:
    """A control plane that is started, killed and started again."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.home = home
        self.node_files = NodeFiles(home / "nodes" / "local", "local")
        given = {"reconcile_seconds": 0.2, "traffic_seconds": 0.5, **settings}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")},
            **{f"SCORELINE_{name.upper()}": str(value) for name, value in given.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, port: str = "0") -> None:
        """Start it (on any port) and wait until it answers; its node may still be starting."""
        self.home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "scoreline.wiring", "--home", str(self.home)]
        command += ["--port", port, "--node-port", "0"]
        with (self.home / "control.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        wait_until(self._answers, "the control plane answers")

    def kill(self) -> None:
        """Kill it as the kernel does when memory is out."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> int:
        """End it as `scoreline down` does, and give its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def clear(self) -> None:
        """Leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self.end()
        for files in all_node_files(self.home / "nodes"):
            stop_node(files)

    @property
    def server(self) -> ServerFile:
        """Where it listens."""
        return msgspec.json.decode((self.home / SERVER_FILE).read_bytes(), type=ServerFile)

    @property
    def log(self) -> str:
        """What it said."""
        return (self.home / "control.log").read_text()

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """A client that finds it through its home folder."""
        with Client(home=self.home) as client:
            yield client

    def status(self) -> Status:
        """Its status."""
        with self.client() as client:
            return client.status()

    def wait_for_node(self) -> str:
        """The URL of its node, once that is up."""

        def up() -> str | None:
            node = self.status().infrastructures[0].nodes[0]
            return node.url if node.up else None

        return wait_until(up, "the node is up")

    def wait_for_update(self, deployment: str) -> Update:
        """The newest update of a deployment, once it has ended."""

        def ended() -> Update | None:
            with self.client() as client:
                newest = client.updates(deployment)[0]
            return newest if newest.finished_at else None

        return wait_until(ended, "the update has ended")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the control plane ended:\n{self.log[-2000:]}")
        with contextlib.suppress(FileNotFoundError):
            return self.server.pid == self._process.pid
        return False


def wait_until(look: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Look again and again until it is true, and give what was found."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.03)
