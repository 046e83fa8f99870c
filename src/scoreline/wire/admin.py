"""The admin API of a node: what goes over it, under `/admin/api`.

    GET    services                                         list of ServiceEntry
    POST   services/                                        CreateService
    DELETE services/{s}
    GET    services/{s}/generations                         GenerationList
    PUT    services/{s}/generations/{g}                     the archive as body -> Installed
    DELETE services/{s}/generations/{g}
    POST   services/{s}/generations/actions/importFromArchive?filePath=…   -> Installed
    POST   services/{s}/generations/{g}/preload
    POST   services/{s}/actions/switchTo/{g}                -> Switched
    POST   services/{s}/actions/switchToNewest              -> Switched
    POST   services/{s}/actions/setMapping                  GenerationsMapping -> Switched
    POST   services/{s}/actions/enable | disable
    GET    metrics                                          NodeMetrics
    DELETE services-clean-unused                            Cleaned

Calls without an answer of their own answer `{"ok": true}`.
"""

from __future__ import annotations

from msgspec import Struct

BASE = "/admin/api"


class Done(Struct, frozen=True, kw_only=True, rename="camel"):
    """It is done."""

    ok: bool = True


class CreateService(Struct, frozen=True, kw_only=True, rename="camel"):
    """Make a service known; it answers once a generation is switched to."""

    service_id: str


class ServiceEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A service of the node."""

    service_id: str
    enabled: bool
    generation: str | None = None
    """The generation that answers, or would if the service were enabled."""


class GenerationEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A generation on the node's disk."""

    generation: str
    digest: str
    """Content digest of its package."""
    active: bool
    """Whether it answers."""
    loaded: bool
    """Whether it is in the workers' memory: it can be forced, and switching to it is instant."""


class GenerationList(Struct, frozen=True, kw_only=True, rename="camel"):
    """The generations of a service, the oldest installation first."""

    generations: tuple[GenerationEntry, ...]


class Installed(Struct, frozen=True, kw_only=True, rename="camel"):
    """A package that stands on the node's disk now. It answers after a switch."""

    service_id: str
    generation: str
    digest: str
    ok: bool = True


class Switched(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every worker answers with this generation now."""

    service_id: str
    generation: str
    ok: bool = True


class MappingEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A generation and its share of the queries."""

    generation: str
    proba: float


class GenerationsMapping(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which generations answer. Today exactly one, with probability 1."""

    entries: tuple[MappingEntry, ...]


class Cleaned(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was removed."""

    removed_services: tuple[str, ...]
    removed_generations: tuple[str, ...]
    """As `service/generation`."""


class EndpointMetrics(Struct, frozen=True, kw_only=True, rename="camel"):
    """How often an endpoint of a generation was asked since the node started, over all workers."""

    service_id: str
    endpoint_id: str
    generation: str
    requests: int
    errors: int
    """Answers with a status from 400 on."""
    ignored_records: int
    mean_microseconds: float


class NodeMetrics(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the node does."""

    uptime_seconds: float
    workers: int
    worker_restarts: int
    endpoints: tuple[EndpointMetrics, ...]


class WorkerState(Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker process."""

    pid: int
    ready: bool


class Readiness(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of `/isReady/`: 200 when ready, else 503."""

    ready: bool
    workers: tuple[WorkerState, ...]
    services: dict[str, str | None]
    """Service -> the generation that answers, or None."""
    failures: dict[str, str]
    """`service/generation` -> why it could not be loaded."""
