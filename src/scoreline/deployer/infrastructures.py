"""Infrastructures and their nodes."""

from __future__ import annotations

from collections.abc import Mapping

from scoreline.core.deployment import Infrastructure
from scoreline.core.names import did_you_mean
from scoreline.deployer.local_node import LocalNode
from scoreline.errors import NotFound
from scoreline.storage.catalog import Catalog

LOCAL = Infrastructure(id="local", stage="Development", kind="local")
"""The infrastructure that is there from the first start on."""


class Infrastructures:
    """The infrastructures of the catalog, each with the nodes that belong to it."""

    def __init__(self, catalog: Catalog, nodes: Mapping[str, tuple[LocalNode, ...]]) -> None:
        self._catalog = catalog
        self._nodes = dict(nodes)
        catalog.ensure_infrastructure(LOCAL)

    def all(self) -> list[Infrastructure]:
        """All infrastructures, sorted by id."""
        return self._catalog.infrastructures()

    def one(self, infrastructure: str) -> Infrastructure:
        """One infrastructure. Raises NotFound, naming the nearest one."""
        known = {found.id: found for found in self.all()}
        if infrastructure not in known:
            hint = did_you_mean(infrastructure, known)
            raise NotFound(f"no infrastructure {infrastructure!r}; {hint}", code="no-such-infrastructure")
        return known[infrastructure]

    def nodes(self, infrastructure: str) -> tuple[LocalNode, ...]:
        """The nodes of an infrastructure."""
        return self._nodes.get(infrastructure, ())

    def start(self) -> None:
        """Start or adopt every node."""
        for nodes in self._nodes.values():
            for node in nodes:
                node.start()

    def stop(self) -> None:
        """Stop every node."""
        for nodes in self._nodes.values():
            for node in nodes:
                node.stop()
