"""What must hold for services beyond their types."""

from __future__ import annotations

from collections.abc import Iterator

from scoreline.core.complaint import Known, Spot, repeated
from scoreline.core.lookup import Lookup
from scoreline.core.names import ID_RULE, is_id, shortened
from scoreline.core.project import Kind
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint, Service
from scoreline.core.service_key import service_key_spots


def service_spots(service: Service, known: Known) -> Iterator[Spot]:
    """What is wrong in a service."""
    for position, endpoint in enumerate(service.endpoints):
        if not is_id(endpoint.id):
            yield ("endpoints", position, "id"), f"{shortened(endpoint.id)} cannot be an id: {ID_RULE}"
        for at, message in _endpoint_spots(endpoint, known):
            yield ("endpoints", position, *at), message
    for position, name in repeated([endpoint.id.casefold() for endpoint in service.endpoints]):
        yield ("endpoints", position, "id"), f"two endpoints have the id {shortened(name)}"
    yield from _authorization_spots(service)


def _authorization_spots(service: Service) -> Iterator[Spot]:
    if service.authorization == "api_keys" and not service.api_keys:
        yield ("authorization",), "nobody has a key: list at least one under 'api_keys'"
    if service.authorization == "public" and service.api_keys:
        yield ("api_keys",), "keys are for a service with 'authorization: api_keys'"
    for at, message in service_key_spots(service.api_keys):
        yield ("api_keys", *at), message


def _endpoint_spots(endpoint: Endpoint, known: Known) -> Iterator[Spot]:
    match endpoint:
        case PredictionEndpoint():
            yield from known.dangling(Kind.MODEL, endpoint.model, ("model",))
            for position, lookup in enumerate(endpoint.enrichments):
                yield from _lookup_spots(lookup, ("enrichments", position), known)
            body = "features"
        case LookupEndpoint():
            if not endpoint.lookups:
                yield ("lookups",), "must list at least one lookup"
            for position, lookup in enumerate(endpoint.lookups):
                yield from _lookup_spots(lookup, ("lookups", position), known)
            body = "data"
    for position, query in enumerate(endpoint.test_queries):
        if not isinstance(query.query.get(body), dict):
            yield ("test_queries", position, "query"), f"must hold {body!r}, a mapping from name to value"


def _lookup_spots(lookup: Lookup, at: tuple[str | int, ...], known: Known) -> Iterator[Spot]:
    yield from known.dangling(Kind.DATASET, lookup.dataset, (*at, "dataset"))
    if not lookup.keys:
        yield (*at, "keys"), "must list at least one column"
    for position, key in enumerate(lookup.keys):
        yield from known.no_column(lookup.dataset, key.column, (*at, "keys", position, "column"))
    for position, name in repeated([key.column for key in lookup.keys]):
        yield (*at, "keys", position), f"column {shortened(name)} is listed twice"
    for position, name in repeated([key.query_name for key in lookup.keys]):
        yield (*at, "keys", position), f"two keys have the name {shortened(name)} in the query"
    if lookup.columns == "all":
        return
    if not lookup.columns:
        yield (*at, "columns"), "must list at least one column, or be 'all'"
    for position, column in enumerate(lookup.columns):
        yield from known.no_column(lookup.dataset, column.column, (*at, "columns", position, "column"))
    for position, name in repeated([column.output_name for column in lookup.columns]):
        yield (*at, "columns", position), f"two columns get the name {shortened(name)}"
