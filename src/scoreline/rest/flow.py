"""Routes of the flow of a project."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.studio.flows import Flows
from scoreline.wire.control_flow import Flow


def routes(flows: Flows) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["projects"])

    @router.get(
        "/projects/{project}/flow",
        summary="Flow",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Flow),
    )
    def get_flow(project: str) -> Response:
        """Datasets, recipes, models, stores and services; what is stale and why, and what is being built."""
        return answer(flows.one(project))

    return router
