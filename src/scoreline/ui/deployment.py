"""Pages of one deployment: its status, sample code, trying it, its settings, and its updates."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.why import Explanation
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui, is_partial, part
from scoreline.wire.control import Deployment, Infrastructure, SampleCode, Update
from scoreline.wire.control_traffic import DeploymentTraffic
from scoreline.wire.paging import Page

BASE = "/deployer/deployments/{deployment}"
LANGUAGES = (
    ("shell", "Shell"),
    ("python", "Python"),
    ("r", "R"),
    ("java", "Java"),
    ("javascript", "JavaScript"),
)
_UPDATES = 30


class Place(Struct, frozen=True, kw_only=True):
    """A deployment and where it is."""

    deployment: Deployment
    infrastructure: Infrastructure | None
    """None: who looks may not see it."""


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    @part
    async def begin(request: Request) -> Response:
        return RedirectResponse(url(request.path_params["deployment"], "status"), 303)

    async def status(request: Request) -> Response:
        return await _status(ui, request)

    async def sample_code(request: Request) -> Response:
        return await _sample_code(ui, request)

    async def updates(request: Request) -> Response:
        return await _updates(ui, request)

    async def update(request: Request) -> Response:
        return await _update(ui, request)

    async def cancel(request: Request) -> Response:
        deployment, number = request.path_params["deployment"], request.path_params["number"]
        await ui.api(request).post(
            path_to("deployments", deployment, "updates", number, "cancel"), None, Update
        )
        return ui.go(request, url(deployment, "updates", number), say="The update was asked to end.")

    @part
    async def history(request: Request) -> Response:
        return RedirectResponse(url(request.path_params["deployment"], "updates"), 303)

    return [
        Route(BASE, begin),
        Route(f"{BASE}/status", status),
        Route(f"{BASE}/sample-code", sample_code),
        Route(f"{BASE}/updates", updates),
        Route(f"{BASE}/history", history),
        Route(f"{BASE}/updates/{{number:int}}", update),
        Route(f"{BASE}/updates/{{number:int}}/cancel", cancel, methods=["POST"]),
    ]


async def find(api: Api, name: str) -> Place:
    """A deployment as it is just now. Raises NotFound, naming the nearest one."""
    deployment = await api.get(path_to("deployments", name), Deployment)
    pool: Infrastructure | None = None
    with contextlib.suppress(ScorelineError):
        pool = await api.get(path_to("infrastructures", deployment.infrastructure), Infrastructure)
    return Place(deployment=deployment, infrastructure=pool)


def url(deployment: str, *parts: object) -> str:
    """Where a page of a deployment is."""
    return path_to("deployer", "deployments", deployment, *parts)


async def show(
    ui: Ui, request: Request, place: Place, tab: str, template: str, *, status: int = 200, **values: Any
) -> Response:
    """A tab of the pages of a deployment."""
    title = f"{place.deployment.id}: {tab.replace('-', ' ')}"
    given = {"place": place, "deployment": place.deployment, "tab": tab, **values}
    return await ui.page(request, template, title=title, status=status, **given)


async def _status(ui: Ui, request: Request) -> Response:
    api, name = ui.api(request), request.path_params["deployment"]
    place, traffic, why = await asyncio.gather(
        find(api, name),
        api.get(path_to("deployments", name, "traffic"), DeploymentTraffic),
        api.get(path_to("deployments", name, "why"), Explanation),
    )
    values: dict[str, Any] = {"traffic": traffic, "why": why, "shares": shares_of(place.deployment)}
    if is_partial(request):
        given: dict[str, Any] = {"place": place, "deployment": place.deployment, **values}
        return ui.fragment(request, "deployments/_status.html", **given)
    return await show(ui, request, place, "status", "deployments/status.html", **values)


async def _sample_code(ui: Ui, request: Request) -> Response:
    api, name = ui.api(request), request.path_params["deployment"]
    place = await find(api, name)
    endpoints = [one.id for one in place.deployment.endpoints]
    language = request.query_params.get("language", "shell")
    endpoint = request.query_params.get("endpoint") or (endpoints[0] if endpoints else None)
    sample, problem = None, None
    if endpoints:
        try:
            sample = await api.get(
                path_to("deployments", name, "sample-code"), SampleCode, language=language, endpoint=endpoint
            )
        except ScorelineError as error:
            problem = error
    return await show(
        ui,
        request,
        place,
        "sample-code",
        "deployments/sample_code.html",
        sample=sample,
        problem=problem,
        language=language,
        languages=LANGUAGES,
        endpoint=endpoint,
        endpoints=endpoints,
    )


async def _updates(ui: Ui, request: Request) -> Response:
    api, name = ui.api(request), request.path_params["deployment"]
    place, page = await asyncio.gather(find(api, name), history_of(api, name, request))
    if is_partial(request):
        given: dict[str, Any] = {"deployment": place.deployment, "page": page}
        return ui.fragment(request, "deployments/_updates.html", **given)
    return await show(ui, request, place, "updates", "deployments/updates.html", page=page)


async def history_of(api: Api, deployment: str, request: Request) -> Page[Update]:
    """Updates, the newest first; from where the request says."""
    after = request.query_params.get("after")
    return await api.page(path_to("deployments", deployment, "updates"), Update, limit=_UPDATES, after=after)


async def _update(ui: Ui, request: Request) -> Response:
    api, name = ui.api(request), request.path_params["deployment"]
    number = request.path_params["number"]
    place, found = await asyncio.gather(
        find(api, name), api.get(path_to("deployments", name, "updates", number), Update)
    )
    if is_partial(request):
        given: dict[str, Any] = {"deployment": place.deployment, "update": found}
        return ui.fragment(request, "deployments/_update.html", **given)
    return await show(ui, request, place, "updates", "deployments/update.html", update=found)


def shares_of(deployment: Deployment) -> Mapping[str, float]:
    """Generation -> the share of the queries that it is to answer."""
    live = deployment.live
    return {entry.generation: entry.proba for entry in live.entries} if live else {}
