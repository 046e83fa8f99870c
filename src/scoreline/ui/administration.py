"""The pages of administration, all together."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.ui import all_keys, audit, connections, me, people, roles, search, sign_in, stages
from scoreline.ui.pages import Ui, part

ADMINISTRATION = "/administration"


def routes(ui: Ui) -> list[Route]:
    """The routes, with those of signing in, of one's own account and of the search."""

    @part
    async def begin(_: Request) -> Response:
        return RedirectResponse(people.USERS, 303)

    modules = (sign_in, me, people, roles, all_keys, stages, connections, audit, search)
    return [Route(ADMINISTRATION, begin), *(route for module in modules for route in module.routes(ui))]
