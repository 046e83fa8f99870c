"""The route that tells what will fail in a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.deployer.deployments import Deployments
from scoreline.deployer.services import Services
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import Sight, needs, sight
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.control_scenarios import ScenarioFindings

if TYPE_CHECKING:
    from scoreline.automation.scenario_findings import Deployed


def routes(registry: ProjectRegistry, services: Services, deployments: Deployments) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["scenarios"])

    @router.get(
        "/projects/{project}/scenarios/{scenario}/findings",
        summary="Check a scenario",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(ScenarioFindings),
    )
    def check_scenario(project: str, scenario: str, request: Request) -> Response:
        """What will fail when a scenario runs, as its files are written and as things stand; nothing runs.

        Of published versions and deployments those count that the caller may see.
        """
        # It loads DuckDB, which a control plane does without until somebody asks for this.
        from scoreline.automation.scenario_findings import findings

        deployed = _deployed(services, deployments, sight(request))
        found = findings(registry.folder(project), scenario, deployed=deployed)
        return answer(ScenarioFindings(findings=found))

    return router


def _deployed(services: Services, deployments: Deployments, seen: Sight) -> Deployed:
    from scoreline.automation.scenario_findings import Deployed

    return Deployed(
        deployments={
            one.id: one.service
            for one in deployments.saved()
            if seen.deployment(one.service, one.infrastructure)
        },
        versions={
            service: tuple(one.version for one in versions)
            for service, versions in services.all().items()
            if seen.service(service)
        },
    )
