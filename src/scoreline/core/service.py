"""Services: sets of endpoints that are shipped together."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.lookup import Lookup
from scoreline.core.service_key import ServiceKey


class TestQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A saved request of an endpoint, with or without an expected answer."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    name: str = ""
    query: dict[str, Any]
    """The body of the call, such as {features: {…}} or {data: {…}}."""
    expect: dict[str, Any] | None = None
    """What the answer's result must hold: every key given here with an equal value (numbers within 1e-9)."""


class PredictionEndpoint(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="prediction"
):
    """Answers with the prediction of a saved model's active version, frozen into the package."""

    id: str
    model: str
    enrichments: tuple[Lookup, ...] = ()
    """Applied in this order, before scoring; a later one sees the columns of an earlier one."""
    return_post_enrichment: bool = False
    """Whether the answer shows the features as they were after the enrichments."""
    test_queries: tuple[TestQuery, ...] = ()
    description: str = ""


class LookupEndpoint(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="lookup"
):
    """Answers with columns found by key, in one or several datasets."""

    id: str
    lookups: tuple[Lookup, ...]
    test_queries: tuple[TestQuery, ...] = ()
    description: str = ""


Endpoint = PredictionEndpoint | LookupEndpoint


class Service(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of endpoints shipped together. Its id is the name of its file."""

    endpoints: tuple[Endpoint, ...] = ()
    authorization: Literal["public", "api_keys"] = "public"
    """Who is answered: everybody, or callers that show one of the keys below."""
    api_keys: tuple[ServiceKey, ...] = ()
    """The callers' keys, by their hashes; with `authorization: api_keys` only."""
    name: str = ""
    description: str = ""


def lookups_of(endpoint: Endpoint) -> tuple[Lookup, ...]:
    """The lookups that an endpoint makes, in order."""
    return endpoint.enrichments if isinstance(endpoint, PredictionEndpoint) else endpoint.lookups


def endpoint_kinds(service: Service) -> dict[str, str]:
    """Endpoint -> its kind, `prediction` or `lookup`, in order."""
    return {
        one.id: "lookup" if isinstance(one, LookupEndpoint) else "prediction" for one in service.endpoints
    }
