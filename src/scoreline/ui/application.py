"""The application of the web pages, in front of the control API."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from scoreline.errors import NotFound, ScorelineError
from scoreline.ui import (
    administration,
    datasets,
    deployer,
    designer,
    dry_runs,
    evaluations,
    flow,
    models,
    project_jobs,
    projects,
    recipes,
    runs,
    scenario_parts,
    scenarios,
    tour,
)
from scoreline.ui.api import ApiCalls
from scoreline.ui.assets import PREFIX, Assets
from scoreline.ui.pages import Ui
from scoreline.ui.protection import Protection

_OF_THE_API = ("/api/", "/dip/", "/public/", "/isAlive/")

_ROUTES: Sequence[Callable[[Ui], Sequence[BaseRoute]]] = (
    evaluations.routes,
    models.routes,
    recipes.routes,
    datasets.routes,
    administration.routes,
    deployer.routes,
    designer.routes,
    flow.routes,
    project_jobs.routes,
    projects.routes,
    tour.routes,
    scenarios.routes,
    scenario_parts.routes,
    dry_runs.routes,
    runs.routes,
)
"""`routes` of every module of pages."""


def with_pages(api: ASGIApp, *, version: str, longest_upload: int) -> ASGIApp:
    """The control API and, on every other path, the pages. Without bundled assets each says that."""
    try:
        pages: ASGIApp = make_pages(Ui(ApiCalls(api), Assets(), version, longest_upload=longest_upload))
    except ScorelineError as error:
        pages = _Unmade(error.message)

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_of_the_api(scope["path"]):
            await pages(scope, receive, send)
        else:
            await api(scope, receive, send)

    return site


def _is_of_the_api(path: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(_OF_THE_API) or path.startswith("//")


def make_pages(ui: Ui) -> Starlette:
    """The pages alone."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ScorelineError)
        return await ui.refused(request, error)

    async def lost(request: Request, _: Exception) -> Response:
        return await ui.refused(request, NotFound("there is no page at this address", code="no-such-page"))

    async def home(_: Request) -> Response:
        return RedirectResponse("/projects", 303)

    return Starlette(
        routes=[
            Route("/", home),
            Mount(PREFIX, ui.files),
            *(route for routes in _ROUTES for route in routes(ui)),
        ],
        middleware=[Middleware(Protection), Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)],
        exception_handlers={ScorelineError: refused, 404: lost},
    )


class _Unmade:
    def __init__(self, why: str) -> None:
        self._why = why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(f"{self._why}\n", 503, media_type="text/plain")(scope, receive, send)
