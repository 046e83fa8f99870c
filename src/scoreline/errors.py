"""The errors of Scoreline, in families named for what the caller can do about them.

ScorelineError
├── NotFound       it is not there: name another one
├── Invalid        what was given is wrong: change it
│   ├── InvalidProject   … in the files of a project: every problem at once
│   └── InvalidDeclaration   … in a file of declared deployments: every problem at once
├── Conflict       it was right, but something else happened first: look again and retry
├── NotAllowed     the caller may not do this: use another key
└── Unavailable    not now: retry later, or repair what the message names
    └── MissingExtra     an optional part is not installed: the message is the command to type

A message says what happened, to what, and what to do. It stays short whatever the data, and never holds a
payload or a secret. Each surface (HTTP, command line) has one table from family to status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST_MESSAGE = 2_000


class ScorelineError(Exception):
    """The root of every error that Scoreline raises on purpose."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        if len(message) > _LONGEST_MESSAGE:
            message = message[: _LONGEST_MESSAGE - 1] + "…"
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class NotFound(ScorelineError):
    """What was named does not exist."""

    code = "not-found"


class Invalid(ScorelineError):
    """What was given is wrong; the same call will fail again."""

    code = "invalid"


class Conflict(ScorelineError):
    """Something else changed first, or is in the way."""

    code = "conflict"


class NotAllowed(ScorelineError):
    """The caller has no right to do this, or has not said who it is."""

    code = "not-allowed"


class Unavailable(ScorelineError):
    """It cannot be done now; the same call may work later."""

    code = "unavailable"


class MissingExtra(Unavailable, ImportError):
    """An optional part of Scoreline is not installed."""

    code = "missing-extra"

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs an optional part: pip install 'scoreline[{extra}]'")
        self.extra = extra


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in one file."""

    file: str
    """Path inside the project, with forward slashes."""
    line: int
    """Counted from 1; 0 when the problem is the file itself."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class _InvalidFiles(Invalid):
    """Files have problems; `problems` holds all of them, sorted by file and line."""

    where = ""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.message)))
        count = len(self.problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems[:20])
        more = f"\n  … and {count - 20} more" if count > 20 else ""
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in {self.where}:\n{listed}{more}")


class InvalidProject(_InvalidFiles):
    """The files of a project have problems; `problems` holds all of them, sorted by file and line."""

    code = "invalid-project"
    where = "the project"


class InvalidDeclaration(_InvalidFiles):
    """What is declared cannot be; `problems` holds all that is wrong, sorted by line."""

    code = "invalid-declaration"
    where = "what is declared"
