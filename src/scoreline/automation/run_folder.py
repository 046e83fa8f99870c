"""The folder of one run of a scenario: its log, and a folder for each try of each step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scoreline.automation.detached import LOG

_LONGEST = 4 << 20
"""Bytes of a log that are read."""


@dataclass(frozen=True)
class RunFolder:
    """Paths below it. Makes nothing before something is said."""

    folder: Path

    def step(self, position: int, attempt: int) -> Path:
        """Folder of a try of a step."""
        return self.folder / f"{position}-{attempt}"

    def say(self, line: str, position: int | None = None, attempt: int = 1) -> None:
        """Add a line to the log of the run, or of a step. On a full disk it is lost."""
        folder = self.folder if position is None else self.step(position, attempt)
        one_line = " ".join(line.split())
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (folder / LOG).open("a", encoding="utf-8") as file:
                file.write(f"{datetime.now(UTC):%H:%M:%S} {one_line}\n")
        except OSError:
            return

    def log(self, position: int | None = None, attempt: int | None = None) -> str:
        """The log of the run, or of a step: of one try, or of all in order."""
        if position is None:
            return _read(self.folder / LOG)
        tries = [self.step(position, attempt)] if attempt is not None else self._tries(position)
        return "".join(_read(one / LOG) for one in tries)

    def part(self, offset: int, most: int, position: int | None = None, attempt: int = 1) -> bytes:
        """At most so many bytes of a log, from an offset on."""
        folder = self.folder if position is None else self.step(position, attempt)
        try:
            with (folder / LOG).open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except OSError:
            return b""

    def _tries(self, position: int) -> list[Path]:
        found = [path for path in self.folder.glob(f"{position}-*") if path.is_dir()]
        return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - _LONGEST))
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""
