"""Messages of the control API about the flow of a project."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

RecipeStateName = Literal["fresh", "stale", "waiting", "building", "failed"]
"""`waiting`: a build that goes on will look at it. `failed`: it is stale, and the last build of it failed."""


class FlowRecipe(Struct, frozen=True, kw_only=True):
    """A recipe in the flow."""

    id: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    state: RecipeStateName
    reason: str
    """Why it is not fresh, or why it failed."""
    seconds: float | None
    """How long it took when it last ran well."""
    finished_at: str | None
    """When that was; ISO 8601, UTC."""
    job: str | None = None
    """The job that builds it, or in which it failed."""


class FlowItem(Struct, frozen=True, kw_only=True):
    """A dataset, a saved model or an evaluation store in the flow."""

    id: str
    kind: Literal["files", "sql", "managed", "model", "evaluation_store"]
    name: str
    """Empty where only the id names it."""
    made_by: str | None
    """The recipe that makes it."""
    state: Literal["source", "fresh", "stale", "waiting", "building", "failed"]
    """That of the recipe that makes it; `source`: none does."""
    built: bool
    """Whether there is something in it; of a source, always."""
    rows: int | None
    """Of a managed dataset that is built."""
    detail: str
    """Path, table, or active version."""


class FlowService(Struct, frozen=True, kw_only=True):
    """An API service of the project, and what of the flow it answers with."""

    id: str
    uses: tuple[str, ...]
    """Models and datasets."""


class FlowZone(Struct, frozen=True, kw_only=True):
    """A part of the flow that the picture frames."""

    name: str
    items: tuple[str, ...]


class Flow(Struct, frozen=True, kw_only=True):
    """The flow of a project as it stands; recipes in an order in which they can run."""

    project: str
    items: tuple[FlowItem, ...]
    recipes: tuple[FlowRecipe, ...]
    services: tuple[FlowService, ...]
    zones: tuple[FlowZone, ...]
    job: str | None
    """The build that goes on; of several the one that is at work, or next."""
