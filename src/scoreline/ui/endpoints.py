"""Pages of the endpoints of a project's service: a new one, and the panels of each but two."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.lookup import Lookup, LookupKey
from scoreline.core.service import Endpoint, LookupEndpoint, PredictionEndpoint, Service
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.columns import Columns
from scoreline.ui.designed import (
    Designed,
    base_of,
    designed,
    endpoint_in,
    refusal,
    save,
    service_path,
    show,
    with_endpoint,
)
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.ui.pages import part as leads_on
from scoreline.wire.control_designer import EndpointTakes
from scoreline.wire.control_models import Model

_ONE = "/projects/{project}/services/{service}"
_ENDPOINT = "/projects/{project}/services/{service}/endpoints/{endpoint}"


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_new(ui), *_settings(ui), *_looking(ui), *_advanced(ui), *_code(ui)]


def _new(ui: Ui) -> list[Route]:
    async def shown(request: Request, found: Designed, form: Form, **values: Any) -> Response:
        api = ui.api(request)
        models = [one.id for one in await api.all(path_to("projects", found.project, "models"), Model)]
        columns = await Columns.of(api, found.project, [form.text("dataset")])
        given = {"form": form, "models": models, "columns": columns, **values}
        return await show(ui, request, found, "new_endpoint", title="New endpoint", **given)

    async def show_new(request: Request) -> Response:
        given = request.query_params
        form = Form({"kind": given.get("kind", "prediction"), "model": given.get("model", "")})
        return await shown(request, await designed(ui, request), form)

    async def create(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        if form.text("do") != "create":
            return await shown(request, found, form)
        endpoint, errors = _typed(form), {}
        if not endpoint.id:
            errors["id"] = "Give the endpoint an id: it is the second part of its URL."
        elif endpoint_in(found.definition, endpoint.id):
            errors["id"] = f"There is an endpoint {endpoint.id} already; choose another id."
        if isinstance(endpoint, LookupEndpoint) and not endpoint.lookups[0].dataset:
            errors["dataset"] = "Choose where to look."
        if errors:
            return await shown(request, found, form, errors=errors, status=400)

        def add(service: Service) -> Service:
            return msgspec.structs.replace(service, endpoints=(*service.endpoints, endpoint))

        at = f"endpoints[{len(found.definition.endpoints)}]"
        try:
            await save(ui.api(request), found, lambda _: None, add, "", at=at)
        except (Invalid, Conflict) as error:
            told = refusal(error)
            told["errors"] = {_FIELDS.get(name, name): text for name, text in told["errors"].items()}
            return await shown(request, found, form, **told)
        url = found.url("endpoints", endpoint.id, "settings")
        return ui.go(request, url, say=f"Endpoint {endpoint.id} is made.")

    return [
        Route(f"{_ONE}/endpoints/new", show_new),
        Route(f"{_ONE}/endpoints/new", create, methods=["POST"]),
    ]


_FIELDS = {"lookups[0].dataset": "dataset", "lookups[0].keys": "key", "lookups[0].keys[0].column": "key"}


def _typed(form: Form) -> Endpoint:
    """What is typed into the form of a new endpoint."""
    if form.text("kind") != "lookup":
        return PredictionEndpoint(id=form.text("id"), model=form.text("model"))
    key = form.text("key")
    keys = (LookupKey(column=key),) if key else ()
    return LookupEndpoint(id=form.text("id"), lookups=(Lookup(dataset=form.text("dataset"), keys=keys),))


def _settings(ui: Ui) -> list[Route]:
    def part(endpoint: Endpoint | None) -> Any:
        if endpoint is None:
            return None
        model = {"model": endpoint.model} if isinstance(endpoint, PredictionEndpoint) else {}
        return {"id": endpoint.id, "description": endpoint.description, **model}

    async def shown(request: Request, found: Designed, form: Form, base: str, **values: Any) -> Response:
        models: list[str] = []
        if found.kind == "prediction":
            api = ui.api(request)
            models = [one.id for one in await api.all(path_to("projects", found.project, "models"), Model)]
        title = f"{found.endpoint_id}: settings"
        given = {"panel": "settings", "form": form, "base": base, "models": models, **values}
        return await show(ui, request, found, "settings", title=title, **given)

    async def settings(request: Request) -> Response:
        found = await designed(ui, request)
        now = part(found.endpoint)
        return await shown(request, found, Form(now), base_of(now))

    async def save_settings(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        endpoint = found.endpoint.id
        changes: dict[str, Any] = {"id": form.text("id"), "description": form.text("description")}
        if found.kind == "prediction":
            changes["model"] = form.text("model")

        def change(service: Service) -> Service:
            before = endpoint_in(service, endpoint)
            return with_endpoint(
                service, endpoint, None if before is None else msgspec.structs.replace(before, **changes)
            )

        try:
            await save(
                ui.api(request),
                found,
                lambda service: part(endpoint_in(service, endpoint)),
                change,
                form.raw("base"),
                at=place_of(found),
            )
        except ScorelineError as error:
            return await shown(request, found, form, new_base(error, form), **refusal(error))
        return ui.go(request, found.url("endpoints", changes["id"], "settings"), say="Saved.")

    async def delete(request: Request) -> Response:
        found = await designed(ui, request)
        name = found.endpoint.id
        await save(
            ui.api(request), found, lambda _: None, lambda service: with_endpoint(service, name, None), ""
        )
        return ui.go(request, found.url(), say=f"Endpoint {name} is deleted.")

    async def open_endpoint(request: Request) -> Response:
        path = request.path_params
        url = service_path(path["project"], path["service"], "endpoints", path["endpoint"], "settings")
        return RedirectResponse(url, 303)

    return [
        Route(_ENDPOINT, leads_on(open_endpoint)),
        Route(f"{_ENDPOINT}/settings", settings),
        Route(f"{_ENDPOINT}/settings", save_settings, methods=["POST"]),
        Route(f"{_ENDPOINT}/delete", delete, methods=["POST"]),
    ]


def _looking(ui: Ui) -> list[Route]:
    async def features(request: Request) -> Response:
        found = await designed(ui, request)
        takes, problem = await takes_of(ui, request, found)
        title = f"{found.endpoint_id}: features"
        return await show(
            ui, request, found, "features", title=title, panel="features", takes=takes, problem=problem
        )

    async def openapi(request: Request) -> Response:
        found = await designed(ui, request)
        described: dict[str, Any] = {}
        problem = None
        try:
            path = service_path(found.project, found.service, "openapi")
            whole = await ui.api(request).get(path, dict[str, Any])
            begins = f"/{found.endpoint_id}/"
            paths = {name: one for name, one in whole["paths"].items() if begins in name}
            described = {**whole, "paths": paths}
        except ScorelineError as error:
            problem = error
        title = f"{found.endpoint_id}: OpenAPI"
        return await show(
            ui, request, found, "openapi", title=title, panel="openapi", described=described, problem=problem
        )

    return [Route(f"{_ENDPOINT}/features", features), Route(f"{_ENDPOINT}/openapi", openapi)]


def _advanced(ui: Ui) -> list[Route]:
    def part(endpoint: Endpoint | None) -> Any:
        shown = endpoint.return_post_enrichment if isinstance(endpoint, PredictionEndpoint) else None
        return {"return_post_enrichment": shown}

    async def advanced(request: Request) -> Response:
        found = await designed(ui, request)
        now = part(found.endpoint)
        form = Form({"return_post_enrichment": "1"} if now["return_post_enrichment"] else {})
        title = f"{found.endpoint_id}: advanced"
        return await show(
            ui, request, found, "advanced", title=title, panel="advanced", form=form, base=base_of(now)
        )

    async def save_advanced(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        name = found.endpoint.id

        def change(service: Service) -> Service:
            before = endpoint_in(service, name)
            if not isinstance(before, PredictionEndpoint):
                return service
            shown = form.flag("return_post_enrichment")
            return with_endpoint(service, name, msgspec.structs.replace(before, return_post_enrichment=shown))

        try:
            await save(
                ui.api(request),
                found,
                lambda service: part(endpoint_in(service, name)),
                change,
                form.raw("base"),
            )
        except ScorelineError as error:
            given = {"panel": "advanced", "form": form, "base": new_base(error, form), **refusal(error)}
            return await show(ui, request, found, "advanced", title=f"{name}: advanced", **given)
        return ui.go(request, found.panel_url("advanced"), say="Saved.")

    return [
        Route(f"{_ENDPOINT}/advanced", advanced),
        Route(f"{_ENDPOINT}/advanced", save_advanced, methods=["POST"]),
    ]


def _code(ui: Ui) -> list[Route]:
    async def shown(request: Request, found: Designed, text: str, base: str, **values: Any) -> Response:
        title = f"{found.endpoint_id}: code"
        given = {"panel": "code", "text": text, "base": base, "schema": _SCHEMA, **values}
        return await show(ui, request, found, "code", title=title, **given)

    async def code(request: Request) -> Response:
        found = await designed(ui, request)
        text = msgspec.json.format(msgspec.json.encode(found.endpoint)).decode()
        return await shown(request, found, text, base_of(found.endpoint))

    async def save_code(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        name, text = found.endpoint.id, form.raw("text")
        try:
            typed = msgspec.json.decode(text, type=Endpoint)
        except msgspec.MsgspecError as error:
            errors = {"text": str(error)}
            return await shown(request, found, text, form.raw("base"), errors=errors, status=400)
        try:
            await save(
                ui.api(request),
                found,
                lambda service: endpoint_in(service, name),
                lambda service: with_endpoint(service, name, typed),
                form.raw("base"),
                at=place_of(found),
            )
        except ScorelineError as error:
            told = refusal(error)
            if told["errors"]:
                listed = "; ".join(f"{at or 'it'}: {why}" for at, why in told["errors"].items())
                told["errors"] = {"text": listed}
            return await shown(request, found, text, new_base(error, form), **told)
        return ui.go(request, found.url("endpoints", typed.id, "code"), say="Saved.")

    return [
        Route(f"{_ENDPOINT}/code", code),
        Route(f"{_ENDPOINT}/code", save_code, methods=["POST"]),
    ]


_SCHEMA: dict[str, Any] = {"type": "object", "required": ["kind", "id"]}


def place_of(found: Designed) -> str:
    """The field of the definition in which an endpoint is."""
    ids = [one.id for one in found.definition.endpoints]
    return f"endpoints[{ids.index(found.endpoint_id or '')}]"


def new_base(error: ScorelineError, form: Form) -> str:
    """What a form is based on after an error: when somebody else was first, on what he made of it."""
    return base_of(error.now) if hasattr(error, "now") else form.raw("base")


async def takes_of(
    ui: Ui, request: Request, found: Designed
) -> tuple[EndpointTakes | None, ScorelineError | None]:
    """What an endpoint takes, or why that is not known, such as a model that is not trained."""
    path = service_path(found.project, found.service, "endpoints", found.endpoint_id or "", "schema")
    try:
        return await ui.api(request).get(path, EndpointTakes), None
    except ScorelineError as error:
        return None, error
