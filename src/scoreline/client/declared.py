"""Declared deployments: what is to be done so that they are there, and doing it."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.client.deployments import DeploymentCalls
from scoreline.client.infrastructures import InfrastructureCalls
from scoreline.client.services import ServiceCalls
from scoreline.client.stages import StageCalls
from scoreline.client.updates import Progress
from scoreline.core import declared_plan
from scoreline.core.declared import Declaration, Present
from scoreline.core.declared_checks import spots_beside
from scoreline.core.declared_plan import Action, Change, brings_live, to_do
from scoreline.core.deployment import Deployment
from scoreline.core.infrastructure import Infrastructure, SecretReference, StaticNode
from scoreline.core.stage import Stage
from scoreline.errors import InvalidDeclaration
from scoreline.wire import control


class DeclaredCalls(StageCalls, InfrastructureCalls, ServiceCalls, DeploymentCalls):
    """What `scoreline apply` does."""

    def plan(self, declaration: Declaration, *, prune: bool = False) -> tuple[Change, ...]:
        """What is to be done so that everything is as declared; nothing is done yet.

        `scoreline.read_declared` reads a declaration from a file. With `prune`, what a declared section does
        not have is to be deleted. Raises InvalidDeclaration with everything that cannot be.
        """
        present = Present(
            stages=self.stages(),
            infrastructures=tuple(_infrastructure(one) for one in self.infrastructures()),
            deployments=tuple(_deployment(one) for one in self.deployments()),
            versions={one.id: tuple(found.version for found in one.versions) for one in self.services()},
        )
        problems = declaration.problems(spots_beside(declaration.declared, present, prune=prune))
        if problems:
            raise InvalidDeclaration(problems)
        return declared_plan.plan(declaration.declared, present, prune=prune)

    def apply(self, changes: Sequence[Change], *, progress: Progress | None = None) -> None:
        """Do what was planned, one after the other; what is there already as it is to be is left in peace.

        The first error ends it, and what is done by then stays: plan and apply again. Raises Conflict (code
        `stale-revision`) when something was changed since the plan, and Unavailable when an update failed.
        """
        for change in to_do(changes):
            if progress is not None:
                progress(f"{change.action.value} {change.noun} {change.id}".rstrip())
            if change.action is Action.DELETE:
                self._delete(change)
            else:
                self._bring(change, progress)

    def _delete(self, change: Change) -> None:
        match change.noun:
            case "deployment":
                self.delete_deployment(change.id)
            case "infrastructure":
                self.delete_infrastructure(change.id)
            case _:
                self.delete_stage(change.id)

    def _bring(self, change: Change, progress: Progress | None) -> None:
        is_new = change.action is Action.CREATE
        match change.wanted:
            case Stage(id=name, description=text):
                self.add_stage(name, text) if is_new else self.describe_stage(name, text)
            case tuple(order):
                self.order_stages(order)
            case Infrastructure() as pool:
                self._bring_infrastructure(pool, is_new=is_new)
            case Deployment() as one:
                self._bring_deployment(one, progress, is_new=is_new)

    def _bring_infrastructure(self, wanted: Infrastructure, *, is_new: bool) -> None:
        nodes = tuple(
            control.NewNode(id=node.id, url=node.url, admin_key=node.admin_key) for node in wanted.nodes
        )
        connections = {name: str(secret) for name, secret in wanted.connections.items()}
        if is_new:
            self.create_infrastructure(
                wanted.id,
                kind=wanted.kind,
                stage=wanted.stage,
                local_nodes=wanted.local_nodes,
                nodes=nodes,
                public_url=wanted.public_url,
                connections=connections,
            )
            return
        settings = control.InfrastructureSettings(
            stage=wanted.stage,
            local_nodes=wanted.local_nodes,
            nodes=nodes,
            public_url=wanted.public_url,
            connections=connections,
        )
        self._settle_infrastructure(wanted.id, settings, revision=wanted.revision)

    def _bring_deployment(self, wanted: Deployment, progress: Progress | None, *, is_new: bool) -> None:
        shares = {one.generation: one.proba for one in wanted.mapping.entries} if wanted.mapping else {}
        if is_new:
            self.deploy(
                wanted.service,
                mapping=shares,
                infrastructure=wanted.infrastructure,
                id=wanted.id,
                deployed_service=wanted.deployed_service,
                enabled=wanted.enabled,
                tags=wanted.tags,
                progress=progress,
            )
            return
        self.save_settings(
            wanted.id,
            mapping=shares,
            tags=wanted.tags,
            enabled=wanted.enabled,
            revision=wanted.revision,
        )
        if brings_live(wanted):
            self.update(wanted.id, progress=progress)


def _infrastructure(found: control.Infrastructure) -> Infrastructure:
    is_local = found.kind == "local"
    return Infrastructure(
        id=found.id,
        stage=found.stage,
        kind=found.kind,
        local_nodes=len(found.nodes) if is_local else 1,
        nodes=()
        if is_local
        else tuple(
            StaticNode(id=node.id, url=node.url, admin_key=SecretReference(node.admin_key or ""))
            for node in found.nodes
        ),
        public_url=found.public_url,
        connections={name: SecretReference(secret) for name, secret in found.connections.items()},
        revision=found.revision,
    )


def _deployment(found: control.Deployment) -> Deployment:
    return Deployment(
        id=found.id,
        service=found.service,
        infrastructure=found.infrastructure,
        deployed_service=found.deployed_service,
        enabled=found.enabled,
        tags=found.tags,
        mapping=found.mapping,
        live=found.live,
        live_enabled=found.live_enabled,
        revision=found.revision,
    )
