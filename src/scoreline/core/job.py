"""Jobs: long work, what it does and how it ended."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class JobOutcome(Enum):
    """How a job ended."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    """It changed nothing that stays."""
    CANCELLED = "CANCELLED"
    """Somebody ended it; it changed nothing that stays."""


class Job(Struct, frozen=True, kw_only=True):
    """Long work that runs on after the call that started it."""

    id: str
    number: int
    """Counts up over all jobs."""
    kind: str
    """`update`: an update of a deployment."""
    deployment: str
    """Whose it is."""
    title: str
    """What it does, in words."""
    by: str
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None
    """None while it runs."""
    outcome: JobOutcome
    progress: float
    """From 0 to 1: the share of its steps that are done."""
    message: str
    """Why it failed."""
    log: tuple[str, ...]
    """One line per thing done, each with its time of day."""
