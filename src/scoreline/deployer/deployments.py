"""Deployments: making them, changing their version, and saying how they do."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.core.deployment import Deployment, Update, default_deployment_id
from scoreline.core.names import check_id
from scoreline.core.service import LookupEndpoint, Service
from scoreline.deployer.health import assess
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.observations import Observed, observe
from scoreline.deployer.reconciler import Reconciler
from scoreline.deployer.services import Services
from scoreline.deployer.test_queries import ask_test_queries
from scoreline.deployer.updates import Updates, deployment_named
from scoreline.errors import Conflict
from scoreline.storage.catalog import Catalog
from scoreline.wire import control, dataiku


class Deployments:
    """What a person does with deployments."""

    def __init__(
        self,
        catalog: Catalog,
        services: Services,
        infrastructures: Infrastructures,
        updates: Updates,
        reconciler: Reconciler,
    ) -> None:
        self._catalog = catalog
        self._services = services
        self._infrastructures = infrastructures
        self._updates = updates
        self._reconciler = reconciler

    def create(self, wanted: control.NewDeployment, by: str) -> Update:
        """Make a deployment and start its first update.

        One whose first update failed is taken up again. Raises NotFound for an unknown version or
        infrastructure, Invalid for a bad id, and Conflict when the id is taken or the infrastructure holds
        the service already.
        """
        self._infrastructures.one(wanted.infrastructure)
        given = wanted.id or default_deployment_id(wanted.service, wanted.infrastructure)
        deployment = Deployment(
            id=check_id(given, "a deployment"),
            service=wanted.service,
            infrastructure=wanted.infrastructure,
            version=None,
        )
        if self._catalog.deployment(deployment.id) == deployment:
            return self._updates.start(deployment, wanted.version, by)
        return self._updates.create(deployment, wanted.version, by)

    def update(self, deployment: str, version: str, by: str) -> Update:
        """Start an update. Raises NotFound, and Conflict while another one runs."""
        return self._updates.start(deployment_named(self._catalog, deployment), version, by)

    def updates(self, deployment: str) -> list[Update]:
        """The last updates, newest first. Raises NotFound."""
        return self._updates.history(deployment_named(self._catalog, deployment).id)

    def one_update(self, deployment: str, number: int) -> Update:
        """One update. Raises NotFound."""
        return self._updates.one(deployment_named(self._catalog, deployment).id, number)

    def one(self, deployment: str) -> control.Deployment:
        """One deployment with its health. Raises NotFound."""
        found = deployment_named(self._catalog, deployment)
        observed = observe(self._infrastructures.nodes(found.infrastructure))
        newest = self._updates.history(found.id)[:1]
        service = self._services.version(found.service, found.version).service if found.version else None
        return self._described(found, service, newest[0] if newest else None, observed)

    def overview(self) -> tuple[tuple[control.Infrastructure, ...], tuple[control.Deployment, ...]]:
        """All infrastructures with their nodes, and all deployments with their health."""
        infrastructures = self._infrastructures.all()
        observed = {one.id: observe(self._infrastructures.nodes(one.id)) for one in infrastructures}
        last = self._updates.last()
        services = self._catalog.deployed()
        described = tuple(
            control.Infrastructure(
                id=one.id, stage=one.stage, kind=one.kind, nodes=tuple(seen.node for seen in observed[one.id])
            )
            for one in infrastructures
        )
        deployments = tuple(
            self._described(found, services.get(found.id), last.get(found.id), observed[found.infrastructure])
            for found in self._catalog.deployments()
        )
        return described, deployments

    def run_test_queries(self, deployment: str) -> control.TestRun:
        """Ask every node the test queries of the wanted version. Raises Unavailable when a node is down."""
        found = deployment_named(self._catalog, deployment)
        if found.version is None:
            raise Conflict(f"deployment {deployment!r} has no version yet; update it to one")
        version = self._services.version(found.service, found.version)
        answers = [
            answer
            for node in self._infrastructures.nodes(found.infrastructure)
            for answer in ask_test_queries(node.api, version)
        ]
        return control.TestRun(
            deployment=found.id,
            version=found.version,
            passed=all(answer.passed for answer in answers),
            answers=tuple(answers),
        )

    def _described(
        self, found: Deployment, service: Service | None, last: Update | None, observed: Sequence[Observed]
    ) -> control.Deployment:
        health, messages = assess(found, last, observed, self._reconciler.troubles(found.id))
        urls = [f"{one.node.url}{dataiku.BASE}/{found.service}" for one in observed if one.node.url]
        return control.Deployment(
            id=found.id,
            service=found.service,
            infrastructure=found.infrastructure,
            version=found.version,
            serving={one.node.id: one.services.get(found.service) for one in observed},
            health=health,
            messages=messages,
            endpoints=_endpoints(service, urls) if service else (),
            last_update=last,
        )


def _endpoints(service: Service, urls: Sequence[str]) -> tuple[control.EndpointUrl, ...]:
    return tuple(
        control.EndpointUrl(
            id=endpoint.id,
            kind="lookup" if isinstance(endpoint, LookupEndpoint) else "prediction",
            urls=tuple(f"{url}/{endpoint.id}" for url in urls),
        )
        for endpoint in service.endpoints
    )
