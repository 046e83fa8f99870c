"""A shell and a Python session that live as long as a page of the docs is run."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

_DRIVER = """
import json, os, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    request = json.loads(line)
    os.chdir(request["folder"])
    try:
        exec(compile(request["code"], request["place"], "exec"), names)
        outcome = 0
    except BaseException:
        traceback.print_exc()
        outcome = 1
    print(request["mark"], outcome, flush=True)
"""


class _Session:
    """A child process that is written to, and read from until it prints a mark and an outcome."""

    def __init__(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ask(self, text: str, mark: str, timeout: float) -> tuple[str, int]:
        """Send `text`; return what was printed before the mark, and the number after it."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()
        printed = self._read_until(mark, timeout)
        output, _, rest = printed.rpartition(mark)
        return output, int(rest.split()[0])

    def _read_until(self, mark: str, timeout: float) -> str:
        assert self._process.stdout is not None
        deadline, printed = time.monotonic() + timeout, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not (mark.encode() in printed and printed.endswith(b"\n")):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise AssertionError(f"no end after {timeout:.0f} s; printed so far:\n{printed.decode()}")
                chunk = os.read(self._process.stdout.fileno(), 65_536)
                if not chunk:
                    raise AssertionError(f"the session ended; printed so far:\n{printed.decode()}")
                printed += chunk
        return printed.decode(errors="replace")

    def close(self) -> None:
        """End the process and what it left running in the background, but no daemon with its own session."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Sessions:
    """One shell and one Python session in the same folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._shell = _Session(["bash", "--norc", "--noprofile"], folder, environment)
        driver = [sys.executable, "-u", "-c", _DRIVER]
        self._python = _Session(driver, folder, environment)

    def __enter__(self) -> Sessions:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._python.close()
        self._shell.close()

    def folder(self) -> Path:
        """Where the shell is."""
        return Path(self.command("pwd")[0].strip())

    def command(self, text: str, *, timeout: float = 240) -> tuple[str, int]:
        """Type a command into the shell; its output and its exit code. It reads nothing from the page."""
        mark = f"end-{secrets.token_hex(8)}"
        # The group reads from nowhere, else a command would read the next ones away.
        return self._shell.ask(f"{{ {text}\n}} </dev/null; echo {mark} $?\n", mark, timeout)

    def python(self, code: str, place: str, *, timeout: float = 240) -> tuple[str, int]:
        """Run code in the Python session; its output, and 0 or 1."""
        mark = f"end-{secrets.token_hex(8)}"
        request = {"code": code, "place": place, "folder": str(self.folder()), "mark": mark}
        return self._python.ask(json.dumps(request) + "\n", mark, timeout)
