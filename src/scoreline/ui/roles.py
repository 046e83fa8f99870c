"""The page of roles: who may do what, on which project, service or infrastructure."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.complaints import complaints
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.access import Group, NewRole, Role, User
from scoreline.wire.control import Infrastructure, Project, Service
from scoreline.wire.problems import status_of

ROLES = "/administration/roles"
_FIELDS = {
    "bad-object": "on",
    "no-such-project": "on",
    "no-such-service": "on",
    "no-such-infrastructure": "on",
    "bad-id": "on",
    "bad-subject": "to",
    "bad-name": "to",
    "no-such-user": "to",
    "no-such-group": "to",
}
_MOST_OFFERED = 100


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        return await _page(ui, request, Form(dict(request.query_params)))

    async def grant(request: Request) -> Response:
        form = await ui.form(request)
        wanted = form.text("role", "view")
        role = NewRole(role="admin" if wanted == "admin" else "deploy" if wanted == "deploy" else "view")
        on, to = form.text("on"), form.text("to")
        try:
            granted = await ui.api(request).put(path_to("roles", on or "-", to or "-"), role, Role)
        except ScorelineError as error:
            return await _page(ui, request, form, error)
        return ui.go(request, ROLES, say=f"{granted.to} may {granted.role} on {granted.on} now.")

    async def revoke(request: Request) -> Response:
        form = await ui.form(request)
        revoked = await ui.api(request).delete(path_to("roles", form.text("on"), form.text("to")), Role)
        return ui.go(request, ROLES, say=f"{revoked.to} has no role on {revoked.on} any more.")

    return [
        Route(ROLES, show),
        Route(ROLES, grant, methods=["POST"]),
        Route(f"{ROLES}/revoke", revoke, methods=["POST"]),
    ]


async def _page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    api = ui.api(request)
    roles, objects, subjects = await asyncio.gather(api.all("/roles", Role), _objects(api), _subjects(api))
    sought = request.query_params.get("contains", "").strip()
    return await ui.page(
        request,
        "administration/roles.html",
        title="Roles",
        section="administration",
        status=status_of(error) if error else 200,
        roles=[role for role in roles if sought.casefold() in f"{role.on} {role.to}".casefold()],
        contains=sought,
        objects=objects,
        subjects=subjects,
        form=form,
        errors=complaints(error, _FIELDS) if error else {},
    )


async def _objects(api: Api) -> list[str]:
    """Some of what roles can be granted on, to be chosen from."""
    projects, services, pools = await asyncio.gather(
        api.page("/projects", Project, limit=_MOST_OFFERED),
        api.page("/services", Service, limit=_MOST_OFFERED),
        api.page("/infrastructures", Infrastructure, limit=_MOST_OFFERED),
    )
    return [
        "control-plane",
        *(f"project:{one.key}" for one in projects.items),
        *(f"infrastructure:{one.id}" for one in pools.items),
        *(f"service:{one.id}" for one in services.items),
    ]


async def _subjects(api: Api) -> list[str]:
    """Users and groups, as far as the caller may see them."""
    try:
        users, groups = await asyncio.gather(api.all("/users", User), api.all("/groups", Group))
    except ScorelineError:
        return []
    return [*(f"user:{one.name}" for one in users), *(f"group:{one.name}" for one in groups)]
