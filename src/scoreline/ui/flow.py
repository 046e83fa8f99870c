"""The page of a flow: its picture or a table of the same, what is selected, and the build that goes on."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.errors import Invalid, Unavailable
from scoreline.ui import flow_picture
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui
from scoreline.ui.project_jobs import JobLook, look_at
from scoreline.wire import control
from scoreline.wire.control_flow import Flow, FlowItem, FlowRecipe, FlowService
from scoreline.wire.control_jobs import NewBuild
from scoreline.wire.problems import status_of

_MOST_SELECTED = 200
_JOBS_LOOKED_AT = 20


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_page(ui), *_parts(ui), *_building(ui)]


def _page(ui: Ui) -> list[Route]:
    async def show(request: Request) -> Response:
        project = request.path_params["project"]
        api = ui.api(request)
        try:
            flow = await api.get(path_to("projects", project, "flow"), Flow)
        except Unavailable:
            known = await api.get(path_to("projects", project), control.Project)
            if not known.making:
                raise
            return await _made(ui, request, api, known)
        except Invalid as error:
            if error.code != "invalid-project":
                raise
            known = await api.get(path_to("projects", project), control.Project)
            return await ui.page(
                request,
                "flow/unsound.html",
                title="Flow",
                status=status_of(error),
                project=project,
                section="flow",
                known=known,
                problem=error,
            )
        known = await api.get(path_to("projects", project), control.Project)
        return await ui.page(
            request,
            "flow/flow.html",
            title="Flow",
            project=project,
            section="flow",
            known=known,
            flow=flow,
            drawn=flow_picture.picture(flow),
            view="table" if request.query_params.get("view") == "table" else "picture",
            selection=selected(flow, request.query_params.getlist("node")),
            job=await last_build(api, flow),
            words=flow_picture,
        )

    return [Route("/projects/{project}/flow", show)]


async def _made(ui: Ui, request: Request, api: Api, known: control.Project) -> Response:
    """The page of a project that is being made: how far its job is."""
    jobs = await api.page(path_to("projects", known.key, "jobs"), ProjectJob, limit=1)
    return await ui.page(
        request,
        "projects/making.html",
        title=known.key,
        section="projects",
        known=known,
        job=await look_at(api, jobs.items[0]) if jobs.items else None,
    )


def _parts(ui: Ui) -> list[Route]:
    async def selection(request: Request) -> Response:
        project = request.path_params["project"]
        flow = await ui.api(request).get(path_to("projects", project, "flow"), Flow)
        return ui.fragment(
            request,
            "flow/selection.html",
            project=project,
            flow=flow,
            selection=selected(flow, request.query_params.getlist("node")),
            words=flow_picture,
        )

    async def live(request: Request) -> Response:
        """What changes of the picture, for the element that shows it."""
        project = request.path_params["project"]
        flow = await ui.api(request).get(path_to("projects", project, "flow"), Flow)
        drawn = flow_picture.picture(flow)
        return JSONResponse(
            {"shape": drawn.shape, "job": flow.job, "states": dict(flow_picture.states(flow))},
            headers={"Scoreline-Page": "1"},
        )

    async def build_bar(request: Request) -> Response:
        project = request.path_params["project"]
        api = ui.api(request)
        flow = await api.get(path_to("projects", project, "flow"), Flow)
        return ui.fragment(
            request, "flow/build_bar.html", project=project, flow=flow, job=await last_build(api, flow)
        )

    async def table(request: Request) -> Response:
        project = request.path_params["project"]
        flow = await ui.api(request).get(path_to("projects", project, "flow"), Flow)
        return ui.fragment(request, "flow/table.html", project=project, flow=flow, words=flow_picture)

    async def making(request: Request) -> Response:
        """How far a project is that is being made; once it is there, on to its flow."""
        project = request.path_params["project"]
        api = ui.api(request)
        known = await api.get(path_to("projects", project), control.Project)
        if not known.making:
            return ui.go(request, path_to("projects", project, "flow"), say="The project is made.")
        jobs = await api.page(path_to("projects", project, "jobs"), ProjectJob, limit=1)
        job = await look_at(api, jobs.items[0]) if jobs.items else None
        return ui.fragment(request, "projects/making_part.html", known=known, job=job)

    for part in (selection, live, build_bar, table, making):
        part.is_part = True  # type: ignore[attr-defined]
    return [
        Route("/projects/{project}/flow/selection", selection),
        Route("/projects/{project}/flow/live", live),
        Route("/projects/{project}/flow/build", build_bar),
        Route("/projects/{project}/flow/table", table),
        Route("/projects/{project}/flow/making", making),
    ]


def _building(ui: Ui) -> list[Route]:
    async def build(request: Request) -> Response:
        form = await ui.form(request)
        project = request.path_params["project"]
        wanted = NewBuild(items=tuple(form.texts("item")), force=form.flag("force"))
        await ui.api(request).post(
            path_to("projects", project, "builds"), wanted, ProjectJob, once=form.text("once") or None
        )
        return ui.go(request, form.text("back") or path_to("projects", project, "flow"))

    return [Route("/projects/{project}/build", build, methods=["POST"])]


async def last_build(api: Api, flow: Flow) -> JobLook | None:
    """The build that goes on, else the one that ended last; None: nothing was built yet."""
    path = path_to("projects", flow.project, "jobs")
    if flow.job is not None:
        return await look_at(api, await api.get(f"{path}/{flow.job}", ProjectJob))
    for job in (await api.page(path, ProjectJob, limit=_JOBS_LOOKED_AT)).items:
        if isinstance(job.work, BuildWork):
            return await look_at(api, job)
    return None


class Selected(Struct, frozen=True, kw_only=True):
    """One thing that is selected."""

    id: str
    """As the picture names it."""
    item: FlowItem | None = None
    recipe: FlowRecipe | None = None
    """The recipe that is selected, or that makes the item."""
    service: FlowService | None = None
    url: str
    builds: tuple[str, ...] = ()
    """What to name so that it is built; empty: nothing builds it."""
    downstream: tuple[str, ...] = ()
    """What to name so that all that follows from it is built."""


def selected(flow: Flow, nodes: Sequence[str]) -> list[Selected]:
    """What is selected, of what is there."""
    items = {one.id: one for one in flow.items}
    recipes = {one.id: one for one in flow.recipes}
    services = {one.id: one for one in flow.services}
    found = []
    for node in nodes[:_MOST_SELECTED]:
        kind, _, name = node.partition(":")
        if kind == "item" and name in items:
            item = items[name]
            found.append(
                Selected(
                    id=node,
                    item=item,
                    recipe=recipes.get(item.made_by or ""),
                    url=flow_picture.item_url(flow.project, item),
                    builds=(name,) if item.made_by else (),
                    downstream=_downstream(flow, {name}),
                )
            )
        elif kind == "recipe" and name in recipes:
            recipe = recipes[name]
            found.append(
                Selected(
                    id=node,
                    recipe=recipe,
                    url=path_to("projects", flow.project, "recipes", name),
                    builds=recipe.outputs[:1],
                    downstream=_downstream(flow, set(recipe.outputs)),
                )
            )
        elif kind == "service" and name in services:
            url = path_to("projects", flow.project, "services", name)
            found.append(Selected(id=node, service=services[name], url=url))
    return found


def _downstream(flow: Flow, items: set[str]) -> tuple[str, ...]:
    """An output of every recipe that needs one of these items, or what is made of it."""
    reached, found = set(items), []
    for recipe in flow.recipes:  # in an order in which they can run
        if reached.intersection(recipe.inputs):
            reached.update(recipe.outputs)
            found.append(recipe.outputs[0])
    return tuple(found)
