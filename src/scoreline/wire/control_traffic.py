"""Messages of the control API about traffic: how many queries were answered lately, and how fast."""

from __future__ import annotations

from msgspec import Struct


class Traffic(Struct, frozen=True, kw_only=True):
    """Queries that nodes answered in the last minutes."""

    requests: int
    errors: int
    """Answers with a status from 400 on."""
    requests_per_second: float
    """Over the last looks, as `recent` ends."""
    mean_milliseconds: float | None
    """None: there were no queries."""
    p50_milliseconds: float | None
    """Half of the queries took at most this long; estimated between the bounds of the nodes' counters."""
    p99_milliseconds: float | None
    recent: tuple[float, ...]
    """Requests per second from look to look, the oldest first."""


class GenerationTraffic(Struct, frozen=True, kw_only=True):
    """The traffic of an endpoint of a generation on one node."""

    generation: str
    endpoint: str
    node: str
    requests_since_start: int
    """Since the node started."""
    errors_since_start: int
    ignored_records: int
    """Records that were not scored, since the node started."""
    traffic: Traffic


class DeploymentTraffic(Struct, frozen=True, kw_only=True):
    """The traffic of a deployment, as far as its nodes have told."""

    deployment: str
    seconds: float
    """How far back the last minutes go: from the oldest look to the newest."""
    every: float
    """Seconds from look to look."""
    total: Traffic
    generations: dict[str, Traffic]
    """Generation -> all its endpoints on all nodes."""
    details: tuple[GenerationTraffic, ...]
