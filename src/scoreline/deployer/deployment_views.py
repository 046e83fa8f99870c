"""Views of deployments: what is saved and live, what the nodes do, and how that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scoreline.core.deployment import Deployment, Update
from scoreline.core.infrastructure import Infrastructure
from scoreline.deployer.health import assess
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.messages import infrastructure_message, update_message
from scoreline.deployer.observations import Observed
from scoreline.deployer.proofs import Proofs
from scoreline.deployer.reconciler import Reconciler
from scoreline.deployer.traffic import TrafficWatch
from scoreline.deployer.updates import deployment_named
from scoreline.storage.catalog import Catalog
from scoreline.wire import control, dataiku
from scoreline.wire.control_traffic import DeploymentTraffic

Kinds = Mapping[tuple[str, str], Mapping[str, str]]
"""(service, version) -> endpoint -> its kind."""


class DeploymentViews:
    """Deployments as the control API shows them. Every view looks at the nodes anew."""

    def __init__(
        self,
        catalog: Catalog,
        infrastructures: Infrastructures,
        reconciler: Reconciler,
        proofs: Proofs,
        traffic: TrafficWatch,
    ) -> None:
        self._catalog = catalog
        self._infrastructures = infrastructures
        self._reconciler = reconciler
        self._proofs = proofs
        self._traffic = traffic

    def one(self, deployment: str) -> control.Deployment:
        """One deployment. Raises NotFound."""
        return self.some([deployment_named(self._catalog, deployment)])[0]

    def traffic(self, deployment: str) -> DeploymentTraffic:
        """The traffic of one deployment, as its nodes have told it. Raises NotFound."""
        return self._traffic.one(deployment_named(self._catalog, deployment))

    def some(self, deployments: Sequence[Deployment]) -> list[control.Deployment]:
        """These deployments, of whose infrastructures every node is looked at once."""
        if not deployments:
            return []
        used = {one.infrastructure for one in deployments}
        observed = self._infrastructures.observed(sorted(used))
        last = self._catalog.updates.last(*(one.id for one in deployments))
        return self._shown(deployments, self._infrastructures.all(), observed, last)

    def overview(self) -> tuple[tuple[control.Infrastructure, ...], tuple[control.Deployment, ...]]:
        """All infrastructures with their nodes, and all deployments."""
        infrastructures = self._infrastructures.all()
        observed = self._infrastructures.observed([one.id for one in infrastructures])
        shown = tuple(infrastructure_message(one, observed[one.id]) for one in infrastructures)
        found = self._catalog.deployments.all()
        return shown, tuple(self._shown(found, infrastructures, observed, self._catalog.updates.last()))

    def _shown(
        self,
        deployments: Sequence[Deployment],
        infrastructures: Sequence[Infrastructure],
        observed: Mapping[str, Sequence[Observed]],
        last: Mapping[str, Update],
    ) -> list[control.Deployment]:
        public = {one.id: one.public_url for one in infrastructures}
        live = {(one.service, name) for one in deployments if one.live for name in one.live.generations}
        kinds = self._catalog.versions.endpoints(*sorted(live)) if live else {}
        return [
            self._described(
                found,
                kinds,
                last.get(found.id),
                observed.get(found.infrastructure, ()),
                public.get(found.infrastructure),
            )
            for found in deployments
        ]

    def _described(
        self,
        found: Deployment,
        kinds: Kinds,
        last: Update | None,
        observed: Sequence[Observed],
        public_url: str | None,
    ) -> control.Deployment:
        health, messages = assess(
            found,
            last,
            observed,
            troubles=self._reconciler.troubles(found.id),
            doubts=self._proofs.doubts(found),
        )
        return control.Deployment(
            id=found.id,
            service=found.service,
            infrastructure=found.infrastructure,
            deployed_service=found.deployed_service,
            enabled=found.enabled,
            tags=found.tags,
            mapping=found.mapping,
            live=found.live,
            live_enabled=found.live_enabled,
            version=found.version,
            revision=found.revision,
            serving={one.node.id: _serving(found, one) for one in observed},
            health=health,
            messages=messages,
            endpoints=_endpoints(
                found, kinds, [public_url] if public_url else [one.node.url for one in observed]
            ),
            last_update=update_message(last) if last else None,
            traffic=self._traffic.total(found),
        )


def _serving(deployment: Deployment, one: Observed) -> str | None:
    answering = one.answering(deployment.deployed_service)
    return answering.version if answering else None


def _endpoints(
    deployment: Deployment, kinds: Kinds, places: Sequence[str]
) -> tuple[control.EndpointUrl, ...]:
    """The endpoints of all generations that are live, at each of these places."""
    found: dict[str, str] = {}
    for generation in deployment.live.generations if deployment.live else ():
        found.update(kinds.get((deployment.service, generation), {}))
    base = f"{dataiku.BASE}/{deployment.deployed_service}"
    urls = [f"{place}{base}" for place in places if place]
    return tuple(
        control.EndpointUrl(id=endpoint, kind=kind, urls=tuple(f"{url}/{endpoint}" for url in urls))
        for endpoint, kind in found.items()
    )
