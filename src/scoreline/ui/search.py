"""The search: a page of what was found, and the list that the palette shows while somebody types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.search import LONGEST_QUERY
from scoreline.ui.api import path_to
from scoreline.ui.pages import Ui
from scoreline.wire.control_search import Found, SearchResult

SEARCH = "/search"
_ON_PAGE, _IN_PALETTE = 100, 12

_KINDS = {
    "project": ("project", "folder"),
    "service": ("service", "blocks"),
    "endpoint": ("endpoint", "webhook"),
    "model": ("saved model", "brain"),
    "dataset": ("dataset", "database"),
    "scenario": ("scenario", "calendar-clock"),
    "published-service": ("published service", "rocket"),
    "deployment": ("deployment", "cloud-upload"),
    "infrastructure": ("infrastructure", "server"),
    "recipe": ("recipe", "git-branch"),
    "evaluation-store": ("evaluation store", "gauge"),
    "version": ("version", "tag"),
    "user": ("user", "user"),
    "group": ("group", "users"),
}
"""Kind -> what it is called, and its icon."""


class Hit(Struct, frozen=True, kw_only=True):
    """Something that was found, as it is shown."""

    kind: str
    picture: str
    title: str
    about: str
    place: str
    url: str


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        q = request.query_params.get("q", "").strip()[:LONGEST_QUERY]
        is_palette = request.query_params.get("part") == "palette"
        limit = _IN_PALETTE if is_palette else _ON_PAGE
        result = SearchResult(items=(), more=False)
        if q:
            result = await ui.api(request).get("/search", SearchResult, q=q, limit=limit)
        hits = _hits(result.items)
        if is_palette:
            return ui.fragment(request, "search/_hits.html", q=q, hits=hits, more=result.more)
        return await ui.page(request, "search/search.html", title="Search", q=q, hits=hits, more=result.more)

    return [Route(SEARCH, show)]


def _hits(found: Sequence[Found]) -> list[Hit]:
    return [
        Hit(
            kind=_KINDS[one.kind][0],
            picture=_KINDS[one.kind][1],
            title=one.id,
            about=" – ".join(filter(None, (one.name if one.name != one.id else "", one.description))),
            place=" / ".join(_place(one)),
            url=url_of(one),
        )
        for one in found
    ]


def _place(one: Found) -> Iterable[str]:
    """What it is in."""
    if one.kind == "deployment":
        return ("Deployer", one.service, f"on {one.infrastructure}")
    if one.kind == "version":
        return ("Deployer", one.service)
    if one.kind in ("published-service", "infrastructure"):
        return ("Deployer",)
    if one.kind in ("user", "group"):
        return ("Administration",)
    if one.kind == "project":
        return ("Projects",)
    return (one.project, one.service) if one.kind == "endpoint" else (one.project,)


def url_of(one: Found) -> str:
    """The page of something that was found."""
    deployer, project = ("deployer",), ("projects", one.project)
    parts: dict[str, tuple[str, ...]] = {
        "project": (*project, "flow"),
        "service": (*project, "services", one.service),
        "endpoint": (*project, "services", one.service, "endpoints", one.id, "settings"),
        "model": (*project, "models", one.id),
        "dataset": (*project, "datasets", one.id),
        "scenario": (*project, "scenarios", one.id, "steps"),
        "recipe": (*project, "recipes", one.id),
        "evaluation-store": (*project, "evaluation-stores", one.id),
        "published-service": (*deployer, "services", one.service),
        "version": (*deployer, "services", one.service, "versions", one.id),
        "deployment": (*deployer, "deployments", one.id, "status"),
        "infrastructure": (*deployer, "infrastructures", one.id),
        "user": ("administration", "users", one.id),
        "group": ("administration", "groups"),
    }
    return path_to(*parts[one.kind])
