"""Settings of an API service as clients of Dataiku's API designer read and write them.

Theirs are `id`, `name`, `projectKey`, `authMethod`, `endpoints` with `id`, `type`, `modelRef` and
`testQueries` of `name` and `q`. Their public sources do not say how enrichments and lookups are written, so
these names are ours:

- `enrichments` (STD_PREDICTION) and `lookups` (DATASETS_LOOKUP) with `datasetRef`, `keys`, `columns`,
  `onMissingKey`, `onNoMatch`, `onSeveralMatches`, `precedence`: the values are those of the project's files.
- `returnPostEnrichment` of a prediction endpoint, `description` of endpoints and services.
- `expect` of a test query: what the answer's result must hold.
- `apiKeys` of a service with the authMethod API_KEYS: `label` and `sha256` of each; the keys themselves are
  with their owners.

What a service cannot say here is refused, so that nothing is lost in silence. A key that is not known but
says nothing (null, false, empty), or changes no answer (`versionTag`, `tags`, `useJava`, …), is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint, Service, TestQuery
from scoreline.core.service_key import ServiceKey
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

PREDICTION = "STD_PREDICTION"
LOOKUP = "DATASETS_LOOKUP"


_METHODS = {"public": "PUBLIC", "api_keys": "API_KEYS"}
_AUTHORIZATIONS: dict[str, Literal["public", "api_keys"]] = {"PUBLIC": "public", "API_KEYS": "api_keys"}


class LookupSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A lookup, or an enrichment."""

    dataset_ref: str
    keys: tuple[LookupKey, ...]
    columns: tuple[LookupColumn, ...] | Literal["all"] = "all"
    on_missing_key: Literal["leave_empty", "ignore_record", "error"] = "leave_empty"
    on_no_match: Literal["leave_empty", "ignore_record", "error"] = "leave_empty"
    on_several_matches: Literal["first", "leave_empty", "ignore_record", "error"] = "ignore_record"
    precedence: Literal["query", "lookup"] = "query"


class QuerySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A test query."""

    name: str = ""
    q: dict[str, Any]
    expect: dict[str, Any] | UnsetType | None = UNSET


class PredictionSettings(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="type",
    tag=PREDICTION,
):
    """A prediction endpoint."""

    id: str
    model_ref: str
    enrichments: tuple[LookupSettings, ...] = ()
    return_post_enrichment: bool = False
    test_queries: tuple[QuerySettings, ...] = ()
    description: str = ""


class LookupEndpointSettings(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="type",
    tag=LOOKUP,
):
    """A lookup endpoint."""

    id: str
    lookups: tuple[LookupSettings, ...]
    test_queries: tuple[QuerySettings, ...] = ()
    description: str = ""


EndpointSettings = PredictionSettings | LookupEndpointSettings


class ServiceSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An API service, whole: what lists and settings show, and what is saved."""

    id: str
    name: str
    project_key: str
    auth_method: str = "PUBLIC"
    api_keys: tuple[ServiceKey, ...] = ()
    description: str = ""
    endpoints: tuple[EndpointSettings, ...]


def written(project_key: str, service_id: str, service: Service) -> ServiceSettings:
    """A service of the project as the designer's clients read it."""
    return ServiceSettings(
        id=service_id,
        name=service.name or service_id,
        project_key=project_key,
        auth_method=_METHODS[service.authorization],
        api_keys=service.api_keys,
        description=service.description,
        endpoints=tuple(_endpoint_written(endpoint) for endpoint in service.endpoints),
    )


def read(project_key: str, service_id: str, settings: Any) -> Service:
    """What such settings say of a service. Raises Invalid, naming what cannot be kept here."""
    given = known_keys(settings, ServiceSettings, "the service")
    given = {"id": service_id, "name": service_id, "projectKey": project_key, **given}
    if (given["id"], given["projectKey"]) != (service_id, project_key):
        raise refused("these are the settings of another service; its id and its project cannot be changed")
    method = given.get("authMethod", "PUBLIC")
    if not isinstance(method, str) or method not in _AUTHORIZATIONS:
        can = " and ".join(repr(one) for one in _AUTHORIZATIONS)
        raise refused(f"the service has authMethod {shown(method)}; {can} can be kept here")
    endpoints = given.get("endpoints")
    if not isinstance(endpoints, list):
        raise refused("the service has no 'endpoints'; give a list")
    given["endpoints"] = [_clean_endpoint(endpoint) for endpoint in endpoints]
    whole = converted(given, ServiceSettings)
    return Service(
        name="" if whole.name == service_id else whole.name,
        authorization=_AUTHORIZATIONS[whole.auth_method],
        api_keys=whole.api_keys,
        description=whole.description,
        endpoints=tuple(_endpoint_read(endpoint) for endpoint in whole.endpoints),
    )


def _endpoint_written(endpoint: Endpoint) -> EndpointSettings:
    queries = tuple(
        QuerySettings(name=query.name, q=query.query, expect=UNSET if query.expect is None else query.expect)
        for query in endpoint.test_queries
    )
    if isinstance(endpoint, LookupEndpoint):
        return LookupEndpointSettings(
            id=endpoint.id,
            lookups=_lookups_written(endpoint.lookups),
            test_queries=queries,
            description=endpoint.description,
        )
    return PredictionSettings(
        id=endpoint.id,
        model_ref=endpoint.model,
        enrichments=_lookups_written(endpoint.enrichments),
        return_post_enrichment=endpoint.return_post_enrichment,
        test_queries=queries,
        description=endpoint.description,
    )


def _lookups_written(lookups: Iterable[Lookup]) -> tuple[LookupSettings, ...]:
    return tuple(
        LookupSettings(
            dataset_ref=lookup.dataset,
            keys=lookup.keys,
            columns=lookup.columns,
            on_missing_key=lookup.on_missing_key,
            on_no_match=lookup.on_no_match,
            on_several_matches=lookup.on_several_matches,
            precedence=lookup.precedence,
        )
        for lookup in lookups
    )


def _endpoint_read(settings: EndpointSettings) -> Endpoint:
    queries = tuple(
        TestQuery(name=query.name, query=query.q, expect=None if query.expect is UNSET else query.expect)
        for query in settings.test_queries
    )
    if isinstance(settings, LookupEndpointSettings):
        return LookupEndpoint(
            id=settings.id,
            lookups=_lookups_read(settings.lookups),
            test_queries=queries,
            description=settings.description,
        )
    return PredictionEndpoint(
        id=settings.id,
        model=settings.model_ref,
        enrichments=_lookups_read(settings.enrichments),
        return_post_enrichment=settings.return_post_enrichment,
        test_queries=queries,
        description=settings.description,
    )


def _lookups_read(lookups: Iterable[LookupSettings]) -> tuple[Lookup, ...]:
    return tuple(
        Lookup(
            dataset=lookup.dataset_ref,
            keys=lookup.keys,
            columns=lookup.columns,
            on_missing_key=lookup.on_missing_key,
            on_no_match=lookup.on_no_match,
            on_several_matches=lookup.on_several_matches,
            precedence=lookup.precedence,
        )
        for lookup in lookups
    )


def _clean_endpoint(endpoint: Any) -> dict[str, Any]:
    """An endpoint with the keys that are kept, and no other. Raises Invalid for one that counts."""
    if not isinstance(endpoint, Mapping):
        raise refused("an endpoint must be an object")
    name = f"endpoint {shown(endpoint.get('id'))}"
    kinds: dict[Any, type[Struct]] = {PREDICTION: PredictionSettings, LOOKUP: LookupEndpointSettings}
    kind = endpoint.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise refused(
            f"{name} is of type {shown(kind)}, which cannot be served; these can: {', '.join(kinds)}"
        )
    kept = known_keys(endpoint, kinds[kind], name)
    for part, inner in _PARTS.items():
        if isinstance(kept.get(part), list):
            kept[part] = [known_keys(one, inner, f"one of the {part} of {name}") for one in kept[part]]
    return kept


_PARTS: dict[str, type[Struct]] = {
    "testQueries": QuerySettings,
    "enrichments": LookupSettings,
    "lookups": LookupSettings,
}
