"""Messages of the control API about what there is in a project to be named."""

from __future__ import annotations

from msgspec import Struct


class ProjectNames(Struct, frozen=True, kw_only=True):
    """The ids of the sound definitions of a project, each sorted."""

    connections: tuple[str, ...]
    datasets: tuple[str, ...]
    recipes: tuple[str, ...]
    models: tuple[str, ...]
    evaluation_stores: tuple[str, ...]
    services: tuple[str, ...]
    scenarios: tuple[str, ...]
    variables: tuple[str, ...]
    """Of the project."""
