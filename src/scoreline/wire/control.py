"""Messages of the control API (`/api/v1`), and the file by which programs on the same machine find it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scoreline.core.deployment import Health, Update

SERVER_FILE = "server.json"
"""Name of the ServerFile in the home folder."""

LAST_HOME = "last-home"
"""Name of a file in the default home folder: the path of the home of a control plane that lives elsewhere,
for those who do not say which one they mean. It counts where the default home has none of its own."""

LONGEST_JSON = 1 << 20
"""Bytes of the longest JSON body that the control API reads."""


class ServerFile(Struct, frozen=True, kw_only=True):
    """Where the control plane of a home folder listens, and this machine's key for it. Mode 0600."""

    url: str
    pid: int
    key: str


class Version(Struct, frozen=True, kw_only=True):
    """A published version of a service."""

    service: str
    version: str
    digest: str
    """Content digest of the package."""
    size: int
    """Bytes of the archive."""
    release_notes: str
    created_by: str
    created_at: str
    """ISO 8601, UTC, as all times here."""
    published_by: str
    published_at: str
    models: dict[str, str]
    """Model id -> its version, frozen into the package."""


class Service(Struct, frozen=True, kw_only=True):
    """A published service and its versions, oldest first."""

    id: str
    versions: tuple[Version, ...]


class Node(Struct, frozen=True, kw_only=True):
    """One API node of an infrastructure, as it was seen just now."""

    id: str
    url: str
    """Empty before its first start."""
    up: bool
    message: str = ""
    """Why it is not up."""
    pid: int | None = None


class Infrastructure(Struct, frozen=True, kw_only=True):
    """A pool of nodes."""

    id: str
    stage: str
    kind: str
    nodes: tuple[Node, ...]


class EndpointUrl(Struct, frozen=True, kw_only=True):
    """Where one endpoint of a deployment answers."""

    id: str
    kind: str
    """`prediction` or `lookup`."""
    urls: tuple[str, ...]
    """One per node, to be followed by `/<action>`."""


class Deployment(Struct, frozen=True, kw_only=True):
    """A deployment: what is wanted, what the nodes serve, and how it does."""

    id: str
    service: str
    infrastructure: str
    version: str | None
    """The version that is wanted; None until a first update has succeeded."""
    serving: dict[str, str | None]
    """Node id -> the version that it serves; None: none, or the node does not answer."""
    health: Health
    messages: tuple[str, ...]
    endpoints: tuple[EndpointUrl, ...]
    last_update: Update | None


class Status(Struct, frozen=True, kw_only=True):
    """Everything at a glance."""

    version: str
    """Of Scoreline."""
    url: str
    pid: int
    infrastructures: tuple[Infrastructure, ...]
    deployments: tuple[Deployment, ...]


class NewDeployment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment to make."""

    service: str
    version: str
    infrastructure: str = "local"
    id: str | None = None
    """None: `<service>-on-<infrastructure>`."""


class NewUpdate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update to start."""

    version: str


class TestAnswer(Struct, frozen=True, kw_only=True):
    """What one node answered to one test query."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    node: str
    endpoint: str
    number: int
    """Which of the endpoint's test queries, counted from 1."""
    name: str
    passed: bool
    message: str
    """Why it did not pass."""
    answer: Any
    """The node's whole answer; None when it refused."""


class TestRun(Struct, frozen=True, kw_only=True):
    """The test queries of a deployment's version, asked on every node."""

    __test__ = False

    deployment: str
    version: str
    passed: bool
    answers: tuple[TestAnswer, ...]
