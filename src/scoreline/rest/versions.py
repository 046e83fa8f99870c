"""Routes of versions of published services: publishing, looking, downloading, deleting."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from scoreline.core.access import WHOLE, Action, Kind, is_allowed
from scoreline.core.package import VersionSummary, summary
from scoreline.deployer.messages import version_message
from scoreline.deployer.services import Services
from scoreline.deployer.version_details import VersionDetails
from scoreline.errors import Invalid
from scoreline.rest.access import caller, who
from scoreline.rest.bodies import answer, read_chunks, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, each, page_from
from scoreline.rest.permissions import allow, find, may_publish, needs, needs_given
from scoreline.storage.artifacts import Artifacts
from scoreline.wire import control
from scoreline.wire.control_services import Pruned
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.SERVICE)
_As = Annotated[
    str | None, Query(max_length=200, description="Which service it is to be of; left out: its own.")
]
_ComparedWith = Annotated[
    str | None, Query(max_length=200, description="Which one it is compared with; left out: the one before.")
]


def routes(
    services: Services, details: VersionDetails, artifacts: Artifacts, *, longest: int, idle: float
) -> APIRouter:
    """The routes. A package is at most `longest` bytes; an upload may pause for `idle` seconds."""
    router = APIRouter(tags=["versions"])
    _publishing(router, services, artifacts, longest=longest, idle=idle)
    _looking(router, services, details)
    _deleting(router, services)
    return router


def _publishing(
    router: APIRouter, services: Services, artifacts: Artifacts, *, longest: int, idle: float
) -> None:
    @router.post(
        "/versions",
        summary="Publish",
        dependencies=needs_given(Action.DEPLOY, Kind.SERVICE),
        **operation(control.Version, status=201, archive=True, others={200: control.Version}),
    )
    async def publish(request: Request, service: _As = None) -> Response:
        """Publish a package. The same content again answers 200; another one under the same id, 409."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > longest:
            raise Invalid(f"the package is larger than {longest} bytes", code="body-too-large")
        draft = await run_in_threadpool(artifacts.draft)
        with draft:
            async for chunk in read_chunks(request, idle=idle):
                await run_in_threadpool(draft.write, chunk)
            version, new = await run_in_threadpool(
                services.publish, draft, who(request), service, permit=may_publish(request)
            )
        return answer(version_message(summary(version)), 201 if new else 200)


def _looking(router: APIRouter, services: Services, details: VersionDetails) -> None:
    @router.get(
        "/services/{service}/versions",
        summary="Versions",
        dependencies=_VIEW,
        **operation(Page[control.Version]),
    )
    def list_versions(service: str, paging: Paging) -> Response:
        """Versions of a service, newest first."""
        found = services.versions(service)[::-1]
        places = {one.version: place for place, one in enumerate(found, 1)}
        if paging.after is not None and paging.after not in places:
            raise Invalid("query.after: that version is not there any more; begin anew", code="bad-parameter")
        rest = found[places.get(paging.after or "", 0) :]
        return answer(each(page_from(paging, rest, lambda one: one.version), version_message))

    @router.get(
        "/services/{service}/versions/{version}",
        summary="One version",
        dependencies=_VIEW,
        **operation(control.VersionDetails),
    )
    def get_version(
        service: str, version: str, request: Request, compared_with: _ComparedWith = None
    ) -> Response:
        """Where a version comes from, what is in it, who uses it, and what changed since another one."""
        found = details.one(service, version, compared_with=compared_with)
        seen = {
            one.id
            for one in request.state.targets.all(Kind.DEPLOYMENT)
            if is_allowed(caller(request), Action.VIEW, one)
        }
        return answer(replace(found, used_by=tuple(one for one in found.used_by if one in seen)))

    @router.get(
        "/services/{service}/versions/{version}/archive",
        summary="Download",
        dependencies=needs(Action.DEPLOY, Kind.SERVICE),
        **operation(None, media="application/zip"),
    )
    def get_archive(service: str, version: str, request: Request) -> Response:
        """The package itself, as it was published. Its ETag is the SHA-256 of its bytes."""
        found = services.version(service, version)
        tag = f'"{found.archive}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(None, 304, {"ETag": tag})
        name = f"{service}-{version}.zip"
        return FileResponse(
            services.archive(found), media_type="application/zip", filename=name, headers={"ETag": tag}
        )


def _deleting(router: APIRouter, services: Services) -> None:
    @router.delete(
        "/services/{service}/versions/{version}",
        summary="Delete a version",
        dependencies=needs(Action.ADMIN, Kind.SERVICE),
        **operation(control.Deleted),
    )
    def delete_version(service: str, version: str) -> Response:
        """Delete a version; 409 while a deployment uses it or may go back to it."""
        services.delete_version(service, version)
        return answer(control.Deleted(id=version))

    @router.post(
        "/services/prune",
        summary="Prune versions",
        dependencies=needs_given(Action.ADMIN, Kind.SERVICE),
        **operation(Pruned, body=control.NewPruning),
    )
    async def prune(request: Request) -> Response:
        """Delete the versions that nothing uses, of one service or, for admins of the whole, of all."""
        wanted = await read_json(request, control.NewPruning)
        if wanted.keep_last < 0:
            raise Invalid("keep_last: give 0 or more", code="bad-number")

        def pruned() -> list[VersionSummary]:
            target = WHOLE if wanted.service is None else find(request, Kind.SERVICE, wanted.service)
            allow(request, Action.ADMIN, target)
            return services.prune(wanted.service, keep_last=wanted.keep_last, dry_run=wanted.dry_run)

        found = await run_in_threadpool(pruned)
        return answer(Pruned(versions=tuple(version_message(one) for one in found)))
