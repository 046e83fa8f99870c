"""Messages of the API deployer as clients of Dataiku speak it.

Where their public sources leave a name or a value open, it is ours:

- `generationsMapping` of several generations: `{"mode": "MULTI_GENERATION", "entries": [{"generation",
  "proba"}, …]}`, the entries as in the node's admin API.
- `type` of an update: LIGHT or FULL; `status`: RUNNING, SUCCESS, FAILED or CANCELLED.
- `type` of an infrastructure: STATIC, and LOCAL for nodes that the control plane runs itself. Only STATIC has
  nodes that are changed here. An `adminAPIKey` is never given back: it comes as a reference, and a reference
  that is sent back stays what it was.
- packages and updates are listed newest first. Times are milliseconds since 1970; 0: not yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from scoreline.core.deployment import GenerationsMapping, MappingEntry, single
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

SINGLE, MULTI = "SINGLE_GENERATION", "MULTI_GENERATION"


class Stage(Struct, frozen=True, kw_only=True):
    """A stage."""

    id: str
    desc: str


class InfraBasicInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an infrastructure is."""

    id: str
    stage: str
    type: str
    govern_check_policy: str = "NO_CHECK"


class DeploymentBasicInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a deployment is."""

    id: str
    enabled: bool
    published_service_id: str
    deployed_service_id: str
    infra_id: str
    tags: tuple[str, ...]


class InfraStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """An infrastructure in a list, and its status."""

    infra_basic_info: InfraBasicInfo
    deployments: tuple[DeploymentBasicInfo, ...]


class ApiNode(Struct, frozen=True, kw_only=True):
    """A node of an infrastructure."""

    url: str
    admin_key: str | None = field(name="adminAPIKey", default=None)


class InfraSettings(Struct, frozen=True, kw_only=True, rename="camel"):
    """The settings of an infrastructure."""

    id: str
    stage: str
    type: str
    govern_check_policy: Literal["NO_CHECK"] = "NO_CHECK"
    api_nodes: tuple[ApiNode, ...]
    public_url: str | None = field(name="publicURL", default=None)


class NewInfra(Struct, frozen=True, kw_only=True, rename="camel"):
    """An infrastructure to make."""

    id: str
    stage: str
    type: str
    govern_check_policy: str = "NO_CHECK"


class ServiceBasicInfo(Struct, frozen=True, kw_only=True):
    """What a published service is."""

    id: str


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """The settings of a published service: it has none of its own, who may do what with it is kept apart."""

    id: str


class PublishedPackage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version of a published service."""

    id: str
    created_on: int
    created_by: str
    published_on: int
    published_by: str
    release_notes: str
    digest: str


class ServiceStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """A published service in a list, and its status."""

    service_basic_info: ServiceBasicInfo
    packages: tuple[PublishedPackage, ...]
    deployments: tuple[DeploymentBasicInfo, ...]


class NewService(Struct, frozen=True, kw_only=True, rename="camel"):
    """A published service to make."""

    published_service_id: str


class NewDeployment(Struct, frozen=True, kw_only=True, rename="camel"):
    """A deployment to make, but not to start."""

    deployment_id: str
    published_service_id: str
    infra_id: str
    version: str
    endpoint_id: str | None = None
    """Counts on platforms that hold one endpoint; ours hold whole services."""


class DeploymentStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """The light status of a deployment."""

    deployment_basic_info: DeploymentBasicInfo
    infra_basic_info: InfraBasicInfo


class InfoMessage(Struct, frozen=True, kw_only=True):
    """Something to tell a person."""

    severity: Literal["SUCCESS", "INFO", "WARNING", "ERROR"]
    code: str
    title: str
    details: str
    message: str


class InfoMessages(Struct, frozen=True, kw_only=True, rename="camel"):
    """What there is to tell."""

    messages: tuple[InfoMessage, ...] = ()
    any_message: bool = False
    max_severity: str | None = None
    error: bool = False
    warning: bool = False
    success: bool = False


class HeavyStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """The heavy status of a deployment. A pool with one address for clients does not list its nodes."""

    health: str
    health_messages: InfoMessages
    api_nodes: tuple[ApiNode, ...] | UnsetType = UNSET
    public_url: str | UnsetType = field(name="publicURL", default=UNSET)


class DeploymentSettings(Struct, frozen=True, kw_only=True, rename="camel"):
    """The settings of a deployment."""

    id: str
    published_service_id: str
    deployed_service_id: str
    infra_id: str
    enabled: bool
    tags: tuple[str, ...]
    generations_mapping: dict[str, Any]


class UpdateItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """An update in the list."""

    start_timestamp: int
    end_timestamp: int
    type: str
    status: str


class UpdateLog(Struct, frozen=True, kw_only=True):
    """What an update said."""

    lines: tuple[str, ...]


class UpdateDetails(UpdateItem, frozen=True, kw_only=True, rename="camel"):
    """One update, whole."""

    requester: str
    message: str
    logs: UpdateLog


class FutureResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of an update's future. An update that failed on the nodes ends with one, too."""

    deployment_id: str
    start_timestamp: int
    end_timestamp: int
    status: str
    message: str


class FuturePayload(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a future is about."""

    display_name: str


class Future(Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of something that runs."""

    job_id: str
    has_result: bool
    alive: bool
    aborted: bool
    owner: str
    start_time: int
    payload: FuturePayload
    result: FutureResult | Any = UNSET
    """Of an update, a FutureResult."""


class Header(Struct, frozen=True, kw_only=True):
    """A header of a query."""

    key: str
    value: str


class GivenQuery(Struct, frozen=True, kw_only=True):
    """A query to run: the body of the call, and headers that go with it."""

    q: dict[str, Any]
    headers: tuple[Header, ...] = ()


class QueryResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one node answered to one query."""

    api_node: str
    endpoint_id: str
    name: str
    success: bool
    """Whether it was answered, and as expected where something is expected."""
    message: str
    """What is wrong; empty when nothing is."""
    response: Any
    """The whole answer; null when there is none."""


class QueryResults(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the nodes of a deployment answered."""

    deployment_id: str
    success: bool
    """Whether all did."""
    results: tuple[QueryResult, ...]


class _SingleGeneration(Struct, frozen=True, kw_only=True):
    mode: str
    generation: str


class _Entry(Struct, frozen=True, kw_only=True):
    generation: str
    proba: float


class _SeveralGenerations(Struct, frozen=True, kw_only=True):
    mode: str
    entries: tuple[_Entry, ...]


def mapping_written(mapping: GenerationsMapping | None) -> dict[str, Any]:
    """A mapping as their settings hold it."""
    if mapping is None or mapping.version is not None:
        return {"mode": SINGLE, "generation": mapping.version if mapping else None}
    entries = [{"generation": entry.generation, "proba": entry.proba} for entry in mapping.entries]
    return {"mode": MULTI, "entries": entries}


def mapping_read(given: Any) -> GenerationsMapping:
    """What such settings say. Raises Invalid for a mapping that cannot be."""
    mode = given.get("mode") if isinstance(given, dict) else None
    what = "the generations mapping"
    if mode == SINGLE:
        return single(converted(known_keys(given, _SingleGeneration, what), _SingleGeneration).generation)
    if mode != MULTI:
        raise refused(f"{what} has the mode {shown(mode)}; it can be {SINGLE!r} or {MULTI!r}")
    several = converted(known_keys(given, _SeveralGenerations, what), _SeveralGenerations)
    return GenerationsMapping(tuple(MappingEntry(one.generation, one.proba) for one in several.entries))


def settings_read(given: Any, now: DeploymentSettings) -> tuple[bool, tuple[str, ...], GenerationsMapping]:
    """What deployment settings say beside what cannot change: enabled, tags, mapping. Raises Invalid."""
    kept = known_keys(given, DeploymentSettings, "the deployment")
    read = converted({**_fixed(now), **kept}, DeploymentSettings)
    for name, value in _fixed(now).items():
        if kept.get(name, value) != value:
            raise refused(
                f"{name} of the deployment is {shown(value)} and cannot be changed; make another one"
            )
    return read.enabled, read.tags, mapping_read(read.generations_mapping)


def _fixed(settings: DeploymentSettings) -> dict[str, str]:
    return {
        "id": settings.id,
        "publishedServiceId": settings.published_service_id,
        "deployedServiceId": settings.deployed_service_id,
        "infraId": settings.infra_id,
    }


def info_messages(severity: Literal["INFO", "WARNING", "ERROR"], said: Iterable[str]) -> InfoMessages:
    """Sentences as their messages, all of one severity."""
    messages = tuple(
        InfoMessage(severity=severity, code=f"HEALTH_{severity}", title="Health", details=one, message=one)
        for one in said
    )
    return InfoMessages(
        messages=messages,
        any_message=bool(messages),
        max_severity=severity if messages else None,
        error=severity == "ERROR" and bool(messages),
        warning=severity == "WARNING" and bool(messages),
    )
