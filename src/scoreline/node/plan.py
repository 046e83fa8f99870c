"""Plans: what the supervisor tells its workers to hold and to answer with, and the requests they pass on."""

from __future__ import annotations

from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping


class PlannedGeneration(Struct, frozen=True):
    """A generation to hold in memory."""

    folder: str
    digest: str
    rows: dict[str, int]
    """Endpoint -> its row in the shared counters."""
    key_rows: dict[str, int]
    """Label of a service key -> its row."""
    damage: str = ""
    """What is wrong with its files, if anything is: it is not to be loaded then."""


class PlannedService(Struct, frozen=True):
    """What a service answers with."""

    enabled: bool
    mapping: GenerationsMapping | None
    generations: dict[str, PlannedGeneration]


class PlannedKey(Struct, frozen=True):
    """A key of the admin API beside that of the key file."""

    sha256: str
    expires_at: float | None


class Plan(Struct, frozen=True):
    """Everything a worker holds, once the plan is committed."""

    number: int
    services: dict[str, PlannedService]
    keys: tuple[PlannedKey, ...]


class Prepared(Struct, frozen=True):
    """A worker's answer to a plan: ready to commit it, but for these."""

    number: int
    """Of the plan."""
    failures: dict[str, str]
    """`service/generation` -> why it cannot be loaded."""


class Passed(Struct, frozen=True):
    """A request that a worker passes on to the supervisor."""

    worker: int
    """The number of the worker."""
    method: str
    path: tuple[str, ...]
    parameters: dict[str, str]
    body: bytes
    archive: str | None = None
    """File with the body of an upload."""


class Reply(Struct, frozen=True):
    """The supervisor's answer to a request."""

    status: int
    body: bytes
    content_type: str = "application/json"
    extra_headers: str = ""
    """Whole lines, each with its end."""
