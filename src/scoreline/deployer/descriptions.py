"""Descriptions of deployments: what is live, as OpenAPI and as sample code."""

from __future__ import annotations

from typing import Any

from scoreline.core.deployment import Deployment
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.package import PublishedVersion
from scoreline.deployer.endpoint_schemas import endpoint_schemas
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.sample_code import SampleQuery, sample_code
from scoreline.deployer.services import Services
from scoreline.errors import NotFound, Unavailable
from scoreline.wire import dataiku
from scoreline.wire.service_openapi import service_openapi


class Descriptions:
    """Made from the packages of what is live."""

    def __init__(self, services: Services, infrastructures: Infrastructures) -> None:
        self._services = services
        self._infrastructures = infrastructures

    def openapi(self, deployment: Deployment) -> dict[str, Any]:
        """The OpenAPI description of a deployment's service, at the addresses where clients reach it.

        Of several generations the one with the largest share is described. Raises NotFound when none is live.
        """
        version = self._described(deployment)
        return service_openapi(
            deployment.deployed_service,
            version.manifest.version,
            endpoint_schemas(version, self._services.archive(version)),
            urls=self.urls(deployment),
            description=version.service.description,
            needs_key=version.service.authorization == "api_keys",
        )

    def sample_code(self, deployment: Deployment, endpoint: str | None, language: str) -> tuple[str, str]:
        """Which endpoint of what is live (None: the first), and a program that asks it. Raises NotFound."""
        version = self._described(deployment)
        known = {one.endpoint.id: one for one in endpoint_schemas(version, self._services.archive(version))}
        if endpoint is None:
            endpoint = next(iter(known), "")
        if endpoint not in known:
            hint = did_you_mean(endpoint, known)
            raise NotFound(
                f"deployment {deployment.id!r} has no endpoint {shortened(endpoint)}; {hint}",
                code="no-such-endpoint",
            )
        urls = self.urls(deployment)
        if not urls:
            raise Unavailable(f"infrastructure {deployment.infrastructure!r} has no node yet", code="no-node")
        action = known[endpoint].action
        sample = SampleQuery(
            url=f"{urls[0]}{dataiku.BASE}/{deployment.deployed_service}/{endpoint}/{action}",
            query=known[endpoint].example(),
            several=action == "lookup",
            needs_key=version.service.authorization == "api_keys",
        )
        return endpoint, sample_code(language, sample)

    def urls(self, deployment: Deployment) -> list[str]:
        """Where clients reach the infrastructure: the one address before it, else those of its nodes."""
        public = self._infrastructures.one(deployment.infrastructure).public_url
        nodes = self._infrastructures.nodes(deployment.infrastructure)
        return [public] if public else [node.url for node in nodes if node.url]

    def _described(self, deployment: Deployment) -> PublishedVersion:
        """What is live; of several, the generation with the largest share. Raises NotFound when none is."""
        if deployment.live is None:
            raise NotFound(f"deployment {deployment.id!r} has no version yet", code="no-version")
        largest = max(deployment.live.entries, key=lambda entry: entry.proba)
        return self._services.version(deployment.service, largest.generation)
