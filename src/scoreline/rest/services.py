"""Routes of published services."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind, Place
from scoreline.core.package import VersionSummary
from scoreline.deployer.messages import version_message
from scoreline.deployer.roles import Roles
from scoreline.deployer.services import Services
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_of_seen
from scoreline.rest.permissions import allow_new_service, needs, needs_given, needs_listed, sight
from scoreline.wire import control
from scoreline.wire.control_services import NewService
from scoreline.wire.paging import Page

_Contains = Annotated[str | None, Query(max_length=200, description="Only those with this text in their id.")]


def routes(services: Services, roles: Roles) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["services"])

    @router.get(
        "/services",
        summary="Services",
        dependencies=needs_listed(Kind.SERVICE),
        **operation(Page[control.Service]),
    )
    def list_services(request: Request, paging: Paging, contains: _Contains = None) -> Response:
        """Published services by id, each with its versions, oldest first."""
        seen = sight(request)
        page = page_of_seen(
            paging,
            lambda after, limit: services.page(after, limit=limit, contains=contains),
            key=lambda one: one[0],
            sees=lambda one: seen.service(one[0]),
        )
        return answer(each(page, lambda one: _service(*one)))

    @router.post(
        "/services",
        summary="Make a service",
        dependencies=needs_given(Action.DEPLOY, Kind.PROJECT),
        **operation(control.Service, status=201, body=NewService),
    )
    async def create_service(request: Request) -> Response:
        """Make a service without versions, and be its admin; publishing a package makes its service, too."""
        wanted = await read_json(request, NewService)

        def create() -> None:
            allow_new_service(request, wanted.id)
            services.create(wanted.id)
            roles.own(caller(request), Place(Kind.SERVICE, wanted.id))

        await run_in_threadpool(create)
        return answer(control.Service(id=wanted.id, versions=()), 201)

    @router.get(
        "/services/{service}",
        summary="One service",
        dependencies=needs(Action.VIEW, Kind.SERVICE),
        **operation(control.Service),
    )
    def get_service(service: str) -> Response:
        """One published service with its versions, oldest first."""
        return answer(_service(service, services.versions(service)))

    @router.delete(
        "/services/{service}",
        summary="Delete a service",
        dependencies=needs(Action.ADMIN, Kind.SERVICE),
        **operation(control.Deleted),
    )
    def delete_service(service: str) -> Response:
        """Delete a service with all its versions; 409 while it has deployments."""
        services.delete(service)
        return answer(control.Deleted(id=service))

    return router


def _service(service: str, versions: list[VersionSummary]) -> control.Service:
    return control.Service(id=service, versions=tuple(version_message(version) for version in versions))
