"""The page of everyone's keys, for admins."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.complaints import complaints
from scoreline.ui.forms import Form
from scoreline.ui.me import KEY_FIELDS, made_key, new_key
from scoreline.ui.pages import Ui
from scoreline.wire.access import Key, MadeKey, User
from scoreline.wire.problems import status_of

KEYS = "/administration/keys"


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        return await _page(ui, request, Form(dict(request.query_params)))

    async def create(request: Request) -> Response:
        form = await ui.form(request)
        try:
            wanted = new_key(form, form.text("user") or None)
            made = await ui.api(request).post("/keys", wanted, MadeKey)
        except ScorelineError as error:
            return await _page(ui, request, form, error)
        return made_key(ui, request, made, KEYS)

    async def revoke(request: Request) -> Response:
        revoked = await ui.api(request).delete(path_to("keys", request.path_params["key"]), Key)
        return ui.go(request, KEYS, say=f"The key {revoked.label} of {revoked.user} opens nothing any more.")

    return [
        Route(KEYS, show),
        Route(KEYS, create, methods=["POST"]),
        Route(f"{KEYS}/{{key}}/revoke", revoke, methods=["POST"]),
    ]


async def _page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    api = ui.api(request)
    keys, users = await asyncio.gather(api.all("/keys", Key, everyone="true"), api.all("/users", User))
    return await ui.page(
        request,
        "administration/keys.html",
        title="Keys",
        section="administration",
        status=status_of(error) if error else 200,
        keys=keys,
        users=[user.name for user in users if user.enabled],
        form=form,
        errors=complaints(error, {**KEY_FIELDS, "no-such-user": "user"}) if error else {},
    )
