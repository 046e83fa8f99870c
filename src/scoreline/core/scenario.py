"""Scenarios: automations of a project, as they are defined. What starts them, their steps, who is told."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from scoreline.core.message import Message
from scoreline.core.scenario_step import Scalar, Step
from scoreline.core.scenario_trigger import Trigger


class Reporter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tells somebody that a run has begun or ended."""

    at: Literal["start", "end"] = "end"
    when: str = "always"
    """A condition, as of steps; `outcome` is that of the run."""
    message: Message


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps that run one after the other, each where its condition holds."""

    name: str = ""
    description: str = ""
    enabled: bool = True
    """Whether its triggers start it. By hand it can be run in any case."""
    variables: dict[str, Scalar] = {}
    """What its steps may name as `${NAME}`; steps and whoever runs it may set others."""
    triggers: tuple[Trigger, ...] = ()
    missed: Literal["each", "once"] = "each"
    """Due times that passed while the control plane was down, or a run went on: run each, or once for all."""
    steps: tuple[Step, ...] = ()
    reporters: tuple[Reporter, ...] = ()
    timeout: Annotated[float, Meta(gt=0)] | None = None
    """Seconds after which a run is ended; None: never."""
