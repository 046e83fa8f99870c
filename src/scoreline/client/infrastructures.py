"""Calls on infrastructures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from scoreline.client.connection import Connection, path_to
from scoreline.wire.control import (
    Deleted,
    Infrastructure,
    InfrastructureSettings,
    NewInfrastructure,
    NewNode,
    NginxConfig,
)

Nodes = Mapping[str, str] | Sequence[NewNode]
"""URL -> the key of its admin API, or where that is kept: `env:NAME`, `file:/path`; or nodes with ids."""


class InfrastructureCalls:
    """What `scoreline infra` does."""

    _control: Connection

    def infrastructures(self) -> tuple[Infrastructure, ...]:
        """All infrastructures, with their nodes as they are just now."""
        return self._control.all("/infrastructures", Infrastructure)

    def infrastructure(self, infrastructure: str) -> Infrastructure:
        """One infrastructure, with its nodes as they are just now. Raises NotFound, naming the nearest."""
        return self._control.call("GET", path_to("infrastructures", infrastructure), Infrastructure)

    def create_infrastructure(
        self,
        infrastructure: str,
        *,
        kind: str = "local",
        stage: str = "Development",
        local_nodes: int = 1,
        nodes: Nodes = (),
        public_url: str | None = None,
        connections: Mapping[str, str] | None = None,
    ) -> Infrastructure:
        """Make an infrastructure of kind `local` or `static`; its nodes need not be up.

        `connections`: name -> its secret, or where that is kept. Keys and secrets themselves are kept by the
        control plane and never told again. Raises Invalid, NotFound for an unknown stage, Conflict when the
        id is taken.
        """
        wanted = NewInfrastructure(
            id=infrastructure,
            kind=kind,
            stage=stage,
            local_nodes=local_nodes,
            nodes=_nodes(nodes),
            public_url=public_url,
            connections=dict(connections or {}),
        )
        return self._make_infrastructure(wanted)

    def change_infrastructure(
        self,
        infrastructure: str,
        *,
        stage: str | None = None,
        local_nodes: int | None = None,
        nodes: Nodes | None = None,
        public_url: str | None = None,
        connections: Mapping[str, str] | None = None,
    ) -> Infrastructure:
        """Change what is given of an infrastructure; what is None stays. `public_url`: empty for none.

        Nodes and connections are replaced whole; a node keeps its id by its URL. Raises NotFound, Invalid,
        and Conflict (code `stale-revision`) when somebody else changes it at the same time.
        """
        found = self.infrastructure(infrastructure)
        given = {
            "stage": stage,
            "local_nodes": local_nodes,
            "nodes": None if nodes is None else _nodes(nodes),
            "public_url": public_url,
            "connections": None if connections is None else dict(connections),
        }
        changes = {name: value for name, value in given.items() if value is not None}
        wanted = replace(settings_of(found), **changes)
        return self._settle_infrastructure(infrastructure, wanted, revision=found.revision)

    def delete_infrastructure(self, infrastructure: str) -> None:
        """Delete an infrastructure; local nodes end, static ones are left as they are.

        Raises NotFound, and Conflict while there are deployments on it.
        """
        self._control.call("DELETE", path_to("infrastructures", infrastructure), Deleted)

    def nginx_config(self, infrastructure: str, *, listen: str | None = None) -> str:
        """The configuration of an nginx before its nodes, for the http block; `listen`: [ADDRESS:]PORT.

        Raises NotFound, and Invalid when there can be none, such as for nodes whose addresses are unknown.
        """
        path = path_to("infrastructures", infrastructure, "nginx-config", listen=listen)
        return self._control.call("GET", path, NginxConfig).configuration

    def _make_infrastructure(self, wanted: NewInfrastructure) -> Infrastructure:
        return self._control.call("POST", "/infrastructures", Infrastructure, body=wanted)

    def _settle_infrastructure(
        self, infrastructure: str, wanted: InfrastructureSettings, *, revision: int
    ) -> Infrastructure:
        path = path_to("infrastructures", infrastructure)
        return self._control.call("PUT", path, Infrastructure, body=wanted, revision=revision)


def settings_of(infrastructure: Infrastructure) -> InfrastructureSettings:
    """The settings of an infrastructure as it was read."""
    local = infrastructure.kind == "local"
    return InfrastructureSettings(
        stage=infrastructure.stage,
        local_nodes=len(infrastructure.nodes) if local else 1,
        nodes=()
        if local
        else tuple(
            NewNode(id=node.id, url=node.url, admin_key=node.admin_key or "") for node in infrastructure.nodes
        ),
        public_url=infrastructure.public_url,
        connections=infrastructure.connections,
    )


def _nodes(given: Nodes) -> tuple[NewNode, ...]:
    if isinstance(given, Mapping):
        return tuple(NewNode(url=url, admin_key=key) for url, key in given.items())
    return tuple(given)
