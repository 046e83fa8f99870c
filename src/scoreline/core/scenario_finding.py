"""Findings: what is wrong in a scenario, or will be when it runs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class ScenarioFinding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or will be."""

    scenario: str
    """Empty: the project as a whole."""
    severity: Literal["error", "warning"]
    where: str
    """A file and its line, a step or a trigger."""
    step: str = ""
    """Id of the step that it is about; empty: of none."""
    message: str
