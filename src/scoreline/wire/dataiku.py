"""The user API of a node as clients of Dataiku's API node speak it: queries, results, headers.

What their public sources leave open is settled here, in our own words:

- `postEnrichment`: the record after the enrichments, when the endpoint is to show it.
- `ignoreReason`: IGNORED_BY_MODEL, LOOKUP_KEY_MISSING, NO_LOOKUP_MATCH, MULTIPLE_LOOKUP_MATCHES, and
  INVALID_RECORD in a batch; `message` says which feature, key or lookup.
- a lookup that misses gives `found: false` and its columns as nulls.
- the header `DSS-API-Version` is the version of the path (1), `DSS-Version` is the server's name.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

BASE = "/public/api/v1"
HEADERS = b"DSS-API-Version: 1\r\nDSS-Version: scoreline\r\n"
"""In every answer of the user and the admin API."""

INVALID_RECORD = "INVALID_RECORD"

# How many records one call may bring: they are answered in one go, and other callers wait meanwhile.
MOST_ITEMS = 10_000


class Dispatch(Struct, frozen=True, rename="camel", gc=False):
    """Which generation is to answer. `forced_generation` goes before `dispatch_key`."""

    forced_generation: str | None = None
    dispatch_key: str | int | None = None
    """A number counts as its digits."""


class Explanations(Struct, frozen=True, rename="camel", gc=False):
    """Which explanations are wanted; None: as the endpoint says."""

    enabled: bool | None = None
    method: str | None = None
    n_explanations: int | None = None
    n_monte_carlo_steps: int | None = msgspec.field(default=None, name="nMonteCarloSteps")


class PredictQuery(Struct, gc=False):
    """The body of `predict`."""

    features: dict[str, Any]
    explanations: Explanations | None = None
    dispatch: Dispatch | None = None
    context: Raw = Raw(b"null")
    """The caller's own; nothing looks at it."""


class PredictBatch(Struct, gc=False):
    """The body of `predict-multi`. An item is `{features, context?}`; looked at one by one."""

    items: list[Any]
    explanations: Explanations | None = None
    dispatch: Dispatch | None = None


class LookupQuery(Struct, gc=False):
    """The body of `lookup`."""

    data: dict[str, Any]
    dispatch: Dispatch | None = None
    context: Raw = Raw(b"null")


class LookupBatch(Struct, gc=False):
    """The body of `lookup-multi`. An item is `{data, context?}`; looked at one by one."""

    items: list[Any]
    dispatch: Dispatch | None = None


class PredictionResult(Struct, rename="camel", gc=False):
    """What is said about one record."""

    prediction: str | float | UnsetType = UNSET
    proba_percentile: int | UnsetType = UNSET
    probas: dict[str, float] | UnsetType = UNSET
    ignored: bool = False
    ignore_reason: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    post_enrichment: dict[str, Any] | UnsetType = UNSET


class LookupResult(Struct, rename="camel", gc=False):
    """What was found for one record."""

    data: dict[str, Any]
    found: bool = True
    """Whether every lookup of the endpoint found its row."""
    ignored: bool | UnsetType = UNSET
    ignore_reason: str | UnsetType = UNSET
    message: str | UnsetType = UNSET


class Timing(Struct, frozen=True, rename="camel", gc=False):
    """Where the time of a prediction went, in whole microseconds."""

    pre_processing: int
    enrich: int
    prediction: int
    post_processing: int = 0
    """Of many records: what was left. Of one record there is nothing after it but the writing of the JSON."""
    wait: int = 0
    preparation: int = 0


class LookupTiming(Struct, frozen=True, rename="camel", gc=False):
    """Where the time of a lookup went, in whole microseconds."""

    pre_processing: int
    lookup: int
    wait: int = 0


class PredictAnswer(Struct, frozen=True, rename="camel", gc=False):
    """The answer of `predict`. `api_context` is JSON: service, endpoint, generation."""

    result: PredictionResult
    timing: Timing
    api_context: Raw


class PredictBatchAnswer(Struct, frozen=True, rename="camel", gc=False):
    """The answer of `predict-multi`."""

    results: list[PredictionResult]
    timing: Timing
    api_context: Raw


class LookupAnswer(Struct, frozen=True, rename="camel", gc=False):
    """The answer of `lookup` and `lookup-multi`."""

    results: list[LookupResult]
    timing: LookupTiming
    api_context: Raw


class _Dispatched(Struct):
    dispatch: Dispatch | None = None


def dispatch_of(body: bytes) -> Dispatch | None:
    """What a query of any action says of its dispatch; None when it says nothing, or is no query."""
    if b"dispatch" not in body and b"\\u" not in body:  # most do not; a name may be written with escapes
        return None
    try:
        return msgspec.json.decode(body, type=_Dispatched).dispatch
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
