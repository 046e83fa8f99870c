"""Stages: the steps of a lifecycle that infrastructures stand in, in the order of promotion."""

from __future__ import annotations

from msgspec import Struct


class Stage(Struct, frozen=True, kw_only=True):
    """One step of the lifecycle."""

    id: str
    description: str = ""


DEFAULT_STAGES = (
    Stage(id="Development", description="Where changes are tried."),
    Stage(id="Test", description="Where they are proved."),
    Stage(id="Production", description="Where customers are answered."),
)
"""What a new catalog begins with, the first one first. They can be edited."""
