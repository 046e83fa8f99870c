"""Pages of one's own account: who one is to the control plane, and one's keys."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.complaints import complaints
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.wire.access import Key, MadeKey, Me, NewKey
from scoreline.wire.problems import status_of

KEY_FIELDS = {
    "bad-label": "label",
    "key-exists": "label",
    "days": "days",
    "bad-parameter": "days",
    "bad-id": "services",
}
"""Codes of errors about a new key -> the field that they are of."""


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        return await _page(ui, request, Form())

    async def create_key(request: Request) -> Response:
        form = await ui.form(request)
        try:
            made = await ui.api(request).post("/keys", new_key(form), MadeKey)
        except ScorelineError as error:
            return await _page(ui, request, form, error)
        return made_key(ui, request, made, "/me")

    async def revoke_key(request: Request) -> Response:
        revoked = await ui.api(request).delete(path_to("keys", request.path_params["key"]), Key)
        return ui.go(request, "/me", say=f"The key {revoked.label} opens nothing any more.")

    return [
        Route("/me", show),
        Route("/me/keys", create_key, methods=["POST"]),
        Route("/me/keys/{key}/revoke", revoke_key, methods=["POST"]),
    ]


def new_key(form: Form, user: str | None = None) -> NewKey:
    """The key that a form asks for. Raises Invalid."""
    services = tuple(form.text("services").replace(",", " ").split())
    most = form.text("most", "admin")
    return NewKey(
        label=form.text("label"),
        user=user,
        most="view" if most == "view" else "deploy" if most == "deploy" else "admin",
        services=services or None,
        days=form.number("days", "the number of days"),
    )


def made_key(ui: Ui, request: Request, made: MadeKey, back: str) -> Response:
    """A new key, which is shown this once."""
    return once(ui, request, f"The key {made.about.label} of {made.about.user}", made.key, back)


def once(ui: Ui, request: Request, what: str, secret: str, back: str) -> Response:
    """A secret, which is shown this once: in its form's place, or as a page of its own."""
    template = "me/_once.html" if is_partial(request) else "me/once.html"
    return ui.fragment(request, template, title=what, what=what, secret=secret, back=back)


async def _page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    api = ui.api(request)
    me = await api.get("/me", Me)
    keys = await api.all("/keys", Key)
    return await ui.page(
        request,
        "me/me.html",
        title="Your account",
        status=status_of(error) if error else 200,
        me=me,
        keys=keys,
        form=form,
        errors=complaints(error, KEY_FIELDS) if error else {},
    )
