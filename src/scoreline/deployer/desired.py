"""What is desired of the nodes for a deployment, and the way to bring it there."""

from __future__ import annotations

from scoreline.core.deployment import Deployment, GenerationsMapping
from scoreline.deployer.node_service import NodeService
from scoreline.deployer.nodes import Node
from scoreline.deployer.plan import WantedService
from scoreline.deployer.services import Services


class Desired:
    """Deployments as what every one of their nodes is to hold."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of(self, deployment: Deployment) -> WantedService | None:
        """What a node is to hold: what is live, and in memory what was before; None: nothing at all.

        Raises NotFound when a version is gone.
        """
        if deployment.leaving or deployment.live is None:
            return None
        if not deployment.live_enabled:
            return WantedService(enabled=False)
        ready = self.digests(deployment.service, deployment.live)
        known = {one.version: one.digest for one in self._services.versions(deployment.service)}
        former = [name for mapping in deployment.former for name in mapping.generations]
        return WantedService(
            mapping=deployment.live,
            ready=ready,
            kept={name: known[name] for name in former if name in known and name not in ready},
            dropped={name: digest for name, digest in known.items() if name not in deployment.needed},
        )

    def digests(self, service: str, mapping: GenerationsMapping) -> dict[str, str]:
        """Generation -> digest of its package. Raises NotFound."""
        return {name: self._services.digest(service, name) for name in mapping.generations}

    def on(self, node: Node, deployment: Deployment) -> NodeService:
        """The deployment's service on one of its nodes."""
        return NodeService(node, deployment.service, deployment.deployed_service, self._services)
