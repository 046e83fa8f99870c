"""Pages of runs: of all projects, and one as it goes on, with what can be done about it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.scenario_run import RunOutcome
from scoreline.core.why import Explanation
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui, is_partial, part
from scoreline.ui.part_kinds import STEP_KINDS
from scoreline.ui.run_links import effect_url, link_url
from scoreline.ui.run_pictures import ended, spans, took
from scoreline.wire.control import Project
from scoreline.wire.control_scenarios import Decision, NewResume, NewRun, Run, WholeScenario

_AT_ONCE = 50


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def index(request: Request) -> Response:
        return await _index(ui, request)

    async def show(request: Request) -> Response:
        return await _show(ui, request)

    @part
    async def log(request: Request) -> Response:
        run, step = request.path_params["run"], request.query_params.get("step")
        text = await ui.api(request).text(path_to("runs", run, "log"), step=step)
        return Response(text, media_type="text/plain; charset=utf-8")

    @part
    async def why(request: Request) -> Response:
        run, step = request.path_params["run"], request.query_params.get("step")
        path = path_to("runs", run, "steps", step, "why") if step else path_to("runs", run, "why")
        found = await ui.api(request).get(path, Explanation)
        return ui.fragment(request, "runs/_why.html", explanation=found, link_url=link_url)

    async def abort(request: Request) -> Response:
        run = request.path_params["run"]
        await ui.api(request).post(path_to("runs", run, "abort"), None, Run)
        return ui.go(request, path_to("runs", run), say=f"Run {run} was asked to end.")

    async def again(request: Request) -> Response:
        api = ui.api(request)
        old = await api.get(path_to("runs", request.path_params["run"]), Run)
        path = path_to("projects", old.project, "scenarios", old.scenario, "runs")
        given = old.fire.parameters if old.fire.kind == "manual" else {}
        run = await api.post(path, NewRun(parameters=given), Run)
        return ui.go(request, path_to("runs", run.id), say=f"Run {run.id} has begun.")

    async def resume(request: Request) -> Response:
        form = await ui.form(request)
        path = path_to("runs", request.path_params["run"], "resume")
        run = await ui.api(request).post(path, NewResume(step=form.text("step")), Run)
        return ui.go(request, path_to("runs", run.id), say=f"Run {run.id} goes on from there.")

    async def decide(request: Request) -> Response:
        run, step = request.path_params["run"], request.path_params["step"]
        form = await ui.form(request)
        said = Decision(approved=form.text("approved") == "yes", comment=form.text("comment"))
        await ui.api(request).post(path_to("runs", run, "steps", step, "decision"), said, Run)
        words = "approved" if said.approved else "refused"
        return ui.go(request, path_to("runs", run), say=f"Step {step} is {words}.")

    one = "/runs/{run:int}"
    return [
        Route("/runs", index),
        Route(one, show),
        Route(f"{one}/log", log),
        Route(f"{one}/why", why),
        Route(f"{one}/abort", abort, methods=["POST"]),
        Route(f"{one}/again", again, methods=["POST"]),
        Route(f"{one}/resume", resume, methods=["POST"]),
        Route(f"{one}/steps/{{step}}/decision", decide, methods=["POST"]),
    ]


async def _index(ui: Ui, request: Request) -> Response:
    api, asked = ui.api(request), request.query_params
    outcome, project = asked.get("outcome") or None, asked.get("project") or None
    page, projects = await asyncio.gather(
        api.page("/runs", Run, limit=_AT_ONCE, after=asked.get("after"), outcome=outcome, project=project),
        api.all("/projects", Project),
    )
    values: dict[str, Any] = {
        "runs": page.items,
        "older": page.next,
        "goes_on": any(run.outcome is RunOutcome.RUNNING for run in page.items),
        "outcome": outcome or "",
        "of_project": project or "",
        "of_one": False,
        "took": took,
    }
    if is_partial(request):
        return ui.fragment(request, "runs/_live_table.html", **values)
    return await ui.page(
        request,
        "runs/list.html",
        title="Runs",
        section="runs",
        projects=[one.key for one in projects],
        outcomes=[one.value for one in RunOutcome],
        **values,
    )


async def _show(ui: Ui, request: Request) -> Response:
    api = ui.api(request)
    run = await api.get(path_to("runs", request.path_params["run"]), Run)
    values: dict[str, Any] = {
        "run": run,
        "project": run.project,
        "spans": spans(run),
        "took": took,
        "ended": ended(run),
        "names": await _names(api, run),
        "effect_url": effect_url,
        "pictures": {kind.id: kind.picture for kind in STEP_KINDS},
        "titles": {kind.id: kind.title for kind in STEP_KINDS},
    }
    if is_partial(request):
        return ui.fragment(request, "runs/_run.html", **values)
    title = f"Run {run.id} of {run.name}"
    return await ui.page(request, "runs/run.html", title=title, section="scenarios", **values)


async def _names(api: Api, run: Run) -> dict[str, tuple[str, str]]:
    """Name and kind of the steps that are still ahead, as the scenario is now."""
    if not run.ahead:
        return {}
    with contextlib.suppress(ScorelineError):
        path = path_to("projects", run.project, "scenarios", run.scenario)
        whole = await api.get(path, WholeScenario)
        if whole.definition is not None:
            return {step.id: (step.name, step.kind) for step in whole.definition.steps}
    return {}
