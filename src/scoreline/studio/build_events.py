"""What is told of a build, while it goes on and at its end. It loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct


class RecipeOutcome(Struct, frozen=True, kw_only=True):
    """How one recipe fared in a build."""

    recipe: str
    status: Literal["built", "up_to_date", "failed", "skipped"]
    """`skipped`: something upstream failed."""
    reason: str = ""
    """Why it ran, or why it was skipped."""
    error: str = ""
    """What went wrong, for a failed one: input, row and column where they are known, and the cause."""
    code: str = ""
    """The error's stable code."""
    seconds: float = 0.0
    rows: dict[str, int] = {}
    """Dataset id -> rows written."""

    @property
    def has_output(self) -> bool:
        """Whether what it makes is there and right."""
        return self.status in ("built", "up_to_date")


def told(outcome: RecipeOutcome) -> str:
    """How a recipe fared, in one line of a log."""
    match outcome.status:
        case "failed":
            return f"{outcome.recipe} failed: {outcome.error}"
        case "skipped":
            return f"{outcome.recipe} skipped: {outcome.reason}"
        case "up_to_date":
            return f"{outcome.recipe} is up to date"
    rows = ", ".join(f"{name} {count} rows" for name, count in outcome.rows.items())
    return f"{outcome.recipe} built in {outcome.seconds:.1f} s" + (f": {rows}" if rows else "")


class BuildEvent(Struct, frozen=True, kw_only=True):
    """Something happened in a build."""

    kind: Literal["planned", "started", "finished"]
    recipe: str = ""
    reason: str = ""
    """Why it started."""
    outcome: RecipeOutcome | None = None
    """How it finished."""
    recipes: tuple[str, ...] = ()
    """All that the build looks at, in order (`planned`)."""
    logs: str = ""
    """The folder with one log for each recipe that runs, relative to the project (`planned`). A build that
    goes on with a killed one is planned again, with the folder of that one."""


Progress = Callable[[BuildEvent], None]


class BuildResult(Struct, frozen=True, kw_only=True):
    """How a build ended."""

    id: str
    outcomes: tuple[RecipeOutcome, ...]
    """In the order of the flow."""
    logs: str
    """Folder with one log per recipe that ran, relative to the project."""
    resumed: bool = False
    """Whether it went on with a build whose process had died."""

    @property
    def ok(self) -> bool:
        """Whether everything asked for is up to date now."""
        return all(outcome.has_output for outcome in self.outcomes)
