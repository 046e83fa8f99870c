"""Routes of the services of a project: definitions, test queries, versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from scoreline.automation.publishing import Publishing
from scoreline.core.access import Action, Kind
from scoreline.core.package import summary
from scoreline.core.project_job import ProjectJob
from scoreline.deployer.messages import version_message
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, answer_once, read_json
from scoreline.rest.etags import ExpectedDigest, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_in_order, page_of
from scoreline.rest.permissions import may_publish, needs
from scoreline.storage.workspace import Workspace
from scoreline.studio.designer import Designer, from_wire
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.versions import archive_of
from scoreline.wire import control
from scoreline.wire.control_designer import (
    Candidates,
    DesignedService,
    DraftChanges,
    EndpointTakes,
    Findings,
    MadeServiceKey,
    MadeVersion,
    NewPublication,
    NewServiceDefinition,
    NewServiceId,
    NewServiceKey,
    NewVersion,
    QueryOutcomes,
    QueryRun,
    ServiceDefinition,
    WholeService,
)
from scoreline.wire.paging import Page

_ALL = "/projects/{project}/services"
_ONE = "/projects/{project}/services/{service}"
_ENDPOINT = "/projects/{project}/services/{service}/endpoints/{endpoint}"
_VERSIONS = "/projects/{project}/services/{service}/versions"
_VERSION = "/projects/{project}/services/{service}/versions/{version}"

_Dataset = Annotated[str, Query(max_length=200, description="Whose rows.")]
_Count = Annotated[int, Query(ge=1, le=1_000, description="How many.")]
_Skip = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many rows before the first.")]
_Since = Annotated[
    str | None, Query(max_length=200, description="The version to compare with; left out: the last.")
]


def routes(designer: Designer, registry: ProjectRegistry, publishing: Publishing) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["designer"])
    _looking(router, designer)
    _changing(router, designer)
    _keys(router, designer)
    _endpoints(router, designer)
    _versions(router, designer, registry)
    _publishing(router, publishing)
    return router


def _needs(action: Action) -> Sequence[Any]:
    """For routes of a service inside a project: a key for that service opens them, too."""
    return needs(action, Kind.PROJECT, service="service")


def _looking(router: APIRouter, designer: Designer) -> None:
    @router.get(
        _ALL,
        summary="Services of a project",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Page[DesignedService]),
    )
    def list_project_services(project: str, paging: Paging) -> Response:
        """Services that a project defines, by id; `problem` says why one cannot be used."""
        return answer(page_of(paging, designer.all(project), lambda one: one.id))

    @router.get(
        _ONE,
        summary="One service of a project",
        dependencies=_needs(Action.VIEW),
        **operation(WholeService),
    )
    def get_project_service(project: str, service: str, request: Request) -> Response:
        """One service with its definition."""
        found = designer.one(project, service)
        return tagged(request, found, found.revision)

    @router.get(
        f"{_ONE}/openapi",
        summary="OpenAPI of a service of a project",
        dependencies=_needs(Action.VIEW),
        **operation(dict[str, Any]),
    )
    def get_project_service_openapi(project: str, service: str) -> Response:
        """The OpenAPI 3.1 description of a service as it is defined now."""
        return answer(designer.openapi(project, service))

    @router.get(
        f"{_ONE}/changes",
        summary="What a new version would change",
        dependencies=_needs(Action.VIEW),
        **operation(DraftChanges),
    )
    def get_project_service_changes(project: str, service: str, since: _Since = None) -> Response:
        """What differs between the service as it is defined now and a version of it; nothing is packaged."""
        return answer(designer.changes(project, service, since))


def _changing(router: APIRouter, designer: Designer) -> None:
    @router.post(
        _ALL,
        summary="Make a service of a project",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeService, status=201, body=NewServiceDefinition),
    )
    async def create_project_service(project: str, request: Request) -> Response:
        """Write a new service into the project's folder; 409 when there is one of that id."""
        wanted = await read_json(request, NewServiceDefinition)
        made = await run_in_threadpool(designer.create, project, wanted.id, from_wire(wanted.definition))
        return tagged(request, made, made.revision, 201)

    @router.put(
        _ONE,
        summary="Change a service of a project",
        dependencies=_needs(Action.ADMIN),
        **operation(WholeService, body=ServiceDefinition),
    )
    async def save_project_service(
        project: str, service: str, request: Request, expected: ExpectedDigest
    ) -> Response:
        """Replace the definition of a service; comments in its file stay, and so do its versions."""
        wanted = from_wire(await read_json(request, ServiceDefinition))
        saved = await run_in_threadpool(designer.save, project, service, wanted, since=expected)
        return tagged(request, saved, saved.revision)

    @router.post(
        f"{_ONE}/check",
        summary="Check a definition of a service",
        dependencies=_needs(Action.VIEW),
        **operation(Findings, body=dict[str, Any]),
    )
    async def check_project_service(project: str, service: str, request: Request) -> Response:
        """Say what is wrong in a definition, each beside the field that it is in; nothing is saved."""
        given = await read_json(request, dict[str, Any])
        return answer(await run_in_threadpool(designer.check, project, service, given))

    @router.post(
        f"{_ONE}/rename",
        summary="Rename a service of a project",
        dependencies=_needs(Action.ADMIN),
        **operation(WholeService, body=NewServiceId),
    )
    async def rename_project_service(
        project: str, service: str, request: Request, expected: ExpectedDigest
    ) -> Response:
        """Give a service another id; 409 once it has versions, which carry its id."""
        wanted = await read_json(request, NewServiceId)
        renamed = await run_in_threadpool(designer.rename, project, service, wanted.id, since=expected)
        return tagged(request, renamed, renamed.revision)

    @router.delete(
        _ONE,
        summary="Delete a service of a project",
        dependencies=_needs(Action.ADMIN),
        **operation(control.Deleted),
    )
    def delete_project_service(project: str, service: str, expected: ExpectedDigest) -> Response:
        """Delete the definition of a service; its versions stay, and so does what is published."""
        designer.delete(project, service, since=expected)
        return answer(control.Deleted(id=service))


def _keys(router: APIRouter, designer: Designer) -> None:
    @router.post(
        f"{_ONE}/api-keys",
        summary="Make a key of a service of a project",
        dependencies=_needs(Action.ADMIN),
        **operation(MadeServiceKey, status=201, body=NewServiceKey),
    )
    async def create_service_key(project: str, service: str, request: Request) -> Response:
        """Make a key that callers show, told this once; versions made from now on know it."""
        wanted = await read_json(request, NewServiceKey)
        key = await run_in_threadpool(designer.add_key, project, service, wanted.label)
        return answer_once(MadeServiceKey(label=wanted.label, key=key), 201)

    @router.delete(
        f"{_ONE}/api-keys/{{label}}",
        summary="Delete a key of a service of a project",
        dependencies=_needs(Action.ADMIN),
        **operation(control.Deleted),
    )
    def delete_service_key(project: str, service: str, label: str) -> Response:
        """Take a key from a service; 409 for its last one. What is deployed knows it until it is updated."""
        designer.remove_key(project, service, label)
        return answer(control.Deleted(id=label))


def _endpoints(router: APIRouter, designer: Designer) -> None:
    @router.get(
        f"{_ENDPOINT}/schema",
        summary="What an endpoint takes",
        dependencies=_needs(Action.VIEW),
        **operation(EndpointTakes),
    )
    def get_endpoint_schema(project: str, service: str, endpoint: str) -> Response:
        """What an endpoint takes and gives as it is defined now, with a JSON schema of its queries."""
        return answer(designer.takes(project, service, endpoint))

    @router.get(
        f"{_ENDPOINT}/candidates",
        summary="Rows as test queries",
        dependencies=_needs(Action.VIEW),
        **operation(Candidates),
    )
    def get_candidates(
        project: str, service: str, endpoint: str, dataset: _Dataset, count: _Count = 5, skip: _Skip = 0
    ) -> Response:
        """Rows of a dataset as test queries of an endpoint; they are not saved."""
        return answer(designer.candidates(project, service, endpoint, dataset, count, skip))

    @router.post(
        f"{_ENDPOINT}/test-queries",
        summary="Run test queries in the designer",
        dependencies=_needs(Action.DEPLOY),
        **operation(QueryOutcomes, body=QueryRun),
    )
    async def run_designer_queries(project: str, service: str, endpoint: str, request: Request) -> Response:
        """Ask an endpoint as it is defined now, as a node would: the queries given, or the saved ones."""
        wanted = await read_json(request, QueryRun)
        return answer(await run_in_threadpool(designer.ask, project, service, endpoint, wanted))


def _versions(router: APIRouter, designer: Designer, registry: ProjectRegistry) -> None:
    @router.get(
        _VERSIONS,
        summary="Versions of a service of a project",
        dependencies=_needs(Action.VIEW),
        **operation(Page[MadeVersion]),
    )
    def list_made_versions(project: str, service: str, paging: Paging) -> Response:
        """Versions of a service that were made in its project, newest first."""
        found = {one.id: one for one in designer.versions(project, service)}
        return answer(each(page_in_order(paging, list(found)), lambda version: found[version]))

    @router.get(
        _VERSION,
        summary="One version of a service of a project",
        dependencies=_needs(Action.VIEW),
        **operation(MadeVersion),
    )
    def get_made_version(project: str, service: str, version: str) -> Response:
        """One version that was made in the project."""
        return answer(designer.version(project, service, version))

    @router.get(
        f"{_VERSION}/archive",
        summary="Package of a version of a project",
        dependencies=_needs(Action.DEPLOY),
        **operation(None, media="application/zip"),
    )
    def get_made_archive(project: str, service: str, version: str) -> Response:
        """The package of a version, as it was made."""
        path = archive_of(Workspace(registry.folder(project)), service, version)
        return FileResponse(path, media_type="application/zip", filename=f"{service}-{version}.zip")

    @router.delete(
        _VERSION,
        summary="Delete a version of a service of a project",
        dependencies=_needs(Action.DEPLOY),
        **operation(control.Deleted),
    )
    def delete_made_version(project: str, service: str, version: str) -> Response:
        """Remove a version from the project; where it was published, it stays."""
        designer.delete_version(project, service, version)
        return answer(control.Deleted(id=version))


def _publishing(router: APIRouter, publishing: Publishing) -> None:
    @router.post(
        _VERSIONS,
        summary="Make a version of a service of a project",
        dependencies=_needs(Action.DEPLOY),
        **operation(ProjectJob, status=202, body=NewVersion),
    )
    async def create_made_version(project: str, service: str, request: Request) -> Response:
        """Freeze a service into a version, by a job; then publish it, if wanted. 409 for a taken id."""
        wanted = await read_json(request, NewVersion)
        permit, by = may_publish(request), who(request)

        def start() -> ProjectJob:
            return publishing.make(project, service, wanted, by=by, permit=permit)

        return answer(await run_in_threadpool(start), 202)

    @router.post(
        f"{_VERSION}/publish",
        summary="Publish a version of a project",
        dependencies=_needs(Action.DEPLOY),
        **operation(control.Version, status=201, body=NewPublication, others={200: control.Version}),
    )
    async def publish_made_version(project: str, service: str, version: str, request: Request) -> Response:
        """Publish a version on the deployer. The same content again answers 200; another one, 409."""
        wanted = await read_json(request, NewPublication)
        permit, by = may_publish(request), who(request)

        def publish() -> Response:
            published, new = publishing.publish(
                project, service, version, as_=wanted.service or service, by=by, permit=permit
            )
            return answer(version_message(summary(published)), 201 if new else 200)

        return await run_in_threadpool(publish)
