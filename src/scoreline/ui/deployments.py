"""Pages of deployments together: the board by stage, the list, and deploying."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.deployment import default_deployment_id
from scoreline.core.stage import Stage
from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial, part
from scoreline.wire.control import Deployment, Infrastructure, NewDeployment, SavedSettings, Service, Update
from scoreline.wire.paging import MOST_ITEMS, Page
from scoreline.wire.problems import status_of

_CARDS = 30
"""Of one stage on the board; the list has the others."""
_ROWS = 50
_SERVICES = 30
BASE = "/deployer/deployments"
DEPLOY = "/deployer/deploy"


class Column(Struct, frozen=True, kw_only=True):
    """A stage on the board."""

    stage: Stage
    infrastructures: tuple[str, ...]
    deployments: Page[Deployment]


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show_all(request: Request) -> Response:
        if request.query_params.get("view") == "list":
            return await _list(ui, request)
        return await _board(ui, request)

    @part
    async def begin(_: Request) -> Response:
        return RedirectResponse(BASE, 303)

    async def deploy(request: Request) -> Response:
        return await _deploy(ui, request)

    async def create(request: Request) -> Response:
        return await _create(ui, request)

    @part
    async def offer(request: Request) -> Response:
        form = Form(dict(request.query_params))
        service, infrastructure = form.text("service"), form.text("infrastructure")
        return ui.fragment(
            request, "deployments/_id.html", offered=_offered(form, service, infrastructure), error=""
        )

    return [
        Route("/deployer", begin),
        Route(BASE, show_all),
        Route(DEPLOY, deploy),
        Route(DEPLOY, create, methods=["POST"]),
        Route(f"{DEPLOY}/offered-id", offer),
    ]


async def _board(ui: Ui, request: Request) -> Response:
    api, contains = ui.api(request), _text(request, "contains")
    stages, pools = await asyncio.gather(
        api.get("/stages", tuple[Stage, ...]), api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS)
    )
    pages = await asyncio.gather(
        *(
            api.page("/deployments", Deployment, stage=stage.id, contains=contains, limit=_CARDS)
            for stage in stages
        )
    )
    columns = [
        Column(
            stage=stage,
            infrastructures=tuple(pool.id for pool in pools.items if pool.stage == stage.id),
            deployments=page,
        )
        for stage, page in zip(stages, pages, strict=True)
    ]
    up = {pool.id: sum(1 for node in pool.nodes if node.up) for pool in pools.items}
    values: dict[str, Any] = {
        "columns": columns,
        "contains": contains or "",
        "pools": pools.items,
        "up_of": up,
    }
    if is_partial(request):
        return ui.fragment(request, "deployments/_board.html", **values)
    return await ui.page(request, "deployments/board.html", title="Deployments", **values)


async def _list(ui: Ui, request: Request) -> Response:
    api = ui.api(request)
    wanted = {name: _text(request, name) for name in ("contains", "stage", "infrastructure", "service")}
    stages, pools, page = await asyncio.gather(
        api.get("/stages", tuple[Stage, ...]),
        api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS),
        api.page("/deployments", Deployment, limit=_ROWS, after=_text(request, "after"), **wanted),
    )
    values: dict[str, Any] = {
        "page": page,
        "wanted": {name: text or "" for name, text in wanted.items()},
        "after": _text(request, "after"),
        "stages": stages,
        "stage_of": {pool.id: pool.stage for pool in pools.items},
        "pools": pools.items,
    }
    if is_partial(request):
        return ui.fragment(request, "deployments/_rows.html", **values)
    return await ui.page(request, "deployments/list.html", title="Deployments", **values)


async def _deploy(ui: Ui, request: Request) -> Response:
    service = _text(request, "service")
    if service is None:
        contains = _text(request, "contains")
        found = await ui.api(request).page("/services", Service, contains=contains, limit=_SERVICES)
        return await ui.page(
            request,
            "deployments/choose.html",
            title="Deploy",
            services=found,
            contains=contains or "",
            infrastructure=_text(request, "infrastructure"),
        )
    form = Form(dict(request.query_params))
    values = await _deploy_values(ui.api(request), form, service)
    return await ui.page(request, "deployments/deploy.html", title=f"Deploy {service}", **values)


async def _create(ui: Ui, request: Request) -> Response:
    form = await ui.form(request)
    service, infrastructure = form.text("service"), form.text("infrastructure")
    start = form.text("start", "yes") == "yes"
    try:
        wanted = NewDeployment(
            service=service,
            version=form.text("version") or None,
            infrastructure=infrastructure,
            id=form.text("id") or None,
            tags=tags_of(form.text("tags")),
            start=start,
        )
        if wanted.version is None:
            raise Invalid("choose a version", code="no-version")
        api = ui.api(request)
        if start:
            update = await api.post("/deployments", wanted, Update)
            return ui.go(request, path_to("deployer", "deployments", update.deployment, "updates", update.id))
        made = await api.post("/deployments", wanted, SavedSettings)
    except ScorelineError as error:
        values = await _deploy_values(ui.api(request), form, service, problem=error)
        return ui.fragment(request, "deployments/_deploy_form.html", status=status_of(error), **values)
    return ui.go(request, path_to("deployer", "deployments", made.id, "status"), say=f"{made.id} is made.")


async def _deploy_values(
    api: Api, form: Form, service: str, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    found, stages, pools, known = await asyncio.gather(
        api.get(path_to("services", service), Service),
        api.get("/stages", tuple[Stage, ...]),
        api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS),
        api.page("/deployments", Deployment, service=service, limit=MOST_ITEMS),
    )
    versions = found.versions[::-1]
    infrastructure = form.text("infrastructure") or _free(stages, pools.items, known.items)
    return {
        "service": found,
        "versions": versions,
        "version": form.text("version") or (versions[0].version if versions else ""),
        "stages": stages,
        "pools": pools.items,
        "infrastructure": infrastructure,
        "known": known.items,
        "offered": form.text("id") if problem else _offered(form, service, infrastructure),
        "tags": form.text("tags"),
        "problem": problem,
    }


def _free(stages: Sequence[Stage], pools: Sequence[Infrastructure], known: Sequence[Deployment]) -> str:
    """The infrastructure that is offered: the first one, by stage, that has not got the service."""
    order = {stage.id: place for place, stage in enumerate(stages)}
    taken = {one.infrastructure for one in known}
    listed = sorted(pools, key=lambda one: (one.id in taken, order.get(one.stage, len(order))))
    return listed[0].id if listed else ""


def _offered(form: Form, service: str, infrastructure: str) -> str:
    """The id that is offered, unless somebody has typed another one."""
    typed = form.text("id")
    if typed and not typed.startswith(f"{service}-on-"):
        return typed
    return default_deployment_id(service, infrastructure) if infrastructure else ""


def tags_of(text: str) -> tuple[str, ...]:
    """Tags as they are typed: with commas between them."""
    return tuple(tag for tag in (part.strip() for part in text.split(",")) if tag)


def _text(request: Request, name: str) -> str | None:
    return request.query_params.get(name, "").strip() or None
