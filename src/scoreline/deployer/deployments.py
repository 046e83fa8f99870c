"""Deployments: what a person does with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from scoreline.core.deployment import (
    Deployment,
    GenerationsMapping,
    UpdateKind,
    default_deployment_id,
    same_mapping,
    single,
)
from scoreline.core.names import check_id
from scoreline.deployer.deployment_views import DeploymentViews
from scoreline.deployer.infrastructures import Infrastructures
from scoreline.deployer.messages import update_message
from scoreline.deployer.promotions import Promotions
from scoreline.deployer.proofs import Proofs
from scoreline.deployer.removals import Removals
from scoreline.deployer.updates import Change, Updates, deployment_named
from scoreline.errors import Conflict, Invalid
from scoreline.storage.catalog import Catalog
from scoreline.wire import control
from scoreline.wire.control_traffic import DeploymentTraffic


class Deployments:
    """Changes of deployments. What starts an update returns at once; the update runs on."""

    def __init__(
        self,
        catalog: Catalog,
        infrastructures: Infrastructures,
        updates: Updates,
        removals: Removals,
        views: DeploymentViews,
        proofs: Proofs,
    ) -> None:
        self._catalog = catalog
        self._infrastructures = infrastructures
        self._promotions = Promotions(catalog, infrastructures)
        self._updates = updates
        self._removals = removals
        self._views = views
        self._proofs = proofs

    # Looking

    def one(self, deployment: str) -> control.Deployment:
        """One deployment with its health. Raises NotFound."""
        return self._views.one(deployment)

    def settings(self, deployment: str) -> Deployment:
        """What is known of a deployment without looking at its nodes. Raises NotFound."""
        return deployment_named(self._catalog, deployment)

    def saved(self) -> list[Deployment]:
        """All deployments by id, without looking at their nodes."""
        return self._catalog.deployments.all()

    def page(
        self,
        after: str,
        *,
        limit: int,
        service: str | None = None,
        infrastructure: str | None = None,
        stage: str | None = None,
        contains: str | None = None,
    ) -> list[Deployment]:
        """At most `limit` deployments by id, after this one, without looking at their nodes."""
        return self._catalog.deployments.page(
            after,
            limit=limit,
            service=service,
            infrastructure=infrastructure,
            stage=stage,
            contains=contains,
        )

    def described(self, deployments: Sequence[Deployment]) -> list[control.Deployment]:
        """These deployments with their health."""
        return self._views.some(deployments)

    def overview(self) -> tuple[tuple[control.Infrastructure, ...], tuple[control.Deployment, ...]]:
        """All infrastructures with their nodes, and all deployments with their health."""
        return self._views.overview()

    def traffic(self, deployment: str) -> DeploymentTraffic:
        """How many queries its nodes answered in the last minutes, and how fast. Raises NotFound."""
        return self._views.traffic(deployment)

    def updates(self, deployment: str, *, limit: int, before: int | None = None) -> list[control.Update]:
        """The last updates, newest first, or the last before one of them. Raises NotFound."""
        found = deployment_named(self._catalog, deployment)
        history = self._updates.history(found.id, limit=limit, before=before)
        return [update_message(one) for one in history]

    def one_update(self, deployment: str, number: int) -> control.Update:
        """One update. Raises NotFound."""
        found = deployment_named(self._catalog, deployment)
        return update_message(self._updates.one(found.id, number))

    def run_test_queries(self, deployment: str) -> control.TestRun:
        """Ask every node the test queries of what is live. Raises Unavailable when a node is down."""
        found = deployment_named(self._catalog, deployment)
        if found.live is None:
            raise Conflict(f"deployment {deployment!r} has no version yet; update it to one")
        answers = self._proofs.ask(found, self._infrastructures.nodes(found.infrastructure))
        return control.TestRun(
            deployment=found.id,
            version=found.version,
            passed=all(answer.passed for answer in answers),
            answers=tuple(answers),
        )

    # Making and changing

    def add(self, wanted: control.NewDeployment) -> Deployment:
        """Make a deployment that is not live yet.

        Raises NotFound for an unknown version or infrastructure, Invalid for what cannot be, and Conflict
        when the id is taken or the infrastructure holds the service already.
        """
        deployment = self._new(wanted)
        self._catalog.deployments.add(deployment)
        return deployment

    def create(self, wanted: control.NewDeployment, by: str) -> control.Update:
        """Make a deployment and start its first update. Raises as `add`.

        One like it that was never live is taken up again.
        """
        deployment = self._new(wanted)
        if deployment.mapping is None:
            raise Invalid("name the version to deploy, or give a generations mapping", code="no-version")
        known = self._catalog.deployments.one(deployment.id)
        if known and known.live is None and _same_place(known, deployment):
            new = {"mapping": deployment.mapping, "enabled": deployment.enabled, "tags": deployment.tags}
            return self._start(known.id, by, lambda found: replace(found, **new))
        return update_message(self._updates.create(deployment, by))

    def save(
        self, deployment: str, wanted: control.DeploymentSettings, *, expected: int | None = None
    ) -> Deployment:
        """Save settings; nothing changes on the nodes before the next update.

        `expected`: the revision that was read; None: any. Raises NotFound, and Conflict (code
        `stale-revision`) when another one stands.
        """
        found = deployment_named(self._catalog, deployment)
        changed = replace(
            found,
            mapping=_mapping(wanted.version, wanted.mapping) or found.mapping,
            enabled=found.enabled if wanted.enabled is None else wanted.enabled,
            tags=found.tags if wanted.tags is None else tuple(dict.fromkeys(wanted.tags)),
            revision=found.revision if expected is None else expected,
        )
        return self._catalog.deployments.save(changed)

    def update(
        self, deployment: str, wanted: control.NewUpdate, by: str, *, cause: str | None = None
    ) -> control.Update:
        """Start an update, of what is saved or of the mapping that is given.

        `cause`: the step of a scenario's run that it is for, which starts one only. Raises NotFound, and
        Conflict (code `update-running`) while another one runs.
        """
        mapping = _mapping(wanted.version, wanted.mapping)

        def change(found: Deployment) -> Deployment:
            return replace(found, mapping=mapping) if mapping else found

        return self._start(deployment, by, change, kind=wanted.kind, rolling=wanted.rolling, cause=cause)

    def cancel(self, deployment: str, number: int) -> control.Update:
        """Ask a running update to end; what was live stays. Raises NotFound, Conflict when it has ended."""
        return update_message(self._updates.cancel(deployment, number))

    def enable(self, deployment: str, by: str, *, enabled: bool) -> control.Update:
        """Let a deployment answer or refuse, by an update of what is live; what else is saved waits."""
        return self._start(deployment, by, lambda found: replace(found, enabled=enabled), keep_live=True)

    def roll_back(self, deployment: str, wanted: control.NewRollback, by: str) -> control.Update:
        """Start an update to a version, or to what was live before what is live now.

        Raises NotFound, and Conflict while another update runs or when nothing was live before.
        """
        mapping = single(wanted.version) if wanted.version else None

        def change(found: Deployment) -> Deployment:
            target = mapping or next(iter(found.former), None)
            if target is None:
                raise Conflict(
                    f"nothing was live on deployment {deployment!r} before; name a version to go back to",
                    code="nothing-before",
                )
            return replace(found, mapping=target)

        return self._start(deployment, by, change)

    def copy(self, deployment: str, wanted: control.NewCopy, by: str) -> control.Update:
        """Deploy what is live, or else saved, on another infrastructure, too. Raises as `create`."""
        found = deployment_named(self._catalog, deployment)
        return self.create(_copied(found, wanted.infrastructure, wanted.id), by)

    def promote(
        self,
        deployment: str,
        wanted: control.NewPromotion,
        by: str,
        *,
        permit: Callable[[str, str], None] = lambda _service, _infrastructure: None,
    ) -> control.Update:
        """Bring what is live to an infrastructure of the next stage: its deployment is updated, or made.

        `permit` raises when this service may not be deployed to that infrastructure.
        Raises Conflict when nothing is live, when there is no next stage, or when it has no infrastructure
        or several of which none is named.
        """
        found = deployment_named(self._catalog, deployment)
        live = found.live
        if live is None:
            raise Conflict(f"nothing is live on deployment {deployment!r}; update it first", code="not-live")
        target, known = self._promotions.target(found, wanted.infrastructure)
        permit(found.service, target)
        if known is None:
            return self.create(_copied(found, target, None), by)
        return self._start(known.id, by, lambda one: replace(one, mapping=live))

    def delete(self, deployment: str, *, ignore_errors: bool = False, expected: int | None = None) -> None:
        """Delete a deployment, and the service from its nodes. Raises as `Removals.delete`.

        `expected`: the revision that was read; Conflict (code `stale-revision`) when another one stands.
        """
        found = deployment_named(self._catalog, deployment)
        self._removals.delete(found.id, ignore_errors=ignore_errors, expected=expected)

    def _start(
        self,
        deployment: str,
        by: str,
        change: Change,
        *,
        kind: UpdateKind = UpdateKind.LIGHT,
        rolling: bool = False,
        keep_live: bool = False,
        cause: str | None = None,
    ) -> control.Update:
        started = self._updates.start(
            deployment, by, change=change, kind=kind, rolling=rolling, keep_live=keep_live, cause=cause
        )
        return update_message(started)

    def _new(self, wanted: control.NewDeployment) -> Deployment:
        self._infrastructures.one(wanted.infrastructure)
        given = wanted.id or default_deployment_id(wanted.service, wanted.infrastructure)
        return Deployment(
            id=check_id(given, "a deployment"),
            service=wanted.service,
            infrastructure=wanted.infrastructure,
            deployed_service=check_id(wanted.deployed_service or wanted.service, "a service"),
            enabled=wanted.enabled,
            tags=tuple(dict.fromkeys(wanted.tags)),
            mapping=_mapping(wanted.version, wanted.mapping),
        )


def _mapping(version: str | None, mapping: GenerationsMapping | None) -> GenerationsMapping | None:
    if version is None:
        return mapping
    if mapping is not None and not same_mapping(mapping, single(version)):
        raise Invalid("give a version or a generations mapping, not both", code="bad-mapping")
    return single(version)


def _same_place(one: Deployment, other: Deployment) -> bool:
    return (one.service, one.infrastructure, one.deployed_service) == (
        other.service,
        other.infrastructure,
        other.deployed_service,
    )


def _copied(found: Deployment, infrastructure: str, id_: str | None) -> control.NewDeployment:
    return control.NewDeployment(
        service=found.service,
        mapping=found.live or found.mapping,
        infrastructure=infrastructure,
        id=id_,
        deployed_service=found.deployed_service,
        enabled=found.enabled,
        tags=found.tags,
    )
