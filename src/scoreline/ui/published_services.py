"""Pages of published services: their versions, what changed from one to another, and deleting."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.why import Explanation
from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.pages import Ui, is_partial, part
from scoreline.wire.control import Deleted, Deployment, NewPruning, Project, Service, VersionDetails
from scoreline.wire.control_services import Pruned
from scoreline.wire.paging import MOST_ITEMS
from scoreline.wire.problems import status_of

BASE = "/deployer/services"
_ROWS = 50


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_looking(ui), *_deleting(ui)]


def _looking(ui: Ui) -> list[Route]:
    async def show_all(request: Request) -> Response:
        contains = request.query_params.get("contains", "").strip()
        after = request.query_params.get("after")
        page = await ui.api(request).page(
            "/services", Service, contains=contains or None, after=after, limit=_ROWS
        )
        values: dict[str, Any] = {"page": page, "contains": contains, "after": after}
        if is_partial(request):
            return ui.fragment(request, "published/_services.html", **values)
        return await ui.page(request, "published/services.html", title="Published services", **values)

    async def show(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["service"]
        service, deployments = await asyncio.gather(
            api.get(path_to("services", name), Service),
            api.page("/deployments", Deployment, service=name, limit=MOST_ITEMS),
        )
        return await ui.page(
            request,
            "published/service.html",
            title=name,
            service=service,
            versions=service.versions[::-1],
            deployments=deployments.items,
        )

    @part
    async def versions(request: Request) -> Response:
        return RedirectResponse(path_to("deployer", "services", request.path_params["service"]), 303)

    async def show_version(request: Request) -> Response:
        return await _version(ui, request)

    return [
        Route(BASE, show_all),
        Route(f"{BASE}/{{service}}", show),
        Route(f"{BASE}/{{service}}/versions", versions),
        Route(f"{BASE}/{{service}}/versions/{{version}}", show_version),
    ]


async def _version(ui: Ui, request: Request) -> Response:
    api, service, version = ui.api(request), request.path_params["service"], request.path_params["version"]
    compared_with = request.query_params.get("compared_with") or None
    found, details = await asyncio.gather(
        api.get(path_to("services", service), Service),
        api.get(
            path_to("services", service, "versions", version), VersionDetails, compared_with=compared_with
        ),
    )
    why, project = None, None
    with contextlib.suppress(ScorelineError):  # what it was made of may be of a project that is gone
        project = await api.get(path_to("projects", details.version.project), Project)
    with contextlib.suppress(ScorelineError):
        why = await api.get(path_to("services", service, "versions", version, "why"), Explanation)
    return await ui.page(
        request,
        "published/version.html",
        title=f"{service} {version}",
        service=service,
        details=details,
        why=why,
        project_known=project is not None,
        others=[one.version for one in found.versions[::-1] if one.version != version],
    )


def _deleting(ui: Ui) -> list[Route]:
    async def delete_service(request: Request) -> Response:
        service = request.path_params["service"]
        await ui.api(request).delete(path_to("services", service), Deleted)
        return ui.go(request, BASE, say=f"{service} and its versions are deleted.")

    async def delete_version(request: Request) -> Response:
        service, version = request.path_params["service"], request.path_params["version"]
        await ui.api(request).delete(path_to("services", service, "versions", version), Deleted)
        return ui.go(request, path_to("deployer", "services", service), say=f"{version} is deleted.")

    async def ask_pruning(request: Request) -> Response:
        service = request.path_params["service"]
        values = await _prunable(ui, request, service, request.query_params.get("keep_last", "5"))
        if is_partial(request):
            return ui.fragment(request, "published/_prune.html", **values)
        return await ui.page(request, "published/prune.html", title=f"Prune {service}", **values)

    async def prune(request: Request) -> Response:
        service, form = request.path_params["service"], await ui.form(request)
        try:
            wanted = NewPruning(service=service, keep_last=_count(form.text("keep_last")))
            pruned = await ui.api(request).post("/services/prune", wanted, Pruned)
        except ScorelineError as error:
            values = await _prunable(ui, request, service, form.text("keep_last"))
            values["problem"] = error
            return ui.fragment(request, "published/_prune.html", status=status_of(error), **values)
        count = len(pruned.versions)
        say = f"{count} version{'' if count == 1 else 's'} deleted."
        return ui.go(request, path_to("deployer", "services", service), say=say)

    return [
        Route(f"{BASE}/{{service}}/delete", delete_service, methods=["POST"]),
        Route(f"{BASE}/{{service}}/prune", ask_pruning),
        Route(f"{BASE}/{{service}}/prune", prune, methods=["POST"]),
        Route(f"{BASE}/{{service}}/versions/{{version}}/delete", delete_version, methods=["POST"]),
    ]


async def _prunable(ui: Ui, request: Request, service: str, keep_last: str) -> dict[str, Any]:
    """The versions that would go."""
    values: dict[str, Any] = {"service": service, "keep_last": keep_last, "problem": None, "versions": ()}
    try:
        wanted = NewPruning(service=service, keep_last=_count(keep_last), dry_run=True)
        values["versions"] = (await ui.api(request).post("/services/prune", wanted, Pruned)).versions
    except Invalid as error:
        values["problem"] = error
    return values


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("give how many of the newest versions are to stay: 0 or more", code="bad-number")
    return int(text)
