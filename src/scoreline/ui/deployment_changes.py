"""What changes a deployment: each begins with a page that says what will happen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.deployment import (
    GenerationsMapping,
    UpdateKind,
    UpdateOutcome,
    default_deployment_id,
    same_mapping,
    single,
)
from scoreline.core.stage import Stage
from scoreline.core.version_changes import VersionChanges
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.deployment import BASE, Place, find, show, url
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.wire.control import (
    Deleted,
    Deployment,
    Infrastructure,
    NewCopy,
    NewPromotion,
    NewRollback,
    NewUpdate,
    Service,
    Update,
    VersionDetails,
)
from scoreline.wire.paging import MOST_ITEMS
from scoreline.wire.problems import status_of

_LOOKED_BACK = 50
"""Updates among which the one is looked for that brought what was live before."""


class Difference(Struct, frozen=True, kw_only=True):
    """What a version that is to come live changes for those who ask."""

    version: str
    since: str | None
    """The live one that it is compared with; None: nothing is live, or it is live already."""
    changes: VersionChanges | None


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_updating(ui), *_going_back(ui), *_elsewhere(ui), *_switching(ui)]


def _updating(ui: Ui) -> list[Route]:
    async def ask(request: Request) -> Response:
        api = ui.api(request)
        place = await find(api, request.path_params["deployment"])
        values = await _update_values(api, place, Form(dict(request.query_params)))
        if is_partial(request):
            return ui.fragment(request, "deployments/_difference.html", deployment=place.deployment, **values)
        return await show(ui, request, place, "update", "deployments/update_form.html", **values)

    async def start(request: Request) -> Response:
        api, name, form = ui.api(request), request.path_params["deployment"], await ui.form(request)
        try:
            wanted = NewUpdate(
                version=form.text("version") or None,
                kind=UpdateKind(form.text("kind", "light")),
                rolling=form.flag("rolling"),
            )
            update = await api.post(path_to("deployments", name, "updates"), wanted, Update)
        except ScorelineError as error:
            place = await find(api, name)
            values = await _update_values(api, place, form, problem=error)
            given = {"deployment": place.deployment, **values}
            return ui.fragment(request, "deployments/_update_form.html", status=status_of(error), **given)
        return ui.go(request, url(name, "updates", update.id))

    return [Route(f"{BASE}/update", ask), Route(f"{BASE}/update", start, methods=["POST"])]


async def _update_values(
    api: Api, place: Place, form: Form, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    found = place.deployment
    service = await api.get(path_to("services", found.service), Service)
    version = form.text("version")
    wanted = single(version) if version else found.mapping
    known = [one.version for one in service.versions]
    return {
        "versions": known[::-1],
        "version": version,
        "kind": form.text("kind", "light"),
        "rolling": form.flag("rolling"),
        "wanted": wanted,
        "same": same_mapping(wanted, found.live),
        "differences": await _differences(api, found, wanted, known),
        "problem": problem,
    }


async def _differences(
    api: Api, found: Deployment, wanted: GenerationsMapping | None, known: Sequence[str]
) -> list[Difference]:
    """Each version that comes live, compared with the one that answers most now."""
    live = found.live.generations if found.live else ()
    coming = [name for name in (wanted.generations if wanted else ()) if name not in live and name in known]
    since = max(found.live.entries, key=lambda one: one.proba).generation if found.live else None
    if since not in known:
        return [Difference(version=name, since=None, changes=None) for name in coming]
    details = await asyncio.gather(
        *(
            api.get(path_to("services", found.service, "versions", name), VersionDetails, compared_with=since)
            for name in coming
        )
    )
    return [
        Difference(version=name, since=since, changes=one.changes)
        for name, one in zip(coming, details, strict=True)
    ]


def _going_back(ui: Ui) -> list[Route]:
    async def ask(request: Request) -> Response:
        api = ui.api(request)
        place = await find(api, request.path_params["deployment"])
        version = request.query_params.get("version", "")
        values = await _rollback_values(api, place, version)
        return await show(ui, request, place, "rollback", "deployments/rollback.html", **values)

    async def start(request: Request) -> Response:
        api, name, form = ui.api(request), request.path_params["deployment"], await ui.form(request)
        try:
            wanted = NewRollback(version=form.text("version") or None)
            update = await api.post(path_to("deployments", name, "rollback"), wanted, Update)
        except ScorelineError as error:
            place = await find(api, name)
            values = await _rollback_values(api, place, form.text("version"), problem=error)
            given = {"deployment": place.deployment, **values}
            return ui.fragment(request, "deployments/_rollback_form.html", status=status_of(error), **given)
        return ui.go(request, url(name, "updates", update.id))

    return [Route(f"{BASE}/rollback", ask), Route(f"{BASE}/rollback", start, methods=["POST"])]


async def _rollback_values(
    api: Api, place: Place, version: str, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    found = place.deployment
    service, updates = await asyncio.gather(
        api.get(path_to("services", found.service), Service),
        api.page(path_to("deployments", found.id, "updates"), Update, limit=_LOOKED_BACK),
    )
    before = next(
        (
            one.from_mapping
            for one in updates.items
            if one.outcome is UpdateOutcome.SUCCESS
            and one.from_mapping is not None
            and not same_mapping(one.from_mapping, found.live)
        ),
        None,
    )
    return {
        "versions": [one.version for one in service.versions[::-1]],
        "before": before,
        "version": version,
        "problem": problem,
    }


def _elsewhere(ui: Ui) -> list[Route]:
    async def ask_copy(request: Request) -> Response:
        api = ui.api(request)
        place = await find(api, request.path_params["deployment"])
        values = await _copy_values(api, place, Form(dict(request.query_params)))
        return await show(ui, request, place, "copy", "deployments/copy.html", **values)

    async def copy(request: Request) -> Response:
        api, name, form = ui.api(request), request.path_params["deployment"], await ui.form(request)
        try:
            wanted = NewCopy(infrastructure=form.text("infrastructure"), id=form.text("id") or None)
            update = await api.post(path_to("deployments", name, "copy"), wanted, Update)
        except ScorelineError as error:
            place = await find(api, name)
            values = await _copy_values(api, place, form, problem=error)
            given = {"deployment": place.deployment, **values}
            return ui.fragment(request, "deployments/_copy_form.html", status=status_of(error), **given)
        return ui.go(request, url(update.deployment, "updates", update.id))

    async def ask_promotion(request: Request) -> Response:
        api = ui.api(request)
        place = await find(api, request.path_params["deployment"])
        values = await _promotion_values(api, place, "")
        return await show(ui, request, place, "promote", "deployments/promote.html", **values)

    async def promote(request: Request) -> Response:
        api, name, form = ui.api(request), request.path_params["deployment"], await ui.form(request)
        try:
            wanted = NewPromotion(infrastructure=form.text("infrastructure") or None)
            update = await api.post(path_to("deployments", name, "promote"), wanted, Update)
        except ScorelineError as error:
            place = await find(api, name)
            values = await _promotion_values(api, place, form.text("infrastructure"), problem=error)
            given = {"deployment": place.deployment, **values}
            return ui.fragment(request, "deployments/_promote_form.html", status=status_of(error), **given)
        return ui.go(request, url(update.deployment, "updates", update.id))

    return [
        Route(f"{BASE}/copy", ask_copy),
        Route(f"{BASE}/copy", copy, methods=["POST"]),
        Route(f"{BASE}/promote", ask_promotion),
        Route(f"{BASE}/promote", promote, methods=["POST"]),
    ]


async def _copy_values(
    api: Api, place: Place, form: Form, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    found = place.deployment
    stages, pools, there = await asyncio.gather(
        api.get("/stages", tuple[Stage, ...]),
        api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS),
        api.page("/deployments", Deployment, service=found.service, limit=MOST_ITEMS),
    )
    taken = {one.infrastructure for one in there.items}
    others = [one for one in pools.items if one.id != found.infrastructure]
    order = [stage.id for stage in stages]
    stage = place.infrastructure.stage if place.infrastructure else ""
    own = order.index(stage) if stage in order else -1
    # Those of the next stage come first, and those that have the service last.
    others.sort(
        key=lambda one: (one.id in taken, (order.index(one.stage) - own - 1) % max(len(order), 1), one.id)
    )
    infrastructure = form.text("infrastructure") or (others[0].id if others else "")
    typed = form.text("id")
    own_id = typed if typed and not typed.startswith(f"{found.service}-on-") else ""
    offered = own_id or (default_deployment_id(found.service, infrastructure) if infrastructure else "")
    return {
        "pools": others,
        "taken": taken,
        "infrastructure": infrastructure,
        "offered": typed if problem and typed else offered,
        "problem": problem,
    }


async def _promotion_values(
    api: Api, place: Place, infrastructure: str, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    stages, pools = await asyncio.gather(
        api.get("/stages", tuple[Stage, ...]), api.page("/infrastructures", Infrastructure, limit=MOST_ITEMS)
    )
    order = [stage.id for stage in stages]
    stage = place.infrastructure.stage if place.infrastructure else ""
    after = order[order.index(stage) + 1 :] if stage in order else []
    return {
        "next_stage": after[0] if after else None,
        "pools": [one for one in pools.items if after and one.stage == after[0]],
        "infrastructure": infrastructure,
        "problem": problem,
    }


def _switching(ui: Ui) -> list[Route]:
    async def enable(request: Request) -> Response:
        return await _switch(ui, request, "enable")

    async def disable(request: Request) -> Response:
        return await _switch(ui, request, "disable")

    async def delete(request: Request) -> Response:
        name, form = request.path_params["deployment"], await ui.form(request)
        ignore = "true" if form.flag("ignore_errors") else None
        await ui.api(request).delete(path_to("deployments", name), Deleted, ignore_errors=ignore)
        return ui.go(request, path_to("deployer", "deployments"), say=f"{name} is deleted.")

    return [
        Route(f"{BASE}/enable", enable, methods=["POST"]),
        Route(f"{BASE}/disable", disable, methods=["POST"]),
        Route(f"{BASE}/delete", delete, methods=["POST"]),
    ]


async def _switch(ui: Ui, request: Request, what: str) -> Response:
    name = request.path_params["deployment"]
    update = await ui.api(request).post(path_to("deployments", name, what), None, Update)
    return ui.go(request, url(name, "updates", update.id))
