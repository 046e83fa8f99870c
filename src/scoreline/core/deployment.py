"""Deployments: a service kept on one infrastructure, by which generations it answers, and its updates."""

from __future__ import annotations

import math
from enum import Enum

import msgspec
from msgspec import Struct

from scoreline.errors import Invalid

MOST_GENERATIONS = 20
_TOLERANCE = 1e-9
_KEPT_MAPPINGS = 2


class Health(Enum):
    """How a deployment does."""

    HEALTHY = "HEALTHY"
    """Every node answers as wanted."""
    WARNING = "WARNING"
    """It answers, but not as wanted (another version, a node missing)."""
    ERROR = "ERROR"
    """It does not answer."""
    NO_STATUS = "NO_STATUS"
    """Never deployed, or disabled."""


class UpdateKind(Enum):
    """How thorough an update is. Neither loses a query."""

    LIGHT = "light"
    """What is missing is loaded, then every node switches; nothing is restarted."""
    FULL = "full"
    """Everything is installed again, and the workers are replaced one by one."""


class UpdateOutcome(Enum):
    """How an update of a deployment ended."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    """What was live before it still is."""
    CANCELLED = "CANCELLED"
    """Somebody ended it; what was live before it still is."""


class MappingEntry(Struct, frozen=True):
    """A generation and its share of the queries."""

    generation: str
    proba: float


class GenerationsMapping(Struct, frozen=True):
    """Which generations answer, with which probability. One that cannot be raises Invalid when it is made."""

    entries: tuple[MappingEntry, ...]

    def __post_init__(self) -> None:
        wrong = _what_is_wrong(self.entries)
        if wrong:
            raise Invalid(f"the generations mapping cannot be: {wrong}", code="bad-mapping")

    @property
    def version(self) -> str | None:
        """The generation that answers everything; None when several do."""
        return self.entries[0].generation if len(self.entries) == 1 else None

    @property
    def generations(self) -> tuple[str, ...]:
        """The generations that answer, as they were given."""
        return tuple(entry.generation for entry in self.entries)

    def __str__(self) -> str:
        if len(self.entries) == 1:
            return self.entries[0].generation
        return ", ".join(f"{entry.generation} {100 * entry.proba:g} %" for entry in self.entries)


class Deployment(Struct, frozen=True, kw_only=True):
    """A service kept on one infrastructure: what is saved, and what was brought live."""

    id: str
    service: str
    infrastructure: str
    deployed_service: str
    """The id of the service on the nodes."""
    enabled: bool = True
    tags: tuple[str, ...] = ()
    mapping: GenerationsMapping | None = None
    """What is saved: the next update brings it live."""
    live: GenerationsMapping | None = None
    """What the last update that succeeded brought live, and the nodes are kept at; None before the first."""
    live_enabled: bool = True
    """Whether that update left the service enabled on the nodes."""
    former: tuple[GenerationsMapping, ...] = ()
    """What was live before, the last one first: the nodes keep it in memory, to go back to at once."""
    leaving: bool = False
    """Whether it is being deleted: the nodes are to lose the service, then it goes."""
    revision: int = 1
    """Counts the changes of what is saved."""

    @property
    def version(self) -> str | None:
        """The one version that is live; None when none is, or several are."""
        return self.live.version if self.live else None

    @property
    def needed(self) -> frozenset[str]:
        """The generations that it, or going back from it, needs."""
        mappings = (self.mapping, self.live, *self.former)
        return frozenset(name for one in mappings if one for name in one.generations)


class StepOutcome(Enum):
    """How a step of an update ended."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class UpdateStep(Struct, frozen=True, kw_only=True):
    """One step of an update, on one node."""

    number: int
    """Counted from 1 in each update."""
    node: str
    name: str
    """install, preload, prove, switch, …"""
    started_at: str
    finished_at: str | None = None
    outcome: StepOutcome = StepOutcome.RUNNING
    log: tuple[str, ...] = ()


class Update(Struct, frozen=True, kw_only=True):
    """One change of what is live: who, when, from, to, and how it ended."""

    id: int
    deployment: str
    kind: UpdateKind = UpdateKind.LIGHT
    rolling: bool = False
    """Whether the nodes are updated one by one instead of all at once."""
    from_mapping: GenerationsMapping | None
    """What was live before; None: nothing."""
    to_mapping: GenerationsMapping
    enabled: bool = True
    """Whether the service is to be enabled on the nodes."""
    by: str
    started_at: str
    """ISO 8601, UTC."""
    finished_at: str | None = None
    """None while it runs."""
    outcome: UpdateOutcome = UpdateOutcome.RUNNING
    message: str = ""
    """Why it failed."""
    cause: str | None = None
    """The step of a scenario's run that started it, as `run:12/3`; None: a person did."""
    steps: tuple[UpdateStep, ...] = ()
    log: tuple[str, ...] = ()
    """One line per thing done, each with its time of day and its node."""


def same_mapping(one: GenerationsMapping | None, other: GenerationsMapping | None) -> bool:
    """Whether the same generations answer with the same probabilities, in whatever order."""
    if one == other:
        return True
    if one is None or other is None:
        return False
    shares = {entry.generation: entry.proba for entry in one.entries}
    others = {entry.generation: entry.proba for entry in other.entries}
    return shares.keys() == others.keys() and all(
        abs(share - others[generation]) <= _TOLERANCE for generation, share in shares.items()
    )


def brought_live(deployment: Deployment, update: Update) -> Deployment:
    """The deployment after an update that succeeded. Of what was live before, the last ones are kept."""
    before = (deployment.live, *deployment.former)
    former = [one for one in before if one is not None and not same_mapping(one, update.to_mapping)]
    return msgspec.structs.replace(
        deployment,
        live=update.to_mapping,
        live_enabled=update.enabled,
        former=tuple(former[:_KEPT_MAPPINGS]),
    )


def single(version: str) -> GenerationsMapping:
    """The mapping by which one version answers everything."""
    return GenerationsMapping((MappingEntry(version, 1.0),))


def default_deployment_id(service: str, infrastructure: str) -> str:
    """The id offered for a new deployment."""
    return f"{service}-on-{infrastructure}"


def _what_is_wrong(entries: tuple[MappingEntry, ...]) -> str | None:
    if not 1 <= len(entries) <= MOST_GENERATIONS:
        return f"it has {len(entries)} generations; give 1 to {MOST_GENERATIONS}"
    generations = [entry.generation for entry in entries]
    doubled = next((name for name in generations if generations.count(name) > 1), None)
    if doubled is not None:
        return f"generation {doubled[:40]!r} is in it twice"
    bad = next((entry for entry in entries if not 0 < entry.proba <= 1), None)
    if bad is not None:
        return f"the probability of {bad.generation[:40]!r} is not above 0 and at most 1"
    total = math.fsum(entry.proba for entry in entries)
    if abs(total - 1) > _TOLERANCE:
        return f"the probabilities add up to {total:g}, not 1"
    return None
