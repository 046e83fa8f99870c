"""Dry runs of scenarios: what one would have decided on each day of dated data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from scoreline.core.scenario_run import StepRunOutcome
from scoreline.errors import Invalid

MOST_DAYS = 3_660

_Days = Annotated[int, Meta(ge=1)]


class DryRunSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which days a dry run is, and what it looks at."""

    since: date
    """The first day."""
    until: date
    """The last day."""
    dates: dict[str, str] | None = None
    """Dataset -> column of its dates; None: those that are evaluated and have just one."""
    window: _Days = 1
    """Days whose rows the steps look at."""
    train: bool = False
    """Train really, which takes longer, where it would be trained."""
    reference_days: _Days | None = None
    """Days of rows that evaluations compare with after a training; None: all up to it."""


def check_days(since: date, until: date) -> None:
    """Raise Invalid for days that no dry run can be of."""
    if until < since:
        raise Invalid(f"the last day {until} is before the first, {since}", code="bad-days")
    if (until - since).days >= MOST_DAYS:
        raise Invalid(
            f"a dry run is of {MOST_DAYS} days at most, not of {(until - since).days + 1}", code="bad-days"
        )


class DryStep(Struct, frozen=True, kw_only=True):
    """One step of a day."""

    step: str
    kind: str
    outcome: StepRunOutcome
    simulated: bool
    """Whether it was not done, but taken to succeed: it has effects outside of the dry run."""
    why: str
    message: str
    outputs: dict[str, Any]


class DryDay(Struct, frozen=True, kw_only=True):
    """One virtual day, when it is over."""

    day: str
    rows: dict[str, int]
    """Dated dataset -> rows of that day."""
    fired: tuple[str, ...]
    """Why it would have run; empty: it would not have."""
    outcome: str | None
    message: str
    steps: tuple[DryStep, ...]
    trained: tuple[str, ...]
    """Models that would have been trained."""


class DryRun(Struct, frozen=True, kw_only=True):
    """What a scenario would have decided."""

    scenario: str
    since: str
    until: str
    window: int
    dates: dict[str, str]
    """Dated dataset -> column of its dates."""
    trained_really: bool
    notes: tuple[str, ...]
    """What is to be known to read it."""
    days: tuple[DryDay, ...]
