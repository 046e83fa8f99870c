"""The admin API of a node: what goes over it, under `/admin/api`.

    GET    services                                         list of ServiceEntry
    POST   services/                                        CreateService
    DELETE services/{s}
    GET    services/{s}/generations                         GenerationList
    PUT    services/{s}/generations/{g}[?sha256=…]          the archive as body -> Installed
    DELETE services/{s}/generations/{g}
    POST   services/{s}/generations/actions/importFromArchive?filePath=…   -> Installed
    POST   services/{s}/generations/{g}/preload
    POST   services/{s}/generations/{g}/unload
    POST   services/{s}/actions/switchTo/{g}                -> Switched
    POST   services/{s}/actions/switchToNewest              -> Switched
    POST   services/{s}/actions/setMapping                  GenerationsMapping -> Switched
    POST   services/{s}/actions/enable | disable
    GET    metrics                                          NodeMetrics
    DELETE services-clean-unused                            Cleaned
    POST   actions/recycle                                  Recycled
    GET    keys                                             list of AdminKeyEntry
    POST   keys                                             NewAdminKey -> MadeAdminKey
    DELETE keys/{key}
    DELETE keys/{id}/key
    POST   cached-code-envs                                 CacheAnswer
    POST   register-global-code-env                         CacheAnswer
    DELETE cached-code-envs                                 CacheAnswer
    POST   model-cache                                      CacheAnswer
    DELETE model-cache                                      CacheAnswer

The three calls that switch take two flags. `keepPrevious=true`: generations that answer no more stay in
memory until the next switch to other ones, or `unload`, so that going back is instant. `enable=false`: a
service that is disabled stays so; otherwise a switch enables it.

`recycle` replaces all workers of the node one by one, without losing a query: a new one answers before the
old one takes no more clients, answers what it has, and ends. It returns when new ones answer in all places;
the old worker over which this answer comes may still be leaving. While it runs, another call answers 409
`recycling`.

Calls without an answer of their own answer `{"ok": true}`.
"""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping

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
    """The one generation that answers, or would if the service were enabled; None when several do."""
    mapping: GenerationsMapping | None = None
    """All generations that answer, or would, with their shares."""


class GenerationEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A generation on the node's disk."""

    generation: str
    digest: str
    """Content digest of its package."""
    active: bool
    """Whether it answers."""
    proba: float = 0.0
    """Its share of the queries."""
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
    """Every worker answers with these generations now."""

    service_id: str
    generation: str | None
    """None when there are several."""
    mapping: GenerationsMapping
    ok: bool = True


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
    durations: tuple[int, ...] = ()
    """How many took at most as long as each of the node's bounds, and not as the bound before; the last one
    counts those above all."""


class ServiceKeyMetrics(Struct, frozen=True, kw_only=True, rename="camel"):
    """How often a key of a service was used since the node started, over all workers."""

    service_id: str
    label: str
    requests: int


class NodeMetrics(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the node does."""

    uptime_seconds: float
    workers: int
    worker_restarts: int
    endpoints: tuple[EndpointMetrics, ...]
    service_keys: tuple[ServiceKeyMetrics, ...] = ()
    bounds_microseconds: tuple[int, ...] = ()
    """Upper bounds of `durations`."""


class WorkerState(Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker process."""

    pid: int
    ready: bool


class Readiness(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of `/isReady/`: 200 when ready, else 503."""

    ready: bool
    workers: tuple[WorkerState, ...]
    services: dict[str, str | None]
    """Service -> the one generation that answers; None when none or several do, or it is disabled."""
    failures: dict[str, str]
    """`service/generation` -> why it could not be loaded."""
    mappings: dict[str, GenerationsMapping | None] = {}
    """Service -> all generations that answer, with their shares; None when none does, or it is disabled."""


class Recycled(Struct, frozen=True, kw_only=True, rename="camel"):
    """Other workers answer now."""

    workers: tuple[int, ...]
    """Their process ids."""
    ok: bool = True


class NewAdminKey(Struct, frozen=True, kw_only=True, rename="camel"):
    """A key of the admin API that is to be made. It has all rights, as every admin key."""

    label: str | None = None
    description: str | None = None
    created_by: str | None = None
    expiry: int | float | str | None = None
    """ISO 8601, or milliseconds since 1970; None: never."""


class AdminKeyEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is told of an admin key. The key of the node's key file is not among them; it is always good."""

    id: str
    label: str
    description: str
    created_by: str
    created_at: str
    """ISO 8601, UTC."""
    expiry: str | None
    """ISO 8601, UTC; None: never."""


class MadeAdminKey(AdminKeyEntry, frozen=True, kw_only=True, rename="camel"):
    """A new admin key: the only time that it is shown."""

    key: str


class CacheAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of calls for caches of code environments and of models: a node has none and needs none."""

    ok: bool = True
    cached: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    message: str = "a package brings all that it needs; there is nothing to cache"
