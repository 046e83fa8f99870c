"""The route of the search over everything that has a name."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from scoreline.core.access import WHOLE, Action, Caller, Kind, is_allowed, project_target
from scoreline.core.search import LONGEST_QUERY, Entry, FoundKind, search
from scoreline.deployer.search import CatalogNames
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import Sight, needs, sight
from scoreline.studio.search import ProjectSearch
from scoreline.wire.control_search import Found, SearchResult

_Q = Annotated[
    str,
    Query(max_length=LONGEST_QUERY, description="An id, its beginning, or words of name and description."),
]
_Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
_PEOPLE = (FoundKind.USER, FoundKind.GROUP)


def routes(catalog: CatalogNames, projects: ProjectSearch) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["search"])

    @router.get(
        "/search",
        summary="Search",
        dependencies=needs(Action.VIEW, Kind.CONTROL_PLANE),
        **operation(SearchResult),
    )
    def search_everything(request: Request, q: _Q = "", limit: _Limit = 20) -> Response:
        """What fits, best first, of all that the caller may see.

        First the id itself, then its beginning, words, the rest; after that what is spelled alike.
        """
        seen = _Seen(caller(request), sight(request))
        indexes = [catalog.index(), *projects.indexes()]
        if not seen.everything:
            indexes = [index.only(seen.entry) for index in indexes]
        found = list(islice(search(indexes, q), limit + 1))
        items = tuple(_described(entry) for entry in found[:limit])
        return answer(SearchResult(items=items, more=len(found) > limit))

    return router


class _Seen:
    """What a caller may find. He is asked for each object once: there are many entries of few objects."""

    def __init__(self, who: Caller, seen: Sight) -> None:
        self._who = who
        self._sight = seen
        self._known: dict[tuple[bool, str, str, str], bool] = {}
        self._people = is_allowed(who, Action.ADMIN, WHOLE)
        self.everything = self._people

    def entry(self, entry: Entry) -> bool:
        """Whether he may see it."""
        if entry.kind in _PEOPLE:
            return self._people
        is_project = entry.kind is FoundKind.PROJECT
        around = (is_project, entry.project, entry.service, entry.infrastructure)
        if around not in self._known:
            self._known[around] = self._look(entry)
        return self._known[around]

    def _look(self, entry: Entry) -> bool:
        if entry.project:
            target = project_target(entry.project, service=entry.service or None)
            return is_allowed(self._who, Action.VIEW, target)
        if entry.service and entry.infrastructure:
            return self._sight.deployment(entry.service, entry.infrastructure)
        if entry.service:
            return self._sight.service(entry.service)
        return self._sight.infrastructure(entry.infrastructure)


def _described(entry: Entry) -> Found:
    return Found(
        kind=entry.kind.value,
        id=entry.id,
        name=entry.name,
        description=entry.description[:_LONGEST_DESCRIPTION],
        project=entry.project,
        service=entry.service,
        infrastructure=entry.infrastructure,
    )


_LONGEST_DESCRIPTION = 300
