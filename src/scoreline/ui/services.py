"""Pages of the services of a project: the list, a new one, what it is called, who is answered."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.service import PredictionEndpoint, Service
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.designed import base_of, designed, refusal, save, service_path, show
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.pages import part as leads_on
from scoreline.wire.control import Deleted
from scoreline.wire.control_designer import (
    DesignedService,
    Findings,
    MadeServiceKey,
    NewServiceDefinition,
    NewServiceId,
    NewServiceKey,
    ServiceDefinition,
    WholeService,
)
from scoreline.wire.control_models import Model
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/services"
_ONE = "/projects/{project}/services/{service}"


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_all(ui), *_new(ui), *_one(ui), *_authorization(ui)]


def _all(ui: Ui) -> list[Route]:
    async def show_all(request: Request) -> Response:
        project = request.path_params["project"]
        services = await ui.api(request).all(path_to("projects", project, "services"), DesignedService)
        return await ui.page(
            request,
            "designer/services.html",
            title="API designer",
            project=project,
            section="designer",
            services=services,
        )

    return [Route(_ALL, show_all)]


def _new(ui: Ui) -> list[Route]:
    async def form_of(
        request: Request, form: Form, status: int = 200, errors: Any = None, problem: Any = None
    ) -> Response:
        project = request.path_params["project"]
        api = ui.api(request)
        models = await api.all(path_to("projects", project, "models"), Model)
        services = await api.all(path_to("projects", project, "services"), DesignedService)
        template = "designer/new_form.html" if is_partial(request) else "designer/new.html"
        values = {
            "project": project,
            "section": "designer",
            "form": form,
            "models": [one.id for one in models],
            "services": [one.id for one in services if not one.problem],
            "errors": errors or {},
            "problem": problem,
        }
        if is_partial(request):
            return ui.fragment(request, template, status=status, **values)
        return await ui.page(request, template, title="New service", status=status, **values)

    async def show_new(request: Request) -> Response:
        model = request.query_params.get("model", "")
        return await form_of(request, Form({"model": model} if model else {}))

    async def create(request: Request) -> Response:
        form, api, project = await ui.form(request), ui.api(request), request.path_params["project"]
        model, service, endpoint = form.text("model"), form.text("service"), form.text("endpoint")
        errors: dict[str, str] = {}
        if not service:
            errors["service"] = "Give the service an id: it is the first part of its URLs."
        if model and not endpoint:
            errors["endpoint"] = "Give the endpoint an id: it is the second part of its URL."
        if errors:
            return await form_of(request, form, 400, errors)
        endpoints = (PredictionEndpoint(id=endpoint, model=model),) if model else ()
        wanted = NewServiceDefinition(id=service, definition=ServiceDefinition(endpoints=endpoints))
        try:
            await api.post(path_to("projects", project, "services"), wanted, WholeService)
        except (Invalid, Conflict) as error:
            if error.code != "invalid-project":
                return await form_of(request, form, status_of(error), {"service": error.message})
            found = await api.post(service_path(project, service, "check"), wanted.definition, Findings)
            names = {"endpoints[0].id": "endpoint", "endpoints[0].model": "model"}
            errors = {names.get(one.field, one.field): one.message for one in found.findings}
            shown = None if errors else error
            return await form_of(request, form, status_of(error), errors, shown)
        panel = ("endpoints", endpoint, "settings") if endpoints else ("endpoints", "new")
        return ui.go(request, service_path(project, service, *panel), say=f"Service {service} is made.")

    return [
        Route(f"{_ALL}/new", show_new),
        Route(f"{_ALL}/new", create, methods=["POST"]),
    ]


def _one(ui: Ui) -> list[Route]:
    def part(service: Service) -> Any:
        return {"name": service.name, "description": service.description}

    async def open_one(request: Request) -> Response:
        found = await designed(ui, request)
        endpoints = found.whole.definition.endpoints if found.whole.definition else ()
        if found.whole.definition is None:
            return ui.go(request, found.url("settings"))
        return ui.go(
            request,
            found.url("endpoints", endpoints[0].id, "settings")
            if endpoints
            else found.url("endpoints", "new"),
        )

    async def settings(request: Request) -> Response:
        found = await designed(ui, request)
        definition = found.whole.definition or Service()
        form = Form({"name": definition.name, "description": definition.description})
        return await show(
            ui, request, found, "service", title=found.service, form=form, base=base_of(part(definition))
        )

    async def save_settings(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)

        def change(service: Service) -> Service:
            return msgspec.structs.replace(
                service, name=form.text("name"), description=form.text("description")
            )

        try:
            await save(ui.api(request), found, part, change, form.raw("base"))
        except ScorelineError as error:
            base = base_of(error.now) if hasattr(error, "now") else form.raw("base")
            return await show(
                ui, request, found, "service", title=found.service, form=form, base=base, **refusal(error)
            )
        return ui.go(request, found.url("settings"), say="Saved.")

    async def rename(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        path = service_path(found.project, found.service, "rename")
        renamed = await ui.api(request).post(path, NewServiceId(id=form.text("id")), WholeService)
        name = renamed.service.id
        return ui.go(
            request,
            path_to("projects", found.project, "services", name, "settings"),
            say=f"It is {name} now.",
        )

    async def delete(request: Request) -> Response:
        path = request.path_params
        await ui.api(request).delete(service_path(path["project"], path["service"]), Deleted)
        return ui.go(
            request,
            path_to("projects", path["project"], "services"),
            say=f"Service {path['service']} is deleted.",
        )

    return [
        Route(_ONE, leads_on(open_one)),
        Route(f"{_ONE}/settings", settings),
        Route(f"{_ONE}/settings", save_settings, methods=["POST"]),
        Route(f"{_ONE}/rename", rename, methods=["POST"]),
        Route(f"{_ONE}/delete", delete, methods=["POST"]),
    ]


def _authorization(ui: Ui) -> list[Route]:
    async def authorization(request: Request) -> Response:
        found = await designed(ui, request)
        return await show(
            ui,
            request,
            found,
            "authorization",
            title=f"Authorization of {found.service}",
            made=None,
            form=Form(),
        )

    async def add_key(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        path = service_path(found.project, found.service, "api-keys")
        title = f"Authorization of {found.service}"
        try:
            made = await ui.api(request).post(path, NewServiceKey(label=form.text("label")), MadeServiceKey)
        except ScorelineError as error:
            errors = {"label": error.message}
            return await show(
                ui,
                request,
                found,
                "authorization",
                title=title,
                made=None,
                form=form,
                errors=errors,
                status=status_of(error),
            )
        found = await designed(ui, request)
        return await show(ui, request, found, "authorization", title=title, made=made, form=Form())

    async def delete_key(request: Request) -> Response:
        found = await designed(ui, request)
        label = request.path_params["label"]
        path = service_path(found.project, found.service, "api-keys", label)
        await ui.api(request).delete(path, Deleted)
        return ui.go(request, found.url("authorization"), say=f"The key of {label} is deleted.")

    async def make_public(request: Request) -> Response:
        found = await designed(ui, request)
        wanted = msgspec.structs.replace(found.definition, authorization="public", api_keys=())
        path = service_path(found.project, found.service)
        await ui.api(request).put(path, wanted, WholeService, revision=found.whole.revision)
        return ui.go(request, found.url("authorization"), say="Versions made from now on answer everybody.")

    return [
        Route(f"{_ONE}/authorization", authorization),
        Route(f"{_ONE}/authorization", add_key, methods=["POST"]),
        Route(f"{_ONE}/authorization/public", make_public, methods=["POST"]),
        Route(f"{_ONE}/authorization/keys/{{label}}/delete", delete_key, methods=["POST"]),
    ]
