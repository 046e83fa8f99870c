"""Pages of infrastructures: all of them, one with its nodes, making and changing them, nginx before them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.infrastructure import LOCAL, STATIC
from scoreline.core.stage import Stage
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.wire.control import (
    Deleted,
    Deployment,
    Infrastructure,
    InfrastructureSettings,
    NewInfrastructure,
    NewNode,
    NginxConfig,
)
from scoreline.wire.paging import MOST_ITEMS
from scoreline.wire.problems import status_of

BASE = "/deployer/infrastructures"
_ONE = f"{BASE}/{{infrastructure}}"
_NEW = "/deployer/new-infrastructure"
_DEPLOYMENTS = 100


class NodeRow(Struct, frozen=True):
    """A node as it stands in the form."""

    url: str
    admin_key: str
    id: str


class SecretRow(Struct, frozen=True):
    """A connection as it stands in the form."""

    name: str
    secret: str


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_looking(ui), *_changing(ui)]


def _looking(ui: Ui) -> list[Route]:
    async def show_all(request: Request) -> Response:
        stages, page = await asyncio.gather(
            ui.api(request).get("/stages", tuple[Stage, ...]),
            ui.api(request).page("/infrastructures", Infrastructure, limit=MOST_ITEMS),
        )
        values: dict[str, Any] = {"stages": stages, "pools": page.items}
        if is_partial(request):
            return ui.fragment(request, "infrastructures/_all.html", **values)
        return await ui.page(request, "infrastructures/all.html", title="Infrastructures", **values)

    async def show(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["infrastructure"]
        pool, deployments = await asyncio.gather(
            api.get(path_to("infrastructures", name), Infrastructure),
            api.page("/deployments", Deployment, infrastructure=name, limit=_DEPLOYMENTS),
        )
        values: dict[str, Any] = {"pool": pool, "deployments": deployments, "tab": "nodes"}
        if is_partial(request):
            return ui.fragment(request, "infrastructures/_nodes.html", **values)
        return await ui.page(request, "infrastructures/nodes.html", title=name, **values)

    async def nginx(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["infrastructure"]
        pool = await api.get(path_to("infrastructures", name), Infrastructure)
        listen = request.query_params.get("listen", "").strip() or None
        found, problem = None, None
        try:
            path = path_to("infrastructures", name, "nginx-config")
            found = await api.get(path, NginxConfig, listen=listen)
        except ScorelineError as error:
            problem = error
        return await ui.page(
            request,
            "infrastructures/nginx.html",
            title=f"{name}: nginx",
            pool=pool,
            found=found,
            problem=problem,
            listen=listen or "",
            tab="nginx",
        )

    return [Route(BASE, show_all), Route(_ONE, show), Route(f"{_ONE}/nginx", nginx)]


def _changing(ui: Ui) -> list[Route]:
    async def ask(request: Request) -> Response:
        values = await _values(ui.api(request), Form(dict(request.query_params)))
        return await ui.page(request, "infrastructures/new.html", title="New infrastructure", **values)

    async def create(request: Request) -> Response:
        api, form = ui.api(request), await ui.form(request)
        try:
            kind = STATIC if form.text("kind") == STATIC else LOCAL
            wanted = NewInfrastructure(id=form.text("id"), kind=kind, **_given(form, kind))
            made = await api.post("/infrastructures", wanted, Infrastructure)
        except ScorelineError as error:
            values = await _values(api, form, problem=error)
            return ui.fragment(request, "infrastructures/_form.html", status=status_of(error), **values)
        return ui.go(request, path_to("deployer", "infrastructures", made.id), say=f"{made.id} is made.")

    async def edit(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["infrastructure"]
        pool, tag = await api.tagged(path_to("infrastructures", name), Infrastructure)
        values = await _values(api, _form_of(pool, tag), pool=pool)
        return await ui.page(
            request, "infrastructures/settings.html", title=f"{name}: settings", tab="settings", **values
        )

    async def save(request: Request) -> Response:
        api, name, form = ui.api(request), request.path_params["infrastructure"], await ui.form(request)
        path = path_to("infrastructures", name)
        pool, tag = await api.tagged(path, Infrastructure)
        try:
            wanted = InfrastructureSettings(**_given(form, pool.kind))
            await api.put(path, wanted, Infrastructure, revision=form.text("revision"))
        except ScorelineError as error:
            values = await _values(api, form, pool=pool, problem=error)
            if error.code == "stale-revision":
                values |= {"revision": tag, "other": pool}
            return ui.fragment(request, "infrastructures/_form.html", status=status_of(error), **values)
        return ui.go(request, path_to("deployer", "infrastructures", name), say="Saved.")

    async def delete(request: Request) -> Response:
        name = request.path_params["infrastructure"]
        await ui.api(request).delete(path_to("infrastructures", name), Deleted)
        return ui.go(request, BASE, say=f"{name} is deleted.")

    return [
        Route(_NEW, ask),
        Route(_NEW, create, methods=["POST"]),
        Route(f"{_ONE}/settings", edit),
        Route(f"{_ONE}/settings", save, methods=["POST"]),
        Route(f"{_ONE}/delete", delete, methods=["POST"]),
    ]


async def _values(
    api: Api, form: Form, *, pool: Infrastructure | None = None, problem: ScorelineError | None = None
) -> dict[str, Any]:
    stages = await api.get("/stages", tuple[Stage, ...])
    return {
        "pool": pool,
        "other": None,
        "stages": stages,
        "kind": pool.kind if pool else form.text("kind", LOCAL),
        "id": form.text("id"),
        "stage": form.text("stage") or (stages[0].id if stages else ""),
        "local_nodes": form.text("local_nodes", "1"),
        "nodes": [NodeRow(*row) for row in _rows(form, "node_url", "node_key", "node_id")],
        "public_url": form.text("public_url"),
        "connections": [SecretRow(*row) for row in _rows(form, "connection", "secret")],
        "revision": form.text("revision"),
        "problem": problem,
    }


def _form_of(pool: Infrastructure, tag: str) -> Form:
    """What is saved, as it stands in the form."""
    nodes = () if pool.kind == LOCAL else pool.nodes
    return Form(
        FormData(
            [
                ("stage", pool.stage),
                ("local_nodes", str(len(pool.nodes)) if pool.kind == LOCAL else ""),
                ("public_url", pool.public_url or ""),
                ("revision", tag),
                *_fields(nodes_of=[(one.url, one.admin_key or "", one.id) for one in nodes]),
                *(pair for name, secret in pool.connections.items() for pair in _connection(name, secret)),
            ]
        )
    )


def _fields(nodes_of: Iterable[tuple[str, str, str]]) -> Iterable[tuple[str, str]]:
    for url, key, name in nodes_of:
        yield from (("node_url", url), ("node_key", key), ("node_id", name))


def _connection(name: str, secret: str) -> list[tuple[str, str]]:
    return [("connection", name), ("secret", secret)]


def _rows(form: Form, *names: str) -> list[tuple[str, ...]]:
    """The rows of a list in the form that hold something."""
    columns = [[text.strip() for text in form.texts(name)] for name in names]
    return [row for row in zip(*columns, strict=False) if any(row)]


def _given(form: Form, kind: str) -> dict[str, Any]:
    """The settings that were typed. Raises Invalid."""
    local = kind == LOCAL
    nodes = [] if local else _rows(form, "node_url", "node_key", "node_id")
    return {
        "stage": form.text("stage"),
        "local_nodes": (form.whole("local_nodes", "The number of nodes") or 0) if local else 1,
        "nodes": tuple(NewNode(url=url, admin_key=key, id=name or None) for url, key, name in nodes),
        "public_url": form.text("public_url") or None,
        "connections": {row[0]: row[1] for row in _rows(form, "connection", "secret")},
    }
