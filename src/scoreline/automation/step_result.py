"""What a step comes to, and what a process of its own is asked."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.scenario_run import Effect
from scoreline.core.scenario_step import Step
from scoreline.core.scenario_trigger import DatasetTrigger, SqlTrigger


class StepResult(Struct, frozen=True, kw_only=True):
    """How a step fared."""

    outcome: Literal["SUCCESS", "WARNING", "FAILED", "ABORTED"] = "SUCCESS"
    message: str = ""
    """What it found, or what went wrong, in one sentence."""
    outputs: dict[str, Any] = {}
    effects: tuple[Effect, ...] = ()
    variables: dict[str, Any] = {}
    """Variables of the run that it sets."""


class Task(Struct, frozen=True, kw_only=True):
    """What the process of a step is to do: `task.json` in its folder."""

    project: str
    """The project's folder."""
    work: Step | DatasetTrigger | SqlTrigger
    """A step, with `${…}` replaced; or what a trigger watches, to be looked at."""
    by: str
    """Who the step works for, as versions say who made them."""
    variables: dict[str, Any] = {}
    taken: tuple[str, ...] = ()
    """Ids of versions that are published already."""
    messages: dict[str, Any] = {}
    """Settings of the messages of the control plane."""


def failed(message: str, **more: Any) -> StepResult:
    """A step that has failed, and why."""
    return StepResult(outcome="FAILED", message=message, **more)
