"""The page of stages: the steps of the lifecycle, in the order of promotion."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.stage import Stage
from scoreline.errors import ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.complaints import complaints
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.access import Me
from scoreline.wire.control import Infrastructure, NewStage, StageDescription, StageOrder
from scoreline.wire.paging import MOST_ITEMS
from scoreline.wire.problems import status_of

STAGES = "/administration/stages"
_FIELDS = {"bad-id": "id", "stage-exists": "id"}


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def show(request: Request) -> Response:
        return await _page(ui, request, Form())

    async def add(request: Request) -> Response:
        form = await ui.form(request)
        wanted = NewStage(id=form.text("id"), description=form.text("description"))
        try:
            added = await ui.api(request).post("/stages", wanted, Stage)
        except ScorelineError as error:
            return await _page(ui, request, form, error)
        return ui.go(request, STAGES, say=f"The stage {added.id} is the last one now.")

    async def order(request: Request) -> Response:
        form, api = await ui.form(request), ui.api(request)
        ids = [stage.id for stage in await api.get("/stages", tuple[Stage, ...])]
        await api.put("/stages", StageOrder(order=_moved(ids, form)), tuple[Stage, ...])
        return ui.go(request, STAGES)

    async def describe(request: Request) -> Response:
        form, stage = await ui.form(request), request.path_params["stage"]
        wanted = StageDescription(description=form.text("description"))
        await ui.api(request).put(path_to("stages", stage), wanted, Stage)
        return ui.go(request, STAGES, say=f"The stage {stage} is described.")

    async def remove(request: Request) -> Response:
        stage = request.path_params["stage"]
        await ui.api(request).delete(path_to("stages", stage), tuple[Stage, ...])
        return ui.go(request, STAGES, say=f"The stage {stage} is gone.")

    one = f"{STAGES}/{{stage}}"
    return [
        Route(STAGES, show),
        Route(STAGES, add, methods=["POST"]),
        Route(f"{STAGES}/order", order, methods=["POST"]),
        Route(f"{one}/describe", describe, methods=["POST"]),
        Route(f"{one}/remove", remove, methods=["POST"]),
    ]


def _moved(ids: list[str], form: Form) -> tuple[str, ...]:
    """The order with one stage a place earlier or later."""
    stage, step = form.text("stage"), -1 if form.text("to") == "earlier" else 1
    if stage in ids and 0 <= ids.index(stage) + step < len(ids):
        place = ids.index(stage)
        ids[place], ids[place + step] = ids[place + step], ids[place]
    return tuple(ids)


async def _page(ui: Ui, request: Request, form: Form, error: ScorelineError | None = None) -> Response:
    api = ui.api(request)
    stages, pools, me = await asyncio.gather(
        api.get("/stages", tuple[Stage, ...]),
        api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS),
        api.get("/me", Me),
    )
    return await ui.page(
        request,
        "administration/stages.html",
        title="Stages",
        section="administration",
        status=status_of(error) if error else 200,
        me=me,
        stages=stages,
        pools={stage.id: [pool.id for pool in pools.items if pool.stage == stage.id] for stage in stages},
        may_change=me.roles.get("control-plane") == "admin" and me.most == "admin" and me.services is None,
        form=form,
        errors=complaints(error, _FIELDS) if error else {},
    )
