"""The servers that are measured, each started for real on a free loopback port and ended after."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  server {{
    listen 127.0.0.1:{port} reuseport;
    location / {{ default_type application/json; return 200 '{answer}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class Contender:
    """One running server."""

    name: str
    pid: int
    """Of its first process; the others are below it."""
    url: str
    """Where the bodies are posted."""
    bodies: Path


@contextlib.contextmanager
def nginx(folder: Path, answer: str, bodies: Path) -> Iterator[Contender]:
    """nginx with one worker answering every request with a fixed text of the node's size."""
    port = free_port()
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, answer=answer.replace("'", "")))
    command = ["nginx", "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    with _process(command, {}, folder / "nginx.log") as pid:
        url = f"http://127.0.0.1:{port}/"
        _wait(url, bodies)
        yield Contender("nginx, fixed answer", pid, url, bodies)


@contextlib.contextmanager
def peer(name: str, module: str, model: Path, bodies: Path, log: Path) -> Iterator[Contender]:
    """One of the peers under uvicorn with one worker, uvloop and httptools."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"bench.peers.{module}:app", "--port", str(port)]
    command += ["--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"]
    environment = {"BENCH_MODEL": str(model), "OMP_NUM_THREADS": "1"}
    with _process([*command, "--loop", "uvloop", "--http", "httptools"], environment, log) as pid:
        url = f"http://127.0.0.1:{port}/predict"
        _wait(url, bodies)
        yield Contender(name, pid, url, bodies)


@contextlib.contextmanager
def node(data: Path, archive: Path, *, workers: int, kernel: bool = True) -> Iterator[tuple[int, str, float]]:
    """A node with one package installed: its process id, its URL and the seconds until it was ready again
    after a restart on the same data folder (the start that an operator sees)."""
    key_file = data.with_suffix(".key")
    key_file.write_text("bench-admin-key")
    key_file.chmod(0o600)
    command = [sys.executable, "-m", "scoreline.node", "--data", str(data), "--host", "127.0.0.1"]
    command += ["--port", "0", "--workers", str(workers), "--admin-key-file", str(key_file)]
    if not kernel:
        command.append("--no-kernel")
    log = data.with_suffix(".log")
    with _started_node(command, log) as (_, url):
        _install(url, archive)
    started = time.monotonic()
    with _started_node(command, log) as (pid, url):
        yield pid, url, time.monotonic() - started


@contextlib.contextmanager
def _started_node(command: list[str], log: Path) -> Iterator[tuple[int, str]]:
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"the node did not start: {log.read_text()[-2000:]}")
            yield process.pid, json.loads(line)["url"]
        finally:
            _end(process)


def _install(url: str, archive: Path) -> None:
    service, version = archive.parent.name, archive.stem
    with httpx.Client(base_url=url, auth=("bench-admin-key", ""), timeout=120) as client:
        client.put(
            f"/admin/api/services/{service}/generations/{version}", content=archive.read_bytes()
        ).raise_for_status()
        client.post(f"/admin/api/services/{service}/actions/switchTo/{version}").raise_for_status()


@contextlib.contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[int]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **environment})
        try:
            yield process.pid
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(url: str, bodies: Path) -> None:
    body = bodies.read_text().splitlines()[0]
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.post(url, content=body, headers={"Content-Type": "application/json"})
            if answer.status_code == 200:
                return
            raise SystemExit(f"{url} answers {answer.status_code}: {answer.text[:500]}")
        if time.monotonic() > deadline:
            raise SystemExit(f"{url} does not answer")
        time.sleep(0.1)


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
