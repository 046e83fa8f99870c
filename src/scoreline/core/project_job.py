"""Jobs of projects: builds, comparisons and dry runs that the control plane lets run, and how they ended."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.drift import DriftSettings
from scoreline.core.drift_reference import DriftReference
from scoreline.core.dry_run import DryRunSettings
from scoreline.core.job import JobOutcome
from scoreline.core.recipe import Seed


class BuildWork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="build"):
    """Build some items of the flow, and what they need."""

    items: tuple[str, ...] = ()
    """Datasets, models, evaluation stores or recipes; none: the whole flow."""
    force: bool = False
    """Whether the recipes named run even if they are up to date."""


class CreateWork(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="create"
):
    """Make a project from a template."""

    template: str
    id: str
    """Of the project."""
    name: str = ""
    description: str = ""
    size: Literal["small", "full"] = "small"
    seed: Seed = 42
    services: bool = True


class DriftWork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="drift"):
    """Compare the kept rows of an evaluation anew."""

    store: str
    evaluation: str
    reference: DriftReference | None = None
    """None: the version of the model that it was compared with first."""
    settings: DriftSettings | None = None
    """None: those of then."""


class DryRunWork(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="dry_run"
):
    """Tell what a scenario would have decided on each day of dated data."""

    scenario: str
    settings: DryRunSettings


class PackageWork(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="package"
):
    """Make a version of a service."""

    service: str
    version: str
    release_notes: str = ""
    publish_as: str | None = None
    """The published service that the control plane adds the version to once it is made."""


Work = BuildWork | CreateWork | DriftWork | PackageWork | DryRunWork


class ProjectJob(Struct, frozen=True, kw_only=True):
    """Long work on a project, in a process of its own."""

    id: str
    number: int
    """Counts up over the jobs of all projects."""
    project: str
    work: Work
    title: str
    """What it does, in words."""
    by: str
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None
    """None while it runs."""
    outcome: JobOutcome
    message: str
    """Why it failed, or who cancelled it."""
    code: str
    """Of what went wrong, for programs; empty when nothing did."""
    result: Any
    """Of a build that has ended: the outcome of each recipe; of a comparison: its drift report; of a
    dry run: what would have been decided."""
