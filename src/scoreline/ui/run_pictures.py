"""Pictures of runs and dry runs, as attributes of SVG: a page has no styles of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from scoreline.core.dry_run import DryDay, DryRun
from scoreline.core.scenario_run import RunOutcome
from scoreline.wire.control_scenarios import Run, RunOfStep

CELL, GAP = 14, 2
"""Of the timeline: how large a day of a step is, and what is between two."""
_LABELS = 150
_HIGHEST = 34.0
_TOP = 18


class Bar(Struct, frozen=True, kw_only=True):
    """One bar or cell."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    """How it went, in lower case: how it is coloured."""
    told: str
    """What it stands for, in words."""
    url: str = ""


class Picture(Struct, frozen=True, kw_only=True):
    """A picture with its words."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    rows: tuple[tuple[float, str], ...] = ()
    """Where a row has its label, and that."""
    columns: tuple[tuple[float, str], ...] = ()


class Span(Struct, frozen=True, kw_only=True):
    """When a step ran, within its run: shares of 0 to 1."""

    begin: float
    width: float


def strip(runs: Sequence[Run], *, width: float = 10.0, height: float = 40.0) -> Picture:
    """The last runs side by side, the newest at the right, as high as they took long."""
    took = [(run, seconds_of(run.started_at, run.finished_at) or 0.0) for run in reversed(runs)]
    longest = max((seconds for _, seconds in took), default=0.0) or 1.0
    bars = []
    for place, (run, seconds) in enumerate(took):
        high = max(4.0, height * seconds / longest)
        bars.append(
            Bar(
                x=place * (width + 3),
                y=height - high,
                width=width,
                height=high,
                kind=run.outcome.value.lower(),
                told=f"run {run.id}: {run.outcome.value}",
                url=f"/runs/{run.id}",
            )
        )
    return Picture(width=max(1.0, len(bars) * (width + 3)), height=height, bars=tuple(bars))


def spans(run: Run) -> dict[str, Span]:
    """When each step ran, within the run. Of what was taken over from an earlier run nothing is told."""
    begin = _moment(run.started_at)
    end = _moment(run.finished_at) if run.finished_at else datetime.now(UTC)
    whole = max((end - begin).total_seconds(), 0.001)
    found: dict[str, Span] = {}
    for step in run.steps:
        if step.started_at is None or _moment(step.started_at) < begin:
            continue
        last = _moment(step.finished_at) if step.finished_at else end
        left = min(1.0, max(0.0, (_moment(step.started_at) - begin).total_seconds() / whole))
        wide = max(0.0, (last - _moment(step.started_at)).total_seconds() / whole)
        found[step.step] = Span(begin=min(left, 0.985), width=max(0.015, min(wide, 1.0 - left)))
    return found


def seconds_of(started_at: str | None, finished_at: str | None) -> float | None:
    """How long something took; None: it has not ended, or not begun."""
    if started_at is None or finished_at is None:
        return None
    return max(0.0, (_moment(finished_at) - _moment(started_at)).total_seconds())


def took(one: Run | RunOfStep) -> float | None:
    """How long a run or a step took."""
    return seconds_of(one.started_at, one.finished_at)


def ended(run: Run) -> int:
    """How many steps of a run are over."""
    return sum(step.outcome.ended for step in run.steps)


def goes_on(run: Run) -> bool:
    """Whether it has not ended."""
    return run.outcome is RunOutcome.RUNNING


def timeline(found: DryRun, steps: Sequence[str]) -> Picture:
    """Days from left to right, steps from top to bottom; above them how many rows each day has."""
    pitch = CELL + GAP
    most = max((sum(day.rows.values()) for day in found.days), default=0) or 1
    grid = _TOP + _HIGHEST + 8
    bars: list[Bar] = []
    columns: list[tuple[float, str]] = []
    for place, day in enumerate(found.days):
        x = _LABELS + place * pitch
        if place == 0 or day.day.endswith("-01") or (len(found.days) <= 62 and place % 7 == 0):
            columns.append((x, day.day[5:]))
        count = sum(day.rows.values())
        high = _HIGHEST * count / most
        bars.append(
            Bar(
                x=x,
                y=_TOP + _HIGHEST - high,
                width=CELL,
                height=high,
                kind="rows",
                told=f"{day.day}: {count:,} rows",
            )
        )
        bars += _cells(day, steps, x, grid)
    return Picture(
        width=_LABELS + len(found.days) * pitch + 4,
        height=grid + len(steps) * pitch + 4,
        bars=tuple(bars),
        rows=(
            (_TOP + _HIGHEST - 2, "rows"),
            *((grid + place * pitch + CELL - 3, _short(step)) for place, step in enumerate(steps)),
        ),
        columns=tuple(columns),
    )


def _cells(day: DryDay, steps: Sequence[str], x: float, top: float) -> list[Bar]:
    made = {step.step: step for step in day.steps}
    cells = []
    for place, id_ in enumerate(steps):
        step = made.get(id_)
        if step is None:
            kind, told = "none", f"{day.day}: nothing fires"
        else:
            kind = step.outcome.value.lower()
            if step.simulated and kind == "success":
                kind = "would"
            told = f"{day.day}, {id_}: {step.outcome.value}. {step.message or step.why}"
        y = top + place * (CELL + GAP)
        cells.append(Bar(x=x, y=y, width=CELL, height=CELL, kind=kind, told=told[:300]))
    return cells


def _short(text: str) -> str:
    return text if len(text) <= 22 else text[:21] + "…"


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
