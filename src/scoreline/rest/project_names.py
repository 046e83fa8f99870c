"""The route that tells what there is in a project to be named."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.storage.project_files import check_project
from scoreline.storage.project_layout import read_texts
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.control_names import ProjectNames


def routes(registry: ProjectRegistry) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["projects"])

    @router.get(
        "/projects/{project}/names",
        summary="Names in a project",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(ProjectNames),
    )
    def list_names(project: str) -> Response:
        """Ids of everything that is defined in a project, by kind; what is not sound is left out."""
        folder = registry.folder(project)
        found, _ = check_project(folder, read_texts(folder))
        return answer(
            ProjectNames(
                connections=tuple(sorted(found.connections)),
                datasets=tuple(sorted(found.datasets)),
                recipes=tuple(sorted(found.recipes)),
                models=tuple(sorted(found.models)),
                evaluation_stores=tuple(sorted(found.evaluation_stores)),
                services=tuple(sorted(found.services)),
                scenarios=tuple(sorted(found.scenarios)),
                variables=tuple(sorted(found.settings.variables)),
            )
        )

    return router
