"""The page of connections: the databases that nodes reach, by where their secrets are kept."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.control import Infrastructure, InfrastructureSettings, NewNode
from scoreline.wire.problems import status_of

CONNECTIONS = "/administration/connections"


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        return await _page(ui, request)

    async def save(request: Request) -> Response:
        form, api = await ui.form(request), ui.api(request)
        name, secret = form.text("name"), form.text("secret")
        try:
            if not name or not secret:
                raise Invalid(
                    "give both: the name that projects know it by, and its URL or where that is kept"
                )
            await _change(api, request.path_params["infrastructure"], {name: secret})
        except ScorelineError as error:
            return await _page(ui, request, form, error)
        return ui.go(request, CONNECTIONS, say=f"The nodes get the connection {name} with the next update.")

    async def remove(request: Request) -> Response:
        form = await ui.form(request)
        name = form.text("name")
        await _change(ui.api(request), request.path_params["infrastructure"], {name: None})
        return ui.go(request, CONNECTIONS, say=f"The connection {name} is gone.")

    one = f"{CONNECTIONS}/{{infrastructure}}"
    return [
        Route(CONNECTIONS, show),
        Route(one, save, methods=["POST"]),
        Route(f"{one}/remove", remove, methods=["POST"]),
    ]


async def _change(api: Api, infrastructure: str, changed: dict[str, str | None]) -> None:
    """Replace or remove connections; everything else of the infrastructure stays."""
    here = path_to("infrastructures", infrastructure)
    found, revision = await api.tagged(here, Infrastructure)
    kept = {**found.connections, **changed}
    is_local = found.kind == "local"
    settings = InfrastructureSettings(
        stage=found.stage,
        local_nodes=len(found.nodes) if is_local else 1,
        nodes=()
        if is_local
        else tuple(NewNode(url=node.url, admin_key=node.admin_key or "", id=node.id) for node in found.nodes),
        public_url=found.public_url,
        connections={name: secret for name, secret in kept.items() if secret is not None},
    )
    await api.put(here, settings, Infrastructure, revision=revision)


async def _page(
    ui: Ui, request: Request, form: Form | None = None, error: ScorelineError | None = None
) -> Response:
    pools = await ui.api(request).all("/infrastructures", Infrastructure)
    return await ui.page(
        request,
        "administration/connections.html",
        title="Connections",
        section="administration",
        status=status_of(error) if error else 200,
        pools=pools,
        form=form or Form(),
        wrong=request.path_params.get("infrastructure") if error else None,
        problem=error,
    )
