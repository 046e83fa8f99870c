"""What is new in the logs of a run, for somebody who watches it and comes back after he was away."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from scoreline.automation.run_folder import RunFolder
from scoreline.core.scenario_resume import taken_over
from scoreline.core.scenario_run import ScenarioRun, StepRun
from scoreline.errors import Invalid
from scoreline.wire.control_scenarios import RunLog

_MOST = 64 << 10
"""Bytes that are told at once."""


class Place(Struct, frozen=True):
    """How far the logs of a run have been told: its own one, and that of a try of a step."""

    own: int = 0
    position: int = 0
    attempt: int = 1
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.own}.{self.position}.{self.attempt}.{self.offset}"


def parse_place(text: str) -> Place:
    """The place that a text says. Raises Invalid for one that is none."""
    numbers = text.split(".")
    if len(numbers) != 4 or not all(one.isascii() and one.isdigit() and len(one) < 16 for one in numbers):
        raise Invalid("Last-Event-ID: give the id of the last event that came", code="bad-parameter")
    return Place(*(int(one) for one in numbers))


def next_lines(run: ScenarioRun, folder: RunFolder, place: Place) -> tuple[RunLog, Place] | None:
    """The lines that come after a place, with the place after them; None when there are none yet."""
    lines, taken = _lines(folder, None, 1, place.own, whole=run.finished_at is not None)
    if lines:
        return RunLog(step="", attempt=1, lines=lines), Place(
            place.own + taken, place.position, place.attempt, place.offset
        )
    for step, attempt, over in _tries(run, place):
        is_there = (step.position, attempt) == (place.position, place.attempt)
        offset = place.offset if is_there else 0
        lines, taken = _lines(folder, step.position, attempt, offset, whole=over)
        if lines:
            told = RunLog(step=step.step, attempt=attempt, lines=lines)
            return told, Place(place.own, step.position, attempt, offset + taken)
    return None


def _tries(run: ScenarioRun, place: Place) -> Iterator[tuple[StepRun, int, bool]]:
    """The tries of steps from a place on, in order, and whether they are over."""
    for step in run.steps:
        if step.position < place.position or step.started_at is None or taken_over(run, step):
            continue
        first = place.attempt if step.position == place.position else 1
        for attempt in range(first, step.attempt + 1):
            yield step, attempt, attempt < step.attempt or step.outcome.ended


def _lines(
    folder: RunFolder, position: int | None, attempt: int, offset: int, *, whole: bool
) -> tuple[tuple[str, ...], int]:
    """Lines from an offset on, and how many bytes they take: whole ones, or `whole`: all that there is."""
    data = folder.part(offset, _MOST, position, attempt)
    end = data.rfind(b"\n") + 1
    if (whole and len(data) < _MOST) or (not end and len(data) == _MOST):
        end = len(data)
    text = data[:end].decode("utf-8", "replace")
    return tuple(text.removesuffix("\n").split("\n")) if text else (), end
