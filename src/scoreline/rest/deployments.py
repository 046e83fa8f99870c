"""Routes of deployments: what there is, making, settings, deleting."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.core.deployment import Deployment
from scoreline.deployer.deployments import Deployments
from scoreline.errors import Invalid
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.etags import Expected, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_of_seen
from scoreline.rest.permissions import allow_deploying, needs, needs_given, needs_listed, sight
from scoreline.wire import control
from scoreline.wire.paging import Page

_Service = Annotated[str | None, Query(max_length=200, description="Only deployments of this service.")]
_Infrastructure = Annotated[str | None, Query(max_length=200, description="Only those on this one.")]
_Stage = Annotated[str | None, Query(max_length=200, description="Only those in this stage.")]
_Contains = Annotated[
    str | None, Query(max_length=200, description="Only those with this text in id, service or tags.")
]
_IgnoreErrors = Annotated[bool, Query(description="Go at once; a node that is down keeps what it has.")]


def routes(deployments: Deployments) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["deployments"])
    _looking(router, deployments)
    _making(router, deployments)
    _settings(router, deployments)
    return router


def _looking(router: APIRouter, deployments: Deployments) -> None:
    @router.get(
        "/deployments",
        summary="Deployments",
        dependencies=needs_listed(Kind.DEPLOYMENT),
        **operation(Page[control.Deployment]),
    )
    def list_deployments(
        request: Request,
        paging: Paging,
        service: _Service = None,
        infrastructure: _Infrastructure = None,
        stage: _Stage = None,
        contains: _Contains = None,
    ) -> Response:
        """Deployments by id, with what their nodes serve right now."""
        seen = sight(request)
        page = page_of_seen(
            paging,
            lambda after, limit: deployments.page(
                after,
                limit=limit,
                service=service,
                infrastructure=infrastructure,
                stage=stage,
                contains=contains,
            ),
            key=lambda one: one.id,
            sees=lambda one: seen.deployment(one.service, one.infrastructure),
        )
        return answer(Page(items=tuple(deployments.described(page.items)), next=page.next))

    @router.get(
        "/deployments/{deployment}",
        summary="One deployment",
        dependencies=needs(Action.VIEW, Kind.DEPLOYMENT),
        **operation(control.Deployment),
    )
    def get_deployment(deployment: str, request: Request) -> Response:
        """One deployment, with what its nodes serve right now."""
        found = deployments.one(deployment)
        return tagged(request, found, found.revision)

    @router.patch(
        "/deployments/{deployment}",
        summary="Change settings",
        dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT),
        **operation(control.Deployment, body=control.DeploymentSettings),
    )
    async def change_deployment(deployment: str, request: Request, expected: Expected) -> Response:
        """Save the settings that are given; the others stay. The next update brings them live."""
        wanted = await read_json(request, control.DeploymentSettings)
        saved = await run_in_threadpool(deployments.save, deployment, wanted, expected=expected)
        return tagged(request, await run_in_threadpool(deployments.one, deployment), saved.revision)


def _making(router: APIRouter, deployments: Deployments) -> None:
    @router.post(
        "/deployments",
        summary="Deploy",
        dependencies=needs_given(Action.DEPLOY, Kind.DEPLOYMENT),
        **operation(
            control.Update, status=202, body=control.NewDeployment, others={201: control.SavedSettings}
        ),
    )
    async def create_deployment(request: Request) -> Response:
        """Make a deployment and start its first update (202); with `start: false` only make it (201)."""
        wanted = await read_json(request, control.NewDeployment)

        def create() -> Response:
            allow_deploying(request, wanted.service, wanted.infrastructure)
            if wanted.start:
                return answer(deployments.create(wanted, who(request)), 202)
            made = deployments.add(wanted)
            return tagged(request, _saved(made), made.revision, 201)

        return await run_in_threadpool(create)

    @router.delete(
        "/deployments/{deployment}",
        summary="Delete a deployment",
        dependencies=needs(Action.ADMIN, Kind.DEPLOYMENT),
        **operation(control.Deleted),
    )
    def delete_deployment(
        deployment: str, expected: Expected, ignore_errors: _IgnoreErrors = False
    ) -> Response:
        """Delete a deployment with its history, and the service from its nodes.

        409 while an update runs. 503 when a node cannot be cleaned now; it goes as soon as that node is back.
        """
        deployments.delete(deployment, ignore_errors=ignore_errors, expected=expected)
        return answer(control.Deleted(id=deployment))


def _settings(router: APIRouter, deployments: Deployments) -> None:
    @router.get(
        "/deployments/{deployment}/settings",
        summary="Settings",
        dependencies=needs(Action.VIEW, Kind.DEPLOYMENT),
        **operation(control.SavedSettings),
    )
    def get_settings(deployment: str, request: Request) -> Response:
        """What is saved of a deployment, and what the next update brings live."""
        found = deployments.settings(deployment)
        return tagged(request, _saved(found), found.revision)

    @router.put(
        "/deployments/{deployment}/settings",
        summary="Replace settings",
        dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT),
        **operation(control.SavedSettings, body=control.WholeSettings),
    )
    async def replace_settings(deployment: str, request: Request, expected: Expected) -> Response:
        """Save all settings anew; what is left out gets its default. Nothing changes on the nodes."""
        given = await read_json(request, control.WholeSettings)
        if given.version is None and given.mapping is None:
            raise Invalid("give a version or a generations mapping", code="no-version")
        wanted = control.DeploymentSettings(
            version=given.version, mapping=given.mapping, enabled=given.enabled, tags=given.tags
        )
        saved = await run_in_threadpool(deployments.save, deployment, wanted, expected=expected)
        return tagged(request, _saved(saved), saved.revision)


def _saved(found: Deployment) -> control.SavedSettings:
    return control.SavedSettings(
        id=found.id,
        enabled=found.enabled,
        tags=found.tags,
        mapping=found.mapping,
        revision=found.revision,
    )
