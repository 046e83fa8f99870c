"""Test queries asked in the designer: each with its timings, the record that was scored, and a log."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import msgspec

from scoreline.core.expectation import difference
from scoreline.core.service import Endpoint, LookupEndpoint, Service, TestQuery
from scoreline.errors import Invalid, ScorelineError
from scoreline.node.generation import Generation
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.studio.endpoint_drafts import EndpointDrafts
from scoreline.studio.endpoint_schemas import enriched_from, model_version
from scoreline.studio.test_queries import endpoint_of, result_of
from scoreline.wire.control_designer import EnrichedValue, QueryOutcome, QueryOutcomes, TimedPart

MOST_ASKED = 1_000
"""Test queries asked at a time."""
_PARTS = {"preProcessing": "read", "enrich": "enrich", "lookup": "lookup", "prediction": "predict"}


def ask_queries(
    folder: Path,
    service_id: str,
    service: Service,
    endpoint_id: str,
    queries: Sequence[TestQuery] | None = None,
    *,
    drafts: EndpointDrafts,
    environment: Mapping[str, str] | None = None,
) -> QueryOutcomes:
    """Freeze one endpoint of `service` into a draft, and ask it `queries`; None: its saved ones.

    Raises what `freezing.freeze` raises; a query that fails raises nothing, its outcome says why.
    """
    endpoint = endpoint_of(service, service_id, endpoint_id)
    asked = endpoint.test_queries if queries is None else queries
    if len(asked) > MOST_ASKED:
        raise Invalid(f"{len(asked)} test queries cannot be asked at once; choose up to {MOST_ASKED}")
    project = read_project(folder)
    tables = open_tables(project, folder, os.environ if environment is None else environment)
    draft = drafts.of(project, folder, service_id, endpoint, tables)
    sources = enriched_from(endpoint, tables)
    return QueryOutcomes(
        endpoint=endpoint_id,
        outcomes=tuple(
            _ask(draft.generation, endpoint, number, query, sources) for number, query in enumerate(asked, 1)
        ),
        log=draft.log,
        model_version=model_version(endpoint, folder),
    )


def _ask(
    generation: Generation, endpoint: Endpoint, number: int, query: TestQuery, sources: Mapping[str, str]
) -> QueryOutcome:
    action = "lookup" if isinstance(endpoint, LookupEndpoint) else "predict"
    answer: Any = None
    record: tuple[EnrichedValue, ...] = ()
    timings: tuple[TimedPart, ...] = ()
    begun = perf_counter_ns()
    try:
        body = generation.call(endpoint.id, action, msgspec.json.encode(query.query))
        spent = (perf_counter_ns() - begun) / 1_000
        answer = msgspec.json.decode(body)
        timings = _timings(answer, spent)
        record = _record(endpoint, query, answer, sources)
        wrong = difference(query.expect, result_of(answer)) if query.expect is not None else None
    except ScorelineError as error:
        spent = (perf_counter_ns() - begun) / 1_000
        wrong = error.message
    return QueryOutcome(
        number=number,
        name=query.name,
        passed=wrong is None,
        message=wrong or "",
        query=query.query,
        expect=query.expect,
        answer=answer,
        microseconds=round(spent, 1),
        timings=timings,
        record=record,
        log=tuple(_log(action, query, answer, record, timings, wrong)),
    )


def _timings(answer: Mapping[str, Any], spent: float) -> tuple[TimedPart, ...]:
    told = answer.get("timing", {})
    parts = [TimedPart(part=part, microseconds=told[name]) for name, part in _PARTS.items() if name in told]
    rest = max(0.0, spent - sum(one.microseconds for one in parts))
    return (*parts, TimedPart(part="write", microseconds=round(rest, 1)))


def _record(
    endpoint: Endpoint, query: TestQuery, answer: Any, sources: Mapping[str, str]
) -> tuple[EnrichedValue, ...]:
    """What was scored, or found. Takes the record out of an answer of an endpoint that does not show it."""
    result = result_of(answer)
    if not isinstance(result, dict):
        return ()
    if isinstance(endpoint, LookupEndpoint):
        return tuple(
            EnrichedValue(name=name, value=value, source="lookup", dataset=None)
            for name, value in result.get("data", {}).items()
        )
    scored = result.get("postEnrichment", {})
    if not endpoint.return_post_enrichment:
        result.pop("postEnrichment", None)
    given = query.query.get("features", {})
    return tuple(_value(name, value, given, sources) for name, value in scored.items())


def _value(name: str, value: Any, given: Mapping[str, Any], sources: Mapping[str, str]) -> EnrichedValue:
    held = name in given and given[name] == value
    if held or name not in sources:
        return EnrichedValue(name=name, value=value, source="query", dataset=None)
    return EnrichedValue(name=name, value=value, source="lookup", dataset=sources[name])


def _log(
    action: str,
    query: TestQuery,
    answer: Any,
    record: Sequence[EnrichedValue],
    timings: Sequence[TimedPart],
    wrong: str | None,
) -> list[str]:
    """What happened, in words; values are for the answer to show."""
    given = next((one for one in query.query.values() if isinstance(one, dict)), {})
    lines = [f"{action}: a record of {len(given)} values"]
    found = [one for one in record if one.source == "lookup"]
    for dataset in dict.fromkeys(one.dataset for one in found if one.dataset):
        names = [one.name for one in found if one.dataset == dataset and one.value is not None]
        empty = [one.name for one in found if one.dataset == dataset and one.value is None]
        if names:
            lines.append(f"{dataset}: found {', '.join(names)}")
        if empty:
            lines.append(f"{dataset}: nothing for {', '.join(empty)}")
    result = result_of(answer)
    if isinstance(result, dict) and result.get("ignored"):
        lines.append(f"ignored: {result.get('ignoreReason', '')} {result.get('message', '')}".rstrip())
    lines += [f"{one.part}: {one.microseconds:g} µs" for one in timings]
    if wrong is not None:
        lines.append(f"failed: {wrong}")
    elif query.expect is not None:
        lines.append("the answer is as expected")
    return lines
