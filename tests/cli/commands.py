"""`scoreline` commands in this process, on a control plane of their own."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deployer.processes import ControlPlane

from scoreline.cli.main import run


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    out: str
    err: str


class Commands:
    """Command lines that find the control plane by its home folder; each says which exit code it expects."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *arguments: str, code: int = 0, given: str = "") -> Said:
        out, err, before = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()))
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                ended = run([*arguments, "--home", str(self.home)])
        finally:
            sys.stdin = before
        assert ended == code, f"{arguments} ended with {ended}\n{out.getvalue()}\n{err.getvalue()}"
        return Said(out.getvalue(), err.getvalue())

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self(*arguments, "--json", code=code).out)


@contextlib.contextmanager
def running_commands(folder: Path) -> Iterator[Commands]:
    """Commands on a control plane that lives as long as the block, with its one local node up."""
    control_plane = ControlPlane(folder / "home")
    control_plane.start()
    try:
        control_plane.wait_for_node()
        yield Commands(control_plane.home)
    finally:
        control_plane.clear()
