"""Pages of the scenarios of a project: the list, a new one, and what is done with one as a whole."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import RunOutcome
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui import part_fields
from scoreline.ui.api import path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.part_fields import scalar
from scoreline.ui.run_pictures import strip, took
from scoreline.ui.scenario import BASE, FieldWrong, converted, load, save, show, wrongs
from scoreline.wire.control_scenarios import (
    DeletedScenario,
    ListedScenario,
    NewDuplicate,
    NewRun,
    NewScenario,
    Run,
    WholeScenario,
)
from scoreline.wire.problems import status_of

_ALL = "/projects/{project}/scenarios"
_RUNS = 25
_PICTURED = 40

SETTINGS = (
    part_fields.Field(name="name", label="Name", none="its id"),
    part_fields.Field(name="description", label="Description", type="area"),
    part_fields.Field(
        name="variables",
        label="Variables",
        type="variables",
        help="What its steps may name as ${NAME}. Steps and whoever runs it may set others.",
    ),
    part_fields.Field(
        name="missed",
        label="Due times that passed while the control plane was down, or a run went on",
        type="select",
        options=(("each", "run each of them"), ("once", "run once for all of them")),
    ),
    part_fields.Field(name="timeout", label="A run is ended after seconds", type="number", none="never"),
)


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def index(request: Request) -> Response:
        return await _index(ui, request)

    async def new(request: Request) -> Response:
        return await _new(ui, request)

    async def create(request: Request) -> Response:
        return await _create(ui, request)

    async def run(request: Request) -> Response:
        return await _run(ui, request)

    async def switch(request: Request) -> Response:
        loaded = await load(ui.api(request), request)
        what = "disable" if loaded.whole.scenario.enabled else "enable"
        path = path_to("projects", loaded.project, "scenarios", loaded.id, what)
        await ui.api(request).post(path, None, WholeScenario)
        form = await ui.form(request)
        back = loaded.url("steps") if form.text("back") != "list" else path_to(*_all(loaded.project))
        say = "Its triggers start it." if what == "enable" else "Its triggers start it no more."
        return ui.go(request, back, say=say)

    async def duplicate(request: Request) -> Response:
        return await _duplicate(ui, request)

    async def delete(request: Request) -> Response:
        loaded = await load(ui.api(request), request)
        path = path_to("projects", loaded.project, "scenarios", loaded.id)
        await ui.api(request).delete(path, DeletedScenario)
        return ui.go(
            request, path_to(*_all(loaded.project)), say=f"Scenario {loaded.id} is deleted; its runs stay."
        )

    async def settings(request: Request) -> Response:
        return await _settings(ui, request)

    async def save_settings(request: Request) -> Response:
        return await _save_settings(ui, request)

    async def runs(request: Request) -> Response:
        return await _runs(ui, request)

    return [
        Route(_ALL, index),
        Route(_ALL, create, methods=["POST"]),
        Route(f"{_ALL}/new", new),
        Route(f"{BASE}/run", run, methods=["POST"]),
        Route(f"{BASE}/switch", switch, methods=["POST"]),
        Route(f"{BASE}/duplicate", duplicate, methods=["POST"]),
        Route(f"{BASE}/delete", delete, methods=["POST"]),
        Route(f"{BASE}/settings", settings),
        Route(f"{BASE}/settings", save_settings, methods=["POST"]),
        Route(f"{BASE}/runs", runs),
    ]


async def _index(ui: Ui, request: Request) -> Response:
    api, project = ui.api(request), request.path_params["project"]
    found = await api.all(path_to(*_all(project)), ListedScenario)
    values = {"project": project, "scenarios": found, "goes_on": any(one.running for one in found)}
    if is_partial(request):
        return ui.fragment(request, "scenarios/_list.html", **values)
    return await ui.page(
        request, "scenarios/list.html", title=f"Scenarios of {project}", section="scenarios", **values
    )


async def _new(ui: Ui, request: Request) -> Response:
    project = request.path_params["project"]
    await ui.api(request).page(path_to(*_all(project)), ListedScenario, limit=1)
    return await ui.page(
        request,
        "scenarios/new.html",
        title="New scenario",
        section="scenarios",
        project=project,
        form=Form(),
        problem=None,
    )


async def _create(ui: Ui, request: Request) -> Response:
    project, form = request.path_params["project"], await ui.form(request)
    name = form.text("name")
    id_ = form.text("id") or id_of(name)
    try:
        if not id_:
            raise Invalid("give it a name", code="no-name")
        definition = Scenario(
            name=name if name != id_ else "", description=form.text("description"), enabled=True
        )
        made = await ui.api(request).post(
            path_to(*_all(project)), NewScenario(id=id_, definition=definition), WholeScenario
        )
    except ScorelineError as error:
        values = {"project": project, "form": form, "problem": error}
        return ui.fragment(request, "scenarios/_new_form.html", status=status_of(error), **values)
    path = path_to(*_all(project), made.scenario.id, "steps")
    return ui.go(request, path, say=f"Scenario {made.scenario.id} is made. Add its first step.")


async def _run(ui: Ui, request: Request) -> Response:
    api, form = ui.api(request), await ui.form(request)
    project, scenario = request.path_params["project"], request.path_params["scenario"]
    try:
        given = {name: scalar(value) for name, value in part_fields.pairs(form, "parameters").items()}
    except ValueError as error:
        raise Invalid(str(error), code="bad-parameter") from None
    run = await api.post(path_to(*_all(project), scenario, "runs"), NewRun(parameters=given), Run)
    return ui.go(request, path_to("runs", run.id), say=f"Run {run.id} has begun.")


async def _duplicate(ui: Ui, request: Request) -> Response:
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    name = form.text("name")
    new = form.text("id") or id_of(name)
    if not new:
        raise Invalid("give the copy a name", code="no-name")
    path = path_to(*_all(loaded.project), loaded.id, "duplicate")
    made = await api.post(path, NewDuplicate(id=new), WholeScenario)
    if name and made.definition is not None and made.definition.name != name:
        path = path_to(*_all(loaded.project), made.scenario.id)
        named = msgspec.structs.replace(made.definition, name=name)
        await api.put(path, named, WholeScenario, revision=made.revision)
    where = path_to(*_all(loaded.project), made.scenario.id, "steps")
    return ui.go(request, where, say=f"This is the copy; it is not enabled yet. {loaded.id} stays as it is.")


async def _settings(ui: Ui, request: Request) -> Response:
    loaded = await load(ui.api(request), request)
    plain = msgspec.to_builtins(loaded.definition)
    return await show(
        ui,
        request,
        loaded,
        "settings",
        "scenarios/settings.html",
        fields=SETTINGS,
        values=part_fields.shown(SETTINGS, plain),
        errors={},
        problem=None,
        was=_was(loaded.definition),
    )


async def _save_settings(ui: Ui, request: Request) -> Response:
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    plain, errors = part_fields.read(SETTINGS, form)
    problem: ScorelineError | None = None
    if not errors:
        try:
            rest = {
                name: value
                for name, value in msgspec.to_builtins(loaded.definition).items()
                if name not in {field.name for field in SETTINGS}
            }
            if form.raw("shown") != _was(loaded.definition):
                raise Conflict(
                    "somebody changed these settings meanwhile; what you typed is still here: "
                    "save it again to replace what he did",
                    code="part-changed",
                )
            await save(api, loaded, converted({**rest, **plain}, Scenario))
            return ui.go(request, loaded.url("settings"), say="The settings are saved.")
        except FieldWrong as error:
            errors[error.field or "name"] = error.message
        except ScorelineError as error:
            problem = error
            for wrong in wrongs(error, loaded.id):
                if wrong.part in {field.name for field in SETTINGS}:
                    errors[wrong.part] = wrong.message
                    problem = None
    return ui.fragment(
        request,
        "scenarios/_settings_form.html",
        status=status_of(problem) if problem else 400,
        loaded=loaded,
        fields=SETTINGS,
        values=part_fields.typed(SETTINGS, form),
        errors=errors,
        problem=problem,
        was=_was(loaded.definition),
    )


def _was(now: Scenario) -> str:
    """What a form of the settings was filled with."""
    plain = msgspec.to_builtins(now)
    shown = {field.name: plain[field.name] for field in SETTINGS}
    return msgspec.json.encode(shown, order="sorted").decode()


async def _runs(ui: Ui, request: Request) -> Response:
    api = ui.api(request)
    loaded = await load(api, request)
    after = request.query_params.get("after")
    page = await api.page(
        path_to(*_all(loaded.project), loaded.id, "runs"), Run, limit=_PICTURED, after=after
    )
    shown = page.items[:_RUNS]
    values: dict[str, Any] = {
        "runs": shown,
        "older": str(shown[-1].id) if len(page.items) > _RUNS or page.next else None,
        "goes_on": any(run.outcome is RunOutcome.RUNNING for run in shown),
        "picture": strip(page.items),
        "of_one": True,
        "took": took,
    }
    if is_partial(request):
        return ui.fragment(request, "scenarios/_runs.html", loaded=loaded, **values)
    return await show(ui, request, loaded, "runs", "scenarios/runs.html", **values)


def id_of(name: str) -> str:
    """The id that a name stands for: `Retrain Model & Deploy API` is `retrain_model_deploy_api`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]


def _all(project: str) -> tuple[str, ...]:
    return ("projects", project, "scenarios")
