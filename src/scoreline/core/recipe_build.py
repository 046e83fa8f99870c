"""Builds of a recipe: when it ran, in which build, and how it fared."""

from __future__ import annotations

from msgspec import Struct


class LastBuild(Struct, frozen=True, kw_only=True):
    """The last time that a recipe made its outputs."""

    finished_at: str
    """ISO 8601, UTC."""
    seconds: float
    rows: dict[str, int]
    """Dataset id -> rows written."""


class RecipeBuild(Struct, frozen=True, kw_only=True):
    """A recipe in one build in which it ran."""

    id: str
    """Of the build."""
    started_at: str
    """Of the build: ISO 8601, UTC."""
    job: str | None
    """The job whose build it was; None: one by the command line, by a scenario, or that is forgotten."""
    by: str
    """Empty where it is not known."""
    status: str
    """`built` or `failed`; empty where only its log is left, or it goes on."""
    reason: str
    """Why it ran."""
    error: str
    seconds: float | None
    rows: dict[str, int]
