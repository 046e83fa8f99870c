"""Messages of the control API about services of a project: definitions, test queries and versions."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.model import Task
from scoreline.core.schema import ColumnType
from scoreline.core.service import Service, TestQuery
from scoreline.core.version_changes import VersionChanges


class ServiceDefinition(Service, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service of a project is."""


class NewServiceDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service to be made in a project."""

    id: str
    definition: ServiceDefinition = ServiceDefinition()


class NewServiceId(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The id that a service of a project is to get."""

    id: str


class NewServiceKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key of a service to be made."""

    label: str
    """Whom it is for."""


class MadeServiceKey(Struct, frozen=True, kw_only=True):
    """A key of a service. It is shown this once; the service keeps its hash alone."""

    label: str
    key: str


class DesignedEndpoint(Struct, frozen=True, kw_only=True):
    """An endpoint of a service, in short."""

    id: str
    kind: str
    """`prediction` or `lookup`."""
    model: str | None
    """None: it has none."""
    datasets: tuple[str, ...]
    """Where its lookups look."""
    test_queries: int


class DesignedService(Struct, frozen=True, kw_only=True):
    """A service of a project, in short."""

    id: str
    project: str
    name: str
    description: str
    endpoints: tuple[DesignedEndpoint, ...]
    authorization: str
    versions: int
    last_version: str | None
    """The id of the version made last; None: none was."""
    problem: str
    """Why its file cannot be used; empty when it can."""


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is wrong in a definition, and where."""

    field: str
    """The keys and positions that lead to it, such as `endpoints[0].enrichments[1].dataset`; may be empty."""
    message: str
    stands_against: Literal["saving", "packaging"]
    """What cannot be done until it is put right."""


class Findings(Struct, frozen=True, kw_only=True):
    """What is wrong in a definition."""

    findings: tuple[Finding, ...]
    """Empty: nothing is."""


class WholeService(Struct, frozen=True, kw_only=True):
    """A service of a project with its definition."""

    service: DesignedService
    definition: ServiceDefinition | None
    """None: its file is not sound."""
    revision: str
    """Of the definition: the digest of its file."""


class EndpointInput(Struct, frozen=True, kw_only=True):
    """One value that a record may hold."""

    name: str
    type: ColumnType
    required: bool
    """Whether a record without it gets no prediction."""
    description: str
    examples: tuple[str | float, ...]
    enriched_from: str | None
    """The dataset in which it is found when it is left out; None: in none."""


class EndpointOutput(Struct, frozen=True, kw_only=True):
    """One column that the lookups of an endpoint add."""

    name: str
    type: ColumnType


class EndpointTakes(Struct, frozen=True, kw_only=True):
    """What an endpoint takes and gives, as it is defined now."""

    endpoint: str
    kind: str
    action: str
    """How it is usually asked: `predict` or `lookup`."""
    record: str
    """Under which name a query holds the record: `features` or `data`."""
    inputs: tuple[EndpointInput, ...]
    found: tuple[EndpointOutput, ...]
    task: Task | None
    """Of its model; None: it has none."""
    target: str
    """What the model predicts; empty: it has no model."""
    classes: tuple[str, ...]
    model_version: str | None
    query_schema: dict[str, Any]
    """JSON schema of the body of a query."""
    example: dict[str, Any]
    """A query to begin with."""


class QueryRun(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Test queries to ask an endpoint as it is defined now."""

    queries: tuple[TestQuery, ...] | None = None
    """None: those that are saved."""
    definition: ServiceDefinition | None = None
    """Ask this instead of what is saved; None: ask what is saved."""


class TimedPart(Struct, frozen=True, kw_only=True):
    """One part of the work of an answer."""

    part: str
    """`read`, `enrich`, `lookup`, `predict`, `write`."""
    microseconds: float


class EnrichedValue(Struct, frozen=True, kw_only=True):
    """A value of the record as it was when it was scored."""

    name: str
    value: Any
    source: Literal["query", "lookup"]
    dataset: str | None
    """In which it was found; None: the query holds it."""


class QueryOutcome(Struct, frozen=True, kw_only=True):
    """How one test query went."""

    number: int
    """Counted from 1."""
    name: str
    passed: bool
    """Answered, and as expected where something is expected."""
    message: str
    """What is wrong; empty when nothing is."""
    query: dict[str, Any]
    expect: dict[str, Any] | None
    answer: Any
    """The whole answer; None when there is none."""
    microseconds: float
    timings: tuple[TimedPart, ...]
    record: tuple[EnrichedValue, ...]
    """Of a prediction: the features that the model saw. Of a lookup: the columns found."""
    log: tuple[str, ...]


class QueryOutcomes(Struct, frozen=True, kw_only=True):
    """How the test queries of an endpoint went."""

    endpoint: str
    outcomes: tuple[QueryOutcome, ...]
    log: tuple[str, ...]
    """What was done before the first was asked."""
    model_version: str | None


class Candidates(Struct, frozen=True, kw_only=True):
    """Rows of a dataset as test queries of an endpoint; they are not saved."""

    queries: tuple[TestQuery, ...]


class MadeVersion(Struct, frozen=True, kw_only=True):
    """A version of a service in its project."""

    id: str
    digest: str
    """Content digest of the package."""
    size: int
    """Bytes of the archive."""
    release_notes: str
    created_by: str
    created_at: str
    endpoints: dict[str, str]
    """Endpoint -> `prediction` or `lookup`."""
    models: dict[str, str]
    """Model id -> its version."""
    lookups: dict[str, int]
    """Dataset -> rows that travel along."""
    problem: str
    """Why its archive cannot be used; empty when it can."""


class NewVersion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version to be made of a service as it is defined now."""

    id: str | None = None
    """None: the next of v1, v2, …"""
    release_notes: str = ""
    publish_as: str | None = None
    """The published service that gets the version once it is made; None: it is not published."""


class NewPublication(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a project's service to be published on the deployer."""

    service: str | None = None
    """As a version of this published service, which is made if there is none; None: of the same id."""


class DraftChanges(Struct, frozen=True, kw_only=True):
    """What a new version would change."""

    next_version: str
    """The id that is offered."""
    compared_with: str | None
    """The version that it is compared with; None: there is none yet."""
    changes: VersionChanges | None
    before: ServiceDefinition | None
    """The service as that version has it."""
    after: ServiceDefinition
    findings: tuple[Finding, ...]
    """What stands against making a version now."""
