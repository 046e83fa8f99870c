"""Scenarios: automations of a project. Today their one step is a build."""

from __future__ import annotations

from msgspec import Struct


class BuildStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="build"):
    """Builds items of the flow and what they need."""

    items: tuple[str, ...]
    """Ids of datasets, saved models or evaluation stores."""
    name: str = ""
    force: bool = False


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps that run one after the other."""

    name: str = ""
    description: str = ""
    steps: tuple[BuildStep, ...] = ()
