"""Messages of the control API about the jobs of projects."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class NewBuild(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be built of a project's flow, with what it needs."""

    items: tuple[str, ...] = ()
    """Datasets, models, evaluation stores or recipes; none: the whole flow."""
    force: bool = False
    """Whether the recipes named run even if they are up to date."""


class BuildRecipe(Struct, frozen=True, kw_only=True):
    """How one recipe fares in a build."""

    recipe: str
    state: Literal["waiting", "running", "built", "up_to_date", "failed", "skipped", "stopped"]
    """`skipped`: something upstream failed. `stopped`: the build ended before it did."""
    reason: str = ""
    """Why it runs, or why it was skipped."""
    error: str = ""
    """What went wrong, for a failed one: input, row and column where they are known, and the cause."""
    code: str = ""
    """The error's stable code."""
    started_at: str | None = None
    """ISO 8601, UTC; None: it has not run."""
    seconds: float | None = None
    """How long it took; None before it has ended."""
    rows: dict[str, int] = {}
    """Dataset id -> rows written."""


class BuildProgress(Struct, frozen=True, kw_only=True):
    """How far a build has come."""

    job: str
    done: int
    """How many of its recipes have ended."""
    recipes: tuple[BuildRecipe, ...]
    """In the order of the flow; none before it has looked what there is."""
