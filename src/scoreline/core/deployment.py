"""Infrastructures and deployments: where services run, and which version of them."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Health(Enum):
    """How a deployment does."""

    HEALTHY = "HEALTHY"
    """Every node answers with the version that is wanted."""
    WARNING = "WARNING"
    """It answers, but not as wanted (another version, a node missing)."""
    ERROR = "ERROR"
    """It does not answer."""
    NO_STATUS = "NO_STATUS"
    """Never deployed, or disabled."""


class UpdateOutcome(Enum):
    """How an update of a deployment ended."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    """The version before it still answers."""


class Infrastructure(Struct, frozen=True, kw_only=True):
    """A pool of API nodes with a lifecycle stage."""

    id: str
    stage: str = "Development"
    kind: str = "local"
    """`local`: the control plane starts and watches the nodes beside it."""


class Deployment(Struct, frozen=True, kw_only=True):
    """A service kept on one infrastructure, at the version that is wanted."""

    id: str
    service: str
    infrastructure: str
    version: str | None
    """None until a first update has succeeded."""


class Update(Struct, frozen=True, kw_only=True):
    """One change of a deployment's version: who, when, from, to, and how it ended."""

    id: int
    deployment: str
    from_version: str | None
    """None: the deployment's first."""
    to_version: str
    by: str
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None
    """None while it runs."""
    outcome: UpdateOutcome
    message: str = ""
    """Why it failed."""
    log: tuple[str, ...] = ()
    """One line per step, each with its time of day."""


def default_deployment_id(service: str, infrastructure: str) -> str:
    """The id offered for a new deployment."""
    return f"{service}-on-{infrastructure}"
