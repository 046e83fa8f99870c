"""Messages of the control API about projects as a whole: templates, what is made from them, settings."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from scoreline.core.project import ProjectSettings
from scoreline.core.recipe import Seed


class Template(Struct, frozen=True, kw_only=True):
    """What a project can be made from."""

    id: str
    name: str
    description: str


class NewProjectFromTemplate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project to make, in a folder of the control plane's own."""

    key: str
    """Its name in URLs and its id; letters, digits, `-` and `_`."""
    template: str = "empty"
    name: Annotated[str, Meta(max_length=200)] = ""
    """What people call it; empty: as the template does."""
    description: Annotated[str, Meta(max_length=10_000)] = ""
    size: Literal["small", "full"] = "small"
    """How much data is generated, where the template has any."""
    seed: Seed = 42
    """Where the random draws of the data start."""
    services: bool = True
    """Whether the API services of the template come along; without, they are yours to make."""


class WholeProjectSettings(Struct, frozen=True, kw_only=True):
    """The settings of a project, `project.yaml`."""

    project: str
    settings: ProjectSettings
    revision: str
    """Of the file."""
