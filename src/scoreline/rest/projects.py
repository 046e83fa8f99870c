"""Routes of the projects that the control plane knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from scoreline.core.access import Action, Kind
from scoreline.core.project import ProjectSettings
from scoreline.core.project_job import ProjectJob
from scoreline.errors import Invalid
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_chunks, read_json
from scoreline.rest.etags import ExpectedDigest, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_of
from scoreline.rest.permissions import needs, needs_listed, sight
from scoreline.rest.uploads import read_file
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio.project_making import ProjectMaking, templates
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire import control
from scoreline.wire.control_projects import NewProjectFromTemplate, Template, WholeProjectSettings
from scoreline.wire.paging import Page

_Key = Annotated[
    str | None, Query(max_length=200, description="Its key; left out: the id in its `project.yaml`.")
]
_Data = Annotated[bool, Query(description="Whether the data files go along.")]
_Files = Annotated[
    bool, Query(description="Whether its folder is deleted, too; only one that the control plane made.")
]


def routes(
    registry: ProjectRegistry, making: ProjectMaking, audit: CatalogAudit, *, longest: int, idle: float
) -> APIRouter:
    """The routes. An archive is at most `longest` bytes; an upload may pause for `idle` seconds."""
    router = APIRouter(tags=["projects"])
    _listing(router, registry, making, audit)
    _making(router, making, audit)
    _archives(router, making, audit, longest=longest, idle=idle)
    _settings(router, making, audit)
    return router


def _listing(
    router: APIRouter, registry: ProjectRegistry, making: ProjectMaking, audit: CatalogAudit
) -> None:

    @router.get(
        "/projects",
        summary="Projects",
        dependencies=needs_listed(Kind.PROJECT),
        **operation(Page[control.Project]),
    )
    def list_projects(paging: Paging, request: Request) -> Response:
        """Projects that the control plane knows, by key; `problem` says why one cannot be used."""
        sees = sight(request).project
        found = [one for one in registry.all() if sees(one.key)]
        return answer(page_of(paging, found, lambda one: one.key))

    @router.post(
        "/projects",
        summary="Add a project",
        dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE),
        **operation(control.Project, status=201, body=control.NewProject),
    )
    async def add_project(request: Request) -> Response:
        """Know the project in a folder of the control plane's machine; 409 when its key is taken."""
        wanted = await read_json(request, control.NewProject)

        def add() -> control.Project:
            known = set(registry.keys())
            added = registry.add(Path(wanted.folder), wanted.key)
            if added.key not in known:
                audit.record("add", f"project:{added.key}", after=added)
            return added

        return answer(await run_in_threadpool(add), 201)

    @router.get(
        "/projects/{project}",
        summary="One project",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(control.Project),
    )
    def get_project(project: str) -> Response:
        """One project."""
        return answer(registry.one(project))

    @router.delete(
        "/projects/{project}",
        summary="Remove a project",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(control.Project),
    )
    def remove_project(project: str, files: _Files = False) -> Response:
        """Know a project no more, and answer what it was; its folder stays unless that is to go, too."""
        removed = making.remove(project, files=files)
        audit.record("delete" if files else "remove", f"project:{project}", before=removed)
        return answer(removed)


def _making(router: APIRouter, making: ProjectMaking, audit: CatalogAudit) -> None:
    @router.get(
        "/templates",
        summary="Templates",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(Page[Template]),
    )
    def list_templates() -> Response:
        """What a project can be made from."""
        return answer(Page(items=tuple(templates()), next=None))

    @router.post(
        "/projects/new",
        summary="Make a project from a template",
        dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE),
        **operation(ProjectJob, status=202, body=NewProjectFromTemplate),
    )
    async def create_project(request: Request) -> Response:
        """Make a project from a template by a job, in a folder of the control plane's own; 409 when its key
        is taken."""
        wanted = await read_json(request, NewProjectFromTemplate)
        by = who(request)

        def start() -> ProjectJob:
            started = making.create(wanted, by)
            audit.record("create", f"project:{wanted.key}", after={"job": started.id, "wanted": wanted})
            return started

        return answer(await run_in_threadpool(start), 202)


def _archives(
    router: APIRouter, making: ProjectMaking, audit: CatalogAudit, *, longest: int, idle: float
) -> None:
    @router.post(
        "/projects/import",
        summary="Import a project",
        dependencies=needs(Action.ADMIN, Kind.CONTROL_PLANE),
        **operation(control.Project, status=201, archive=True),
    )
    async def import_project(request: Request, key: _Key = None) -> Response:
        """Make a project of the zip archive that is the body, or the file `archive` of a form. A hostile,
        damaged or unsound one is refused, and nothing of it stays."""
        with making.upload() as archive:
            await _save(_archive_in(request, idle), archive, longest)

            def add() -> control.Project:
                added = making.import_(archive, key)
                audit.record("import", f"project:{added.key}", after=added)
                return added

            return answer(await run_in_threadpool(add), 201)

    @router.get(
        "/projects/{project}/archive",
        summary="Export a project",
        dependencies=needs(Action.DEPLOY, Kind.PROJECT),
        **operation(None, media="application/zip"),
    )
    def export_project(project: str, data: _Data = True) -> Response:
        """A project as a zip archive, which can be imported. The same files give the same bytes."""
        archive = making.export(project, with_data=data)
        return FileResponse(
            archive,
            media_type="application/zip",
            filename=f"{project}.zip",
            background=BackgroundTask(archive.unlink, missing_ok=True),
        )


def _settings(router: APIRouter, making: ProjectMaking, audit: CatalogAudit) -> None:
    @router.get(
        "/projects/{project}/settings",
        summary="Settings of a project",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(WholeProjectSettings),
    )
    def get_project_settings(project: str, request: Request) -> Response:
        """What `project.yaml` says: name, description, variables."""
        found = making.settings(project)
        return tagged(request, found, found.revision)

    @router.put(
        "/projects/{project}/settings",
        summary="Change the settings of a project",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeProjectSettings, body=ProjectSettings),
    )
    async def save_project_settings(project: str, request: Request, expected: ExpectedDigest) -> Response:
        """Replace what `project.yaml` says; comments in it stay."""
        wanted = await read_json(request, ProjectSettings)

        def save() -> WholeProjectSettings:
            before = making.settings(project)
            saved = making.save_settings(project, wanted, since=expected)
            audit.record("save", f"project:{project}", before=before.settings, after=saved.settings)
            return saved

        saved = await run_in_threadpool(save)
        return tagged(request, saved, saved.revision)


def _archive_in(request: Request, idle: float) -> AsyncIterator[bytes]:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return read_file(request, "archive", idle=idle)
    return read_chunks(request, idle=idle)


async def _save(chunks: AsyncIterator[bytes], target: Path, longest: int) -> None:
    size = 0
    with target.open("wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > longest:
                raise Invalid(f"the archive is larger than {longest} bytes", code="body-too-large")
            await run_in_threadpool(file.write, chunk)
