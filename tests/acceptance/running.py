"""Real processes for the acceptance tests: the command line, and the control plane with its node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CommandLine:
    """`scoreline` typed in a folder, with a home folder of its own."""

    folder: Path
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """More of the environment."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The process's own, without its settings of Scoreline."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SCORELINE_")}
        scripts = str(Path(sys.executable).parent)
        return {
            **kept,
            "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', '')}",
            "SCORELINE_HOME": str(self.home),
            "SCORELINE_PORT": "0",
            "SCORELINE_NODE_PORT": "0",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            **self.variables,
        }

    def run(self, *arguments: str, exit_code: int = 0, within: float = 240) -> str:
        """Run one command line, check its exit code, return its standard output."""
        done = subprocess.run(
            ["scoreline", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        said = f"scoreline {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == exit_code, said
        return done.stdout

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        """Run one command line with `--json` and return the value that it prints."""
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code))
