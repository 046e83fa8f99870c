"""Pages of the versions of a project's service: made, published, compared, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import PackageWork, ProjectJob
from scoreline.errors import Conflict, Invalid, NotAllowed, NotFound, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.designed import Designed, designed, service_path, show
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, part
from scoreline.ui.text_changes import changed_lines
from scoreline.wire import control
from scoreline.wire.control_designer import DraftChanges, MadeVersion, NewPublication, NewVersion
from scoreline.wire.problems import status_of

_ONE = "/projects/{project}/services/{service}"
_RECENT = 20


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_looking(ui), *_making(ui), *_changing(ui)]


def _looking(ui: Ui) -> list[Route]:
    async def versions(request: Request) -> Response:
        found = await designed(ui, request)
        return await show(
            ui,
            request,
            found,
            "versions",
            title=f"Versions of {found.service}",
            **await _listed(ui.api(request), found),
        )

    async def live(request: Request) -> Response:
        found = await designed(ui, request)
        values = {"found": found, "project": found.project, **await _listed(ui.api(request), found)}
        return ui.fragment(request, "designer/versions_form.html", **values)

    async def changes(request: Request) -> Response:
        found = await designed(ui, request)
        since = request.query_params.get("since")
        path = service_path(found.project, found.service, "changes")
        told = await ui.api(request).get(path, DraftChanges, since=since)
        return await show(ui, request, found, "changes", title=f"Changes of {found.service}", **_told(told))

    return [
        Route(f"{_ONE}/versions", versions),
        Route(f"{_ONE}/versions/live", part(live)),
        Route(f"{_ONE}/changes", changes),
    ]


def _making(ui: Ui) -> list[Route]:
    async def shown(request: Request, found: Designed, form: Form, **values: Any) -> Response:
        path = service_path(found.project, found.service, "changes")
        told = await ui.api(request).get(path, DraftChanges)
        given = {"form": form, **_told(told), **values}
        return await show(ui, request, found, "publish", title=f"Publish {found.service}", **given)

    async def offer(request: Request) -> Response:
        found = await designed(ui, request)
        return await shown(request, found, Form({"publish": "1", "publish_as": found.service}))

    async def publish(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        wanted = NewVersion(
            id=form.text("id") or None,
            release_notes=form.text("release_notes"),
            publish_as=(form.text("publish_as") or found.service) if form.flag("publish") else None,
        )
        path = service_path(found.project, found.service, "versions")
        try:
            job = await ui.api(request).post(path, wanted, ProjectJob)
        except (Conflict, Invalid) as error:
            field = "publish_as" if "service" in error.message and error.code == "bad-id" else "id"
            errors = {field: error.message} if error.code in ("version-exists", "bad-id") else {}
            shown_problem = None if errors else error
            return await shown(
                request, found, form, errors=errors, problem=shown_problem, status=status_of(error)
            )
        return ui.go(request, found.url("versions"), say=f"{job.title}: it has begun.")

    return [
        Route(f"{_ONE}/publish", offer),
        Route(f"{_ONE}/publish", publish, methods=["POST"]),
    ]


def _changing(ui: Ui) -> list[Route]:
    async def publish_one(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        version = request.path_params["version"]
        path = service_path(found.project, found.service, "versions", version, "publish")
        wanted = NewPublication(service=form.text("publish_as") or None)
        made = await ui.api(request).post(path, wanted, control.Version)
        return ui.go(request, found.url("versions"), say=f"{made.service} {made.version} is published.")

    async def delete(request: Request) -> Response:
        found, version = await designed(ui, request), request.path_params["version"]
        path = service_path(found.project, found.service, "versions", version)
        await ui.api(request).delete(path, control.Deleted)
        return ui.go(request, found.url("versions"), say=f"{version} is deleted here.")

    async def cancel(request: Request) -> Response:
        found = await designed(ui, request)
        path = path_to("projects", found.project, "jobs", request.path_params["job"])
        await ui.api(request).delete(path, ProjectJob)
        return ui.go(request, found.url("versions"), say="It is cancelled.")

    async def archive(request: Request) -> Response:
        path = request.path_params
        url = service_path(path["project"], path["service"], "versions", path["version"], "archive")
        answer = await ui.api(request).download(url)
        names = ("content-type", "content-disposition")
        headers = {name: answer.headers[name] for name in names if name in answer.headers}
        return Response(answer.content, headers=headers)

    return [
        Route(f"{_ONE}/versions/{{version}}/publish", publish_one, methods=["POST"]),
        Route(f"{_ONE}/versions/{{version}}/delete", delete, methods=["POST"]),
        Route(f"{_ONE}/versions/{{version}}/archive", part(archive)),
        Route(f"{_ONE}/versions/making/{{job}}/cancel", cancel, methods=["POST"]),
    ]


def _told(told: DraftChanges) -> dict[str, Any]:
    return {"told": told, "lines": changed_lines(told.before, told.after) if told.before else []}


async def _listed(api: Api, found: Designed) -> dict[str, Any]:
    """The versions, which of them are published, and what is being made."""
    path = service_path(found.project, found.service, "versions")
    versions, published, jobs = await asyncio.gather(
        api.all(path, MadeVersion), _published(api, found.service), _jobs(api, found)
    )
    running = [one for one in jobs if one.outcome is JobOutcome.RUNNING]
    logs = await asyncio.gather(
        *(api.text(path_to("projects", found.project, "jobs", one.id, "log")) for one in running)
    )
    last = next((one for one in jobs if one.outcome is not JobOutcome.RUNNING), None)
    failed = last if last is not None and last.outcome is JobOutcome.FAILED else None
    return {
        "versions": versions,
        "published": published,
        "making": list(zip(running, logs, strict=True)),
        "failed": failed,
        "waits": bool(running) or _waits(last, versions, published),
    }


def _waits(last: ProjectJob | None, versions: list[MadeVersion], published: dict[str, str]) -> bool:
    """Whether what the last job made is still to be published."""
    if last is None or last.outcome is not JobOutcome.SUCCESS or not isinstance(last.work, PackageWork):
        return False
    made = bool(versions) and versions[0].id == last.work.version
    return made and last.work.publish_as == last.work.service and last.work.version not in published


async def _published(api: Api, service: str) -> dict[str, str]:
    """Version -> digest of what is published under the same id."""
    try:
        found = await api.get(path_to("services", service), control.Service)
    except (NotFound, NotAllowed):
        return {}
    return {one.version: one.digest for one in found.versions}


async def _jobs(api: Api, found: Designed) -> list[ProjectJob]:
    """The last jobs that made versions of this service, newest first."""
    try:
        page = await api.page(path_to("projects", found.project, "jobs"), ProjectJob, limit=_RECENT)
    except ScorelineError:
        return []
    return [
        one for one in page.items if isinstance(one.work, PackageWork) and one.work.service == found.service
    ]
