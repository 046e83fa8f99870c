"""Declared deployments: stages, infrastructures and deployments as a file says that they are to be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from msgspec import Struct

from scoreline.core.complaint import Spot
from scoreline.core.deployment import (
    Deployment,
    GenerationsMapping,
    MappingEntry,
    default_deployment_id,
    single,
)
from scoreline.core.infrastructure import Infrastructure, SecretReference, StaticNode, base_url, node_ids
from scoreline.core.stage import Stage
from scoreline.errors import Problem

Section = Literal["stages", "infrastructures", "deployments"]
SECTIONS: tuple[Section, ...] = get_args(Section)


class DeclaredStage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage of the lifecycle."""

    id: str
    description: str | None = None
    """What it is for. None: as it is."""


class DeclaredNode(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node that somebody else runs."""

    url: str
    """Where its admin API and its user API begin; may have a path."""
    admin_key: str
    """Where the key of its admin API is kept: `env:NAME` or `file:/path` of the control plane."""
    id: str | None = None
    """None: what a node with this URL has, else the next free of `<infrastructure>-1`, `-2`, …"""


class DeclaredInfrastructure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pool of API nodes."""

    id: str
    kind: Literal["local", "static"] = "local"
    """`local`: the control plane starts its nodes beside it; `static`: they run elsewhere."""
    stage: str = "Development"
    local_nodes: int = 1
    """Of kind local: how many nodes."""
    nodes: tuple[DeclaredNode, ...] = ()
    """Of kind static: its nodes."""
    public_url: str | None = None
    """Where clients reach the pool, when something stands before its nodes."""
    connections: dict[str, str] = {}
    """Connection name -> where its secret is kept, as for the keys of nodes."""


class DeclaredDeployment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service kept on an infrastructure. It has a version or a mapping."""

    service: str
    infrastructure: str = "local"
    id: str | None = None
    """None: `<service>-on-<infrastructure>`."""
    version: str | None = None
    """The published version that answers everything."""
    mapping: dict[str, float] | None = None
    """Instead of a version: versions that answer, each with its share; the shares add up to 1."""
    deployed_service: str | None = None
    """The id of the service on the nodes. None: that of the service."""
    enabled: bool = True
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its id."""
        return self.id or default_deployment_id(self.service, self.infrastructure)


class Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be there. A section that is left out is left as it is."""

    stages: tuple[DeclaredStage, ...] | None = None
    """In the order of promotion."""
    infrastructures: tuple[DeclaredInfrastructure, ...] | None = None
    deployments: tuple[DeclaredDeployment, ...] | None = None

    def ids(self, section: Section) -> tuple[str, ...] | None:
        """The ids that a section declares; None when it is left out."""
        if section == "deployments":
            return None if self.deployments is None else tuple(one.name for one in self.deployments)
        found = self.stages if section == "stages" else self.infrastructures
        return None if found is None else tuple(one.id for one in found)


@dataclass(frozen=True)
class Declaration:
    """What is declared, and where each part of it stands."""

    declared: Declared
    file: str = ""
    """Empty: it was made in a program."""
    line: Callable[[tuple[str | int, ...]], int] = lambda _: 0

    def problems(self, spots: Iterable[Spot]) -> list[Problem]:
        """What is wrong, with the lines where it stands."""
        return [
            Problem(self.file or "declared", self.line(at), f"{_dotted(at)}: {message}")
            for at, message in spots
        ]


class Present(Struct, frozen=True, kw_only=True):
    """What is there."""

    stages: tuple[Stage, ...]
    """In the order of promotion."""
    infrastructures: tuple[Infrastructure, ...]
    deployments: tuple[Deployment, ...]
    versions: dict[str, tuple[str, ...]]
    """Published service -> its versions."""


def infrastructure_of(declared: DeclaredInfrastructure, present: Infrastructure | None) -> Infrastructure:
    """The infrastructure that is declared. Raises Invalid."""
    known = {node.url: node.id for node in present.nodes} if present else {}
    urls = [base_url(node.url, "the URL of a node") for node in declared.nodes]
    given = [node.id or known.get(url) for node, url in zip(declared.nodes, urls, strict=True)]
    nodes = [
        StaticNode(id=id_, url=url, admin_key=SecretReference(node.admin_key))
        for id_, url, node in zip(node_ids(declared.id, given), urls, declared.nodes, strict=True)
    ]
    public = base_url(declared.public_url, "a public URL") if declared.public_url else None
    return Infrastructure(
        id=declared.id,
        stage=declared.stage,
        kind=declared.kind,
        local_nodes=declared.local_nodes,
        nodes=tuple(nodes),
        public_url=public,
        connections={name: SecretReference(secret) for name, secret in declared.connections.items()},
        revision=present.revision if present else 1,
    )


def deployment_of(declared: DeclaredDeployment, present: Deployment | None) -> Deployment:
    """The deployment that is declared, with what is live on it now. Raises Invalid."""
    if declared.mapping is not None:
        shares = declared.mapping.items()
        mapping = GenerationsMapping(tuple(MappingEntry(name, float(share)) for name, share in shares))
    else:
        mapping = single(declared.version or "")
    return Deployment(
        id=declared.name,
        service=declared.service,
        infrastructure=declared.infrastructure,
        deployed_service=declared.deployed_service or declared.service,
        enabled=declared.enabled,
        tags=tuple(dict.fromkeys(declared.tags)),
        mapping=mapping,
        live=present.live if present else None,
        live_enabled=present.live_enabled if present else True,
        revision=present.revision if present else 1,
    )


def _dotted(at: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).lstrip(".")
