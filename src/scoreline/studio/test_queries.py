"""Test queries of a service: asked in this process as a node would be, and added from rows of a dataset."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from msgspec import Struct

from scoreline.core.expectation import difference
from scoreline.core.names import did_you_mean
from scoreline.core.project import Kind, Project
from scoreline.core.service import (
    Endpoint,
    LookupEndpoint,
    PredictionEndpoint,
    Service,
    TestQuery,
    lookups_of,
)
from scoreline.errors import Invalid, NotFound, ScorelineError
from scoreline.node.generation import Generation, load_generation
from scoreline.storage.models import ModelStore
from scoreline.storage.project_edits import ProjectFiles
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import Tables, open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.freezing import Label, Progress, Workshop, freeze, named_service

MOST_ADDED = 1_000
"""Test queries added at a time: they stand in the service's file, for people to read."""


class TestOutcome(Struct, frozen=True, kw_only=True):
    """How one test query went."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    endpoint: str
    number: int
    """Counted from 1 in its endpoint."""
    name: str
    passed: bool
    """Answered, and as expected where something is expected."""
    message: str
    """What is wrong; empty when nothing is."""
    query: dict[str, Any]
    expect: dict[str, Any] | None
    answer: Any
    """The whole answer as JSON values; None when there is none."""
    milliseconds: float


def result_of(answer: Any) -> Any:
    """The result of one record in the answer of a prediction or lookup endpoint; None when there is none."""
    if not isinstance(answer, Mapping):
        return None
    results = answer.get("results")
    return results[0] if isinstance(results, Sequence) and results else answer.get("result")


def run_test_queries(
    folder: Path,
    service_id: str,
    *,
    endpoint_id: str | None = None,
    progress: Progress,
    environment: Mapping[str, str] | None = None,
) -> tuple[TestOutcome, ...]:
    """Freeze the service as it is now into a draft that is thrown away, and ask its test queries.

    `endpoint_id` None: of all endpoints. Raises what `freezing.freeze` raises; a query that fails raises
    nothing, its outcome says why.
    """
    project = read_project(folder)
    service = named_service(project, service_id)
    endpoints = service.endpoints if endpoint_id is None else (endpoint_of(service, service_id, endpoint_id),)
    workshop = Workshop(project, Workspace(folder), _tables(project, folder, environment), progress)
    with tempfile.TemporaryDirectory(prefix="scoreline-draft-") as name:
        package = Path(name)
        freeze(workshop, service_id, Label("draft", "draft"), package)
        generation = load_generation(package)
        return tuple(
            _ask(generation, endpoint, number, query)
            for endpoint in endpoints
            for number, query in enumerate(endpoint.test_queries, 1)
        )


def add_queries(
    folder: Path,
    service_id: str,
    endpoint_id: str,
    dataset_id: str,
    count: int,
    *,
    environment: Mapping[str, str] | None = None,
) -> tuple[TestQuery, ...]:
    """Add test queries made of the first `count` rows of a dataset to an endpoint, in the service's file.

    They are those of `candidates`. Raises as that, and Conflict when the file was changed meanwhile.
    """
    files = ProjectFiles(folder)
    revision = files.revision(Kind.SERVICE, service_id)
    added = candidates(folder, service_id, endpoint_id, dataset_id, count, environment=environment)
    service = named_service(read_project(folder), service_id)
    endpoint = endpoint_of(service, service_id, endpoint_id)
    changed = msgspec.structs.replace(endpoint, test_queries=(*endpoint.test_queries, *added))
    endpoints = tuple(changed if each.id == endpoint_id else each for each in service.endpoints)
    files.save(
        Kind.SERVICE, service_id, msgspec.structs.replace(service, endpoints=endpoints), since=revision
    )
    return added


def candidates(
    folder: Path,
    service_id: str,
    endpoint_id: str,
    dataset_id: str,
    count: int,
    *,
    skip: int = 0,
    environment: Mapping[str, str] | None = None,
) -> tuple[TestQuery, ...]:
    """Test queries of an endpoint made of `count` rows of a dataset, after the first `skip`.

    A prediction endpoint is asked for the model's features that the dataset has; where it lacks some, the
    keys of enrichments are added. A lookup endpoint is asked for its keys. Missing values are left out.
    Raises NotFound and Invalid.
    """
    if not 1 <= count <= MOST_ADDED:
        raise Invalid(f"{count} test queries cannot be added at once; choose 1 to {MOST_ADDED}")
    project = read_project(folder)
    endpoint = endpoint_of(named_service(project, service_id), service_id, endpoint_id)
    tables = _tables(project, folder, environment)
    known = [column.name for column in tables.schema(dataset_id)]
    names = _query_columns(endpoint, known, Workspace(folder))
    if not names:
        raise Invalid(
            f"dataset {dataset_id!r} has no column that endpoint {endpoint_id!r} asks for; "
            f"its columns are: {', '.join(known[:8])}{', …' if len(known) > 8 else ''}"
        )
    rows = itertools.islice(tables.rows(dataset_id, list(names.values())), skip, skip + count)
    body = "data" if isinstance(endpoint, LookupEndpoint) else "features"
    made = tuple(
        TestQuery(
            name=f"{dataset_id} row {number}",
            query={body: {name: value for name, value in zip(names, row, strict=True) if value is not None}},
        )
        for number, row in enumerate(rows, skip + 1)
    )
    if not made:
        some = f" after row {skip:,}" if skip else ""
        raise Invalid(f"dataset {dataset_id!r} has no rows{some} to make test queries of")
    return made


def _tables(project: Project, folder: Path, environment: Mapping[str, str] | None) -> Tables:
    return open_tables(project, folder, os.environ if environment is None else environment)


def endpoint_of(service: Service, service_id: str, endpoint_id: str) -> Endpoint:
    """An endpoint of a service. Raises NotFound, naming the nearest one."""
    for endpoint in service.endpoints:
        if endpoint.id == endpoint_id:
            return endpoint
    hint = did_you_mean(endpoint_id, [endpoint.id for endpoint in service.endpoints])
    raise NotFound(
        f"service {service_id!r} has no endpoint {endpoint_id[:40]!r}; {hint}", code="no-such-endpoint"
    )


def _ask(generation: Generation, endpoint: Endpoint, number: int, query: TestQuery) -> TestOutcome:
    action = "lookup" if isinstance(endpoint, LookupEndpoint) else "predict"
    answer: Any = None
    begun = perf_counter()
    try:
        body = generation.call(endpoint.id, action, msgspec.json.encode(query.query))
        milliseconds = (perf_counter() - begun) * 1_000
        answer = msgspec.json.decode(body)
        wrong = difference(query.expect, result_of(answer)) if query.expect is not None else None
    except ScorelineError as error:
        milliseconds = (perf_counter() - begun) * 1_000
        wrong = error.message
    return TestOutcome(
        endpoint=endpoint.id,
        number=number,
        name=query.name,
        passed=wrong is None,
        message=wrong or "",
        query=query.query,
        expect=query.expect,
        answer=answer,
        milliseconds=round(milliseconds, 3),
    )


def _query_columns(endpoint: Endpoint, known: Sequence[str], workspace: Workspace) -> dict[str, str]:
    """Name in the query -> column of the dataset."""
    if isinstance(endpoint, PredictionEndpoint):
        store = ModelStore(workspace.model(endpoint.model))
        features = [feature.name for feature in store.signature(store.active_version().id).features]
        names = {name: name for name in features if name in known}
        if len(names) == len(features):
            return names
        return {**names, **_keys(endpoint, known)}
    return _keys(endpoint, known)


def _keys(endpoint: Endpoint, known: Sequence[str]) -> dict[str, str]:
    return {
        key.query_name: name
        for lookup in lookups_of(endpoint)
        for key in lookup.keys
        for name in (key.column, key.query_name)  # the name in the query goes before
        if name in known
    }
