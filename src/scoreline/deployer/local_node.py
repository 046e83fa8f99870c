"""The node beside the control plane: a process of its own, started, watched, adopted and stopped.

It outlives a control plane that is killed. The lock `<id>.lock` is taken before the node starts and handed to
it, so the kernel says for certain whether it lives; its own first line of output, in `<id>.out`, says where.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from scoreline.deployer.node_api import NodeApi
from scoreline.deployer.node_files import NodeFiles, Ready, kill_node, stop_node
from scoreline.deployer.nodes import Check
from scoreline.deployer.ports import Ports
from scoreline.errors import ScorelineError, Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.locks import is_locked, take_lock

FIRST_PORT = 8470
_LOOK_EVERY = 0.1  # seconds
_START_WITHIN = 60.0
_LONGEST_PAUSE = 30.0
_STEADY_AFTER = 10.0  # a node that lived this long starts again without a pause
_LONGEST_LOG = 10_000_000  # bytes

_log = logging.getLogger(__name__)


class LocalNode:
    """Keeps one node running. `start` begins to watch; everything else may be called from any thread."""

    def __init__(
        self,
        files: NodeFiles,
        *,
        host: str,
        port: int | None,
        workers: int,
        ports: Ports,
        command: Sequence[str] = (sys.executable, "-m", "scoreline.node"),
    ) -> None:
        self.id = files.id
        self.files = files
        self._host = host
        self._wanted_port = port
        self._workers = workers
        self._ports = ports
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._api: NodeApi | None = None
        self._ready: Ready | None = None
        self._trouble = "it has not started yet"
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"node-{files.id}", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers, or answered last; empty before its first start."""
        return self._ready.url if self._ready else ""

    @property
    def pid(self) -> int | None:
        """Its process, or None while there is none."""
        return self._ready.pid if self._ready and not self._trouble else None

    @property
    def api(self) -> NodeApi:
        """Its admin API. Raises Unavailable, saying why, while the node is not up."""
        api = self._api
        if self._trouble or api is None:
            raise Unavailable(f"node {self.id!r} is not up: {self._trouble}", code="node-down")
        return api

    def start(self) -> None:
        """Adopt the node when it runs already, else start it; from then on keep it running."""
        self.files.data.mkdir(parents=True, exist_ok=True)
        self._watcher.start()

    def wait_up(self, seconds: float, going_on: Check = lambda: None) -> None:
        """Return when it is up. Raises Unavailable when it is not within that time."""
        deadline = time.monotonic() + seconds
        while self._trouble:
            going_on()
            if time.monotonic() > deadline or self._stopping.is_set():
                raise Unavailable(f"node {self.id!r} is not up: {self._trouble}", code="node-down")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop watching, and stop the node."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._trouble = "it was stopped"
        if self._api is not None:
            self._api.close()  # first: the node waits a second for what an open connection may still ask
        stop_node(self.files)
        if self._process is not None:
            self._process.wait()

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._bring_up()
                self._until_it_ends()
            except (ScorelineError, OSError) as error:
                self._trouble = str(error)
            except Exception:
                _log.exception("watching node %r failed", self.id)
                self._trouble = "watching it failed; the log of the control plane says why"
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > _STEADY_AFTER else failures + 1
            _log.warning("node %r is down: %s", self.id, self._trouble)
            # The first time at once; then 0.5, 1, 2, … seconds.
            self._stopping.wait(min(_LONGEST_PAUSE, 2.0 ** (failures - 3)) if failures > 1 else 0)

    def _bring_up(self) -> None:
        lock = take_lock(self.files.lock)
        if lock is None:
            _log.info("node %r runs already", self.id)
        else:
            try:
                self._spawn(lock)
            finally:
                os.close(lock)  # from here on the node alone holds it
        ready = self._await_ready()
        if self._ready is None or self._ready.url != ready.url:
            if self._api is not None:
                self._api.close()
            self._api = NodeApi(self.id, ready.url, self.files.admin_key())
        self._ready = ready
        self._trouble = ""
        _log.info("node %r is up at %s (process %d)", self.id, ready.url, ready.pid)

    def _spawn(self, lock: int) -> None:
        files = self.files
        files.admin_key()
        arguments = {
            "--data": files.data,
            "--host": self._host,
            "--port": self._port(),
            "--workers": self._workers,
            "--admin-key-file": files.key,
        }
        if files.log.exists() and files.log.stat().st_size > _LONGEST_LOG:
            files.log.replace(files.log.with_suffix(".log.1"))
        files.started.unlink(missing_ok=True)
        with files.out.open("wb") as out, files.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *(str(part) for pair in arguments.items() for part in pair)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )
        write_file(files.started, str(self._process.pid).encode())

    def _port(self) -> int:
        """The port of last time, so that callers find the node again, unless someone else took it."""
        wanted = self._wanted_port
        if not wanted:
            with contextlib.suppress(OSError, ValueError, ScorelineError):
                return self._ports.choose(self.files, int(self.files.port.read_text("ascii")))
        port = self._ports.choose(self.files, wanted)
        write_file(self.files.port, str(port).encode())
        return port

    def _await_ready(self) -> Ready:
        deadline = time.monotonic() + _START_WITHIN
        while time.monotonic() < deadline and not self._stopping.is_set():
            ready = self.files.ready()
            if ready is not None:
                return ready
            if self._ended():
                raise Unavailable(f"it ended while it started: {self.files.last_words()}")
            time.sleep(0.02)
        kill_node(self.files)
        raise Unavailable(f"it was not ready within {_START_WITHIN:.0f} seconds: {self.files.last_words()}")

    def _until_it_ends(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY):
            if self._ended():
                self._trouble = "it ended and is being started again"
                return

    def _ended(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        elif is_locked(self.files.lock) and _lives(self.files.pid()):
            return False
        kill_node(self.files)  # workers it may have left behind hold its port
        return True


def _lives(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True
