"""Messages of the control API (`/api/v1`), and the file by which programs on the same machine find it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping, Health, UpdateKind, UpdateOutcome, UpdateStep
from scoreline.core.package import PackagedLookup, PackagedModel
from scoreline.core.version_changes import VersionChanges
from scoreline.wire.control_traffic import Traffic

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
    project: str
    models: dict[str, str]
    """Model id -> its version, frozen into the package."""


class VersionDetails(Struct, frozen=True, kw_only=True):
    """A published version with all that is known of where it comes from."""

    version: Version
    endpoints: dict[str, str]
    """Endpoint -> `prediction` or `lookup`."""
    models: dict[str, PackagedModel]
    lookups: dict[str, PackagedLookup]
    libraries: dict[str, str]
    """Name -> version of the libraries that trained and packaged."""
    used_by: tuple[str, ...]
    """The deployments that use it, or could go back to it."""
    compared_with: str | None
    """Another version: the one that was asked for, or was published before it; None: it is the first."""
    changes: VersionChanges | None
    """What changed since that one."""


class SampleCode(Struct, frozen=True, kw_only=True):
    """A program that asks an endpoint of a deployment."""

    deployment: str
    endpoint: str
    language: str
    code: str


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
    """Its process, when the control plane keeps it running."""
    admin_key: str | None = None
    """Of a static infrastructure: where the key of its admin API is kept. Never the key itself."""


class Infrastructure(Struct, frozen=True, kw_only=True):
    """A pool of nodes."""

    id: str
    stage: str
    kind: str
    """`local`: the control plane keeps the nodes running beside it; `static`: somebody else does."""
    nodes: tuple[Node, ...]
    public_url: str | None
    """Where clients reach the pool, when something stands before its nodes."""
    connections: dict[str, str]
    """Connection name -> where its secret is kept. Never the secret itself."""
    revision: int
    """Counts its changes."""


class NewNode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node of a static infrastructure."""

    url: str
    """Where its admin API and its user API begin; may have a path."""
    admin_key: str
    """The key of its admin API, or where it is kept: `env:NAME` or `file:/path` of the control plane, or
    `secret:…` as it was told. A key that is given is kept by the control plane and never told."""
    id: str | None = None
    """None: what a node with this URL had, else the next free of `<infrastructure>-1`, `-2`, …"""


class InfrastructureSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of an infrastructure; what is left out gets its default."""

    stage: str = "Development"
    local_nodes: int = 1
    """Of kind local: how many nodes the control plane keeps running."""
    nodes: tuple[NewNode, ...] = ()
    """Of kind static: its nodes."""
    public_url: str | None = None
    """Where clients reach the pool, when something stands before its nodes."""
    connections: dict[str, str] = {}
    """Connection name -> its secret, or where that is kept, as for the keys of nodes."""


class NewInfrastructure(InfrastructureSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An infrastructure to make."""

    id: str
    kind: str = "local"
    """`local` or `static`; it stays."""


class NginxConfig(Struct, frozen=True, kw_only=True):
    """A configuration of nginx before the nodes of an infrastructure, for its http block."""

    infrastructure: str
    configuration: str


class Deleted(Struct, frozen=True, kw_only=True):
    """What is not there any more."""

    id: str


class StageDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage is for."""

    description: str = ""


class NewStage(StageDescription, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage to add after the last one."""

    id: str


class StageOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ids of all stages, in the order of promotion."""

    order: tuple[str, ...]


class EndpointUrl(Struct, frozen=True, kw_only=True):
    """Where one endpoint of a deployment answers."""

    id: str
    kind: str
    """`prediction` or `lookup`."""
    urls: tuple[str, ...]
    """One per node, to be followed by `/<action>`."""


class Update(Struct, frozen=True, kw_only=True):
    """One change of what a deployment answers with: who, when, from, to, and how it ended."""

    id: int
    deployment: str
    kind: UpdateKind
    rolling: bool
    """Whether the nodes are updated one by one."""
    enabled: bool
    """Whether the service is to be enabled on the nodes."""
    from_mapping: GenerationsMapping | None
    """What was live before; None: nothing."""
    to_mapping: GenerationsMapping
    from_version: str | None
    """The one version that was live before; None when there was none, or there were several."""
    to_version: str | None
    """The one version that it brings; None when it brings several."""
    by: str
    started_at: str
    finished_at: str | None
    """None while it runs."""
    outcome: UpdateOutcome
    message: str
    """Why it failed."""
    cause: str | None
    """The step of a scenario's run that started it, as `run:12/3`; null: a person did."""
    steps: tuple[UpdateStep, ...]
    log: tuple[str, ...]
    """One line per thing done, each with its time of day and its node."""


class Deployment(Struct, frozen=True, kw_only=True):
    """A deployment: what is saved, what is live, what the nodes serve, and how it does."""

    id: str
    service: str
    infrastructure: str
    deployed_service: str
    """The id of the service on the nodes."""
    enabled: bool
    tags: tuple[str, ...]
    mapping: GenerationsMapping | None
    """What is saved: the next update brings it live."""
    live: GenerationsMapping | None
    """What the last update that succeeded brought live; None before the first."""
    live_enabled: bool
    """Whether that update left the service enabled on the nodes."""
    version: str | None
    """The one version that is live; None when none is, or several are."""
    revision: int
    """Counts the changes of what is saved."""
    serving: dict[str, str | None]
    """Node id -> the version that it serves; None: none, several, or the node does not answer."""
    health: Health
    messages: tuple[str, ...]
    endpoints: tuple[EndpointUrl, ...]
    last_update: Update | None
    """Without its steps and its log."""
    traffic: Traffic | None = None
    """What its nodes answered in the last minutes; None: they have not told yet."""


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
    version: str | None = None
    """One version that is to answer everything; or else a mapping."""
    mapping: GenerationsMapping | None = None
    infrastructure: str = "local"
    id: str | None = None
    """None: `<service>-on-<infrastructure>`."""
    deployed_service: str | None = None
    """The id of the service on the nodes. None: that of the service."""
    enabled: bool = True
    tags: tuple[str, ...] = ()
    start: bool = True
    """Whether to bring it live at once, by its first update."""


class DeploymentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be saved of a deployment; what is left out stays. An update brings it live on the nodes."""

    version: str | None = None
    """One version that is to answer everything; or else a mapping."""
    mapping: GenerationsMapping | None = None
    enabled: bool | None = None
    tags: tuple[str, ...] | None = None


class NewCopy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A copy of a deployment to make on another infrastructure."""

    infrastructure: str
    id: str | None = None
    """None: `<service>-on-<infrastructure>`."""


class NewPromotion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is live on a deployment, to be brought to the next stage."""

    infrastructure: str | None = None
    """Which one of the next stage; None: the one that has the service, or the only one."""


class NewRollback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way back."""

    version: str | None = None
    """None: what was live before."""


class NewPruning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions to delete. One that a deployment uses, or could go back to, always stays."""

    service: str | None = None
    """None: of all services."""
    keep_last: int = 1
    """How many of the newest versions of each service stay in any case."""
    dry_run: bool = False
    """Only say which ones."""


class Project(Struct, frozen=True, kw_only=True):
    """A project that the control plane knows."""

    key: str
    """Its name in URLs; no other project's."""
    folder: str
    """On the control plane's machine."""
    name: str
    description: str
    problem: str = ""
    """Why it cannot be used now; empty when it can."""
    own: bool = False
    """Whether the control plane has made the folder, so that it can be deleted with the project."""
    making: bool = False
    """Whether a job is to make the folder, which is not there yet."""


class NewProject(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project to know."""

    folder: str
    """Its whole path on the control plane's machine."""
    key: str | None = None
    """None: the id in its `project.yaml`."""


class NewUpdate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update to start. With neither a version nor a mapping it brings live what is saved."""

    version: str | None = None
    """Saved first, as what answers everything."""
    mapping: GenerationsMapping | None = None
    """Saved first."""
    kind: UpdateKind = UpdateKind.LIGHT
    rolling: bool = False
    """Whether the nodes are updated one by one instead of all at once."""


class TestAnswer(Struct, frozen=True, kw_only=True):
    """What one node answered to one test query."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    node: str
    generation: str
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
    """The test queries of what is live, asked on every node."""

    __test__ = False

    deployment: str
    version: str | None
    """The one version that is live; None when several are."""
    passed: bool
    answers: tuple[TestAnswer, ...]


class Event(Struct, frozen=True, kw_only=True):
    """Something changed."""

    id: int
    """Counts up; with it a reader goes on where it was."""
    at: str
    who: str
    what: str
    """A verb: `create`, `save`, …"""
    kind: str
    """Of the object: `deployment`, `service`, …"""
    object: str
    """Its id."""
    revision: int | None
    """The object's after the change, where it has one."""


class SavedSettings(Struct, frozen=True, kw_only=True):
    """What is saved of a deployment; an update brings it live."""

    id: str
    enabled: bool
    tags: tuple[str, ...]
    mapping: GenerationsMapping | None
    revision: int


class WholeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be saved of a deployment, in place of all that is. An update brings it live on the nodes."""

    version: str | None = None
    """One version that is to answer everything; or else a mapping. One of the two is needed."""
    mapping: GenerationsMapping | None = None
    enabled: bool = True
    tags: tuple[str, ...] = ()
