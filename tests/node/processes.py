"""Real nodes for tests: each a process with a data folder of its own, asked over real connections."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
_KEY = "the-admin-key-of-tests"
_WITH_LIMITS = (
    "import sys, msgspec; from scoreline.node.__main__ import main; from scoreline.node.limits import Limits;"
    "sys.exit(main(sys.argv[2:], limits=msgspec.json.decode(sys.argv[1], type=Limits)))"
)


class NodeProcess:
    """A node that is started, asked, killed and started again."""

    def __init__(self, data: Path, *, workers: int = 1, port: int = 0, **limits: float) -> None:
        self.data = data
        self.key = _KEY
        self.url = ""
        self._workers = workers
        self._port = port
        self._limits = limits
        self._log = data.with_name(f"{data.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    # Its life

    def start(self) -> NodeProcess:
        """Start it and wait until it is ready."""
        self.begin()
        assert self.process is not None
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"the node did not start:\n{self.log}"
        self.url = json.loads(line)["url"]
        return self

    def begin(self) -> None:
        """Start it, and do not wait."""
        key_file = self.data.with_name("node-key")
        key_file.write_text(self.key)
        begin = (
            [sys.executable, "-c", _WITH_LIMITS, json.dumps(self._limits)]
            if self._limits
            else [sys.executable, "-m", "scoreline.node"]
        )
        command = [*begin, "--data", str(self.data), "--port", str(self._port), "--workers"]
        command += [str(self._workers), "--admin-key-file", str(key_file)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

    def kill(self) -> None:
        """Kill its supervisor as the kernel does when memory is out."""
        assert self.process is not None
        self.process.kill()
        self._close()

    def end(self) -> int:
        """End it as an operator does, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._close()

    def clear(self) -> None:
        """Leave no process behind."""
        if self.process is not None and self.process.poll() is None:
            self.end()

    def _close(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """What it said on standard error."""
        return self._log.read_text()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    # Questions

    def post(self, path: str, body: object) -> httpx.Response:
        """One query, over a connection of its own; `body` is sent as it is when it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", f"/public/api/v1/{path}", content=content)

    def ask(self, path: str, body: object) -> Any:
        """The answer to a query that is to succeed."""
        answer = self.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_many(
        self, path: str, queries: Sequence[object], *, connections: int = 8, headers: str = ""
    ) -> list[Any]:
        """The answers to many queries that are to succeed, in order; over so many connections, so that every
        worker is asked, one query after the other before the first answer is read."""
        heads = f"POST /public/api/v1/{path} HTTP/1.1\r\nHost: n\r\n{headers}Content-Length: "
        whole = [f"{heads}{len(body)}\r\n\r\n{body}".encode() for body in map(json.dumps, queries)]
        size = -(-len(whole) // connections)
        parts = [whole[start : start + size] for start in range(0, len(whole), size)]
        with ThreadPoolExecutor(connections) as pool:
            return [answer for answers in pool.map(self._pipeline, parts) for answer in answers]

    def _pipeline(self, requests: Sequence[bytes]) -> list[Any]:
        answers = []
        with self.connect() as connection, connection.makefile("rb") as replies:
            for start in range(0, len(requests), 50):
                some = requests[start : start + 50]
                connection.sendall(b"".join(some))
                for _ in some:
                    status = replies.readline()
                    if not status:
                        raise ConnectionResetError("the node closed a connection before its last answer")
                    length = 0
                    while (line := replies.readline()) != b"\r\n":
                        if line.lower().startswith(b"content-length:"):
                            length = int(line[15:])
                    body = replies.read(length)
                    assert b" 200 " in status, body
                    answers.append(json.loads(body))
        return answers

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, over a connection of its own."""
        # Without certificates, whose reading takes longer than the query.
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=False) as client:
            return client.request(method, path, **options)

    def admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the admin API."""
        return self.send(method, f"/admin/api/{path}", auth=(self.key, ""), **options)

    def done(self, method: str, path: str, **options: Any) -> Any:
        """The answer to a request to the admin API that is to succeed."""
        answer = self.admin(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, archive: Path, *, service: str, generation: str) -> httpx.Response:
        """Upload a package."""
        path = f"services/{service}/generations/{generation}"
        return self.admin("PUT", path, content=archive.read_bytes())

    def install(self, archive: Path, *, switch: bool = True) -> None:
        """Upload a package that `make_package` made, and switch to it."""
        service, _, generation = archive.stem.rpartition("-")
        answer = self.upload(archive, service=service, generation=generation)
        assert answer.status_code == 200, answer.text
        if switch:
            self.done("POST", f"services/{service}/actions/switchTo/{generation}")

    def readiness(self) -> Mapping[str, Any]:
        """What it says of itself."""
        answer: Mapping[str, Any] = self.send("GET", "/isReady/").json()
        return answer

    def worker_pids(self) -> list[int]:
        """The processes of its workers that are ready."""
        return [one["pid"] for one in self.readiness()["workers"] if one["ready"]]

    @property
    def nursery(self) -> int:
        """The process that bears its workers, or 0 when there is none just now."""
        found = children_of(self.pid)
        assert len(found) <= 1
        return found[0] if found else 0

    @contextlib.contextmanager
    def connect(self, timeout: float = 20) -> Iterator[socket.socket]:
        """A plain connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            yield connection


def wait_until(look: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Look again and again until it is true, and give what was found."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether there is a process that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that have not been waited for."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def mapped_files(pid: int) -> list[str]:
    """The files in a process's memory."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return sorted({line.split(maxsplit=5)[5] for line in lines if line.count("/")})


def resident_bytes(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
