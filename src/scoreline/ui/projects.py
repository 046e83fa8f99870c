"""Pages of the projects: all of them, a new one, the settings of one, and how it goes."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec.structs import replace
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.project import ProjectSettings
from scoreline.core.project_job import ProjectJob
from scoreline.errors import Conflict, Invalid, ScorelineError
from scoreline.ui.api import path_to
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire import control
from scoreline.wire.control_projects import NewProjectFromTemplate, Template, WholeProjectSettings
from scoreline.wire.problems import status_of

_KEY_CODES = frozenset({"project-key-taken", "project-folder-exists", "bad-id"})
_SPARE_ROWS = 2
"""Empty rows for further variables and zones."""
_NUMBER = re.compile(r"-?\d+")
_CHUNK = 1 << 20


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_new(ui), *_all(ui), *_settings(ui)]


def _all(ui: Ui) -> list[Route]:
    async def show(request: Request) -> Response:
        projects = await ui.api(request).all("/projects", control.Project)
        return await ui.page(
            request, "projects/projects.html", title="Projects", section="projects", projects=projects
        )

    async def one(request: Request) -> Response:
        return RedirectResponse(path_to("projects", request.path_params["project"], "flow"), 303)

    return [Route("/projects", show), Route("/projects/{project}", one)]


def _new(ui: Ui) -> list[Route]:
    async def ask(request: Request) -> Response:
        return await _asked(ui, request, request.query_params.get("from", "template"))

    async def create(request: Request) -> Response:
        form = await ui.form(request)
        name = form.text("name")
        key = form.text("key") or key_of(name)
        wanted = NewProjectFromTemplate(
            key=key,
            name=name,
            description=form.text("description"),
            template=form.text("template", "empty"),
            size="full" if form.text("size") == "full" else "small",
            services=form.flag("services"),
        )
        try:
            if not key:
                raise Invalid("give the project a name", code="bad-id")
            job = await ui.api(request).post("/projects/new", wanted, ProjectJob)
        except ScorelineError as error:
            return await _asked(ui, request, "template", form=form, problem=error)
        return ui.go(request, path_to("projects", job.project, "flow"))

    async def import_(request: Request) -> Response:
        form = await ui.form_with_file(request)
        file = form.file("archive")
        try:
            if file is None or file.size is None:
                raise Invalid("choose the zip archive of a project", code="no-archive")
            made = await ui.api(request).upload(
                path_to("projects", "import", key=form.text("key") or None),
                _chunks(file),
                file.size,
                control.Project,
            )
        except ScorelineError as error:
            return await _asked(ui, request, "archive", form=form, problem=error)
        return ui.go(request, path_to("projects", made.key, "flow"), say="The project is here.")

    async def add(request: Request) -> Response:
        form = await ui.form(request)
        wanted = control.NewProject(folder=form.text("folder"), key=form.text("key") or None)
        try:
            made = await ui.api(request).post("/projects", wanted, control.Project)
        except ScorelineError as error:
            return await _asked(ui, request, "folder", form=form, problem=error)
        return ui.go(request, path_to("projects", made.key, "flow"), say="The project is known now.")

    return [
        Route("/projects/new", ask),
        Route("/projects/new", create, methods=["POST"]),
        Route("/projects/new/import", import_, methods=["POST"]),
        Route("/projects/new/folder", add, methods=["POST"]),
    ]


async def _asked(
    ui: Ui, request: Request, way: str, *, form: Form | None = None, problem: ScorelineError | None = None
) -> Response:
    """The page of a new project, or for htmx the form that was sent, with what is wrong beside the field."""
    templates = (await ui.api(request).page("/templates", Template)).items
    at_key = problem is not None and problem.code in _KEY_CODES
    values = {
        "way": way if way in ("template", "archive", "folder") else "template",
        "templates": templates,
        "form": form or Form(),
        "problem": None if at_key else problem,
        "key_problem": problem.message if at_key and problem else "",
    }
    status = status_of(problem) if problem else 200
    if problem is not None and request.headers.get("hx-request") == "true":
        return ui.fragment(request, f"projects/new_{values['way']}.html", status=status, **values)
    return await ui.page(
        request, "projects/new.html", title="New project", section="projects", status=status, **values
    )


def _settings(ui: Ui) -> list[Route]:
    async def show(request: Request) -> Response:
        return await _settings_page(ui, request)

    async def save(request: Request) -> Response:
        form = await ui.form(request)
        project = request.path_params["project"]
        path = path_to("projects", project, "settings")
        api = ui.api(request)
        try:
            before = await api.get(path, WholeProjectSettings)
            wanted = _read(form, before.settings)
            await api.put(path, wanted, WholeProjectSettings, revision=form.text("revision"))
        except ScorelineError as error:
            return await _settings_page(ui, request, form=form, problem=error)
        return ui.go(request, path_to("projects", project, "settings"), say="Saved.")

    async def remove(request: Request) -> Response:
        form = await ui.form(request)
        project = request.path_params["project"]
        files = form.flag("files")
        if files and form.text("typed") != project:
            raise Invalid(f"type {project} to delete it", code="not-confirmed")
        parameters = {"files": "true"} if files else {}
        await ui.api(request).delete(path_to("projects", project), control.Project, **parameters)
        said = f"Project {project} and its folder are deleted." if files else f"Project {project} is removed."
        return ui.go(request, "/projects", say=said)

    return [
        Route("/projects/{project}/settings", show),
        Route("/projects/{project}/settings", save, methods=["POST"]),
        Route("/projects/{project}/remove", remove, methods=["POST"]),
    ]


async def _settings_page(
    ui: Ui, request: Request, *, form: Form | None = None, problem: ScorelineError | None = None
) -> Response:
    project = request.path_params["project"]
    api = ui.api(request)
    known = await api.get(path_to("projects", project), control.Project)
    found = await api.get(path_to("projects", project, "settings"), WholeProjectSettings)
    is_stale = isinstance(problem, Conflict)
    given = form or _written(found)
    values = {
        "known": known,
        "found": found,
        "form": given,
        # Who saves again after he saw what the other changed, saves over it.
        "revision": found.revision if form is None or is_stale else given.text("revision"),
        "theirs": _differences(given, found) if is_stale else [],
        "variables": _rows(given, "variable", "value"),
        "zones": _rows(given, "zone", "items"),
        "problem": problem,
    }
    status = status_of(problem) if problem else 200
    if problem is not None and request.headers.get("hx-request") == "true":
        return ui.fragment(request, "projects/settings_form.html", status=status, project=project, **values)
    return await ui.page(
        request, "projects/settings.html", title="Settings", project=project, status=status, **values
    )


def _written(found: WholeProjectSettings) -> Form:
    """The settings as a form."""
    settings = found.settings
    values = {"name": settings.name, "description": settings.description}
    for at, (name, value) in enumerate(settings.variables.items()):
        values |= {f"variable-{at}": name, f"value-{at}": shown(value)}
    for at, (name, items) in enumerate(settings.zones.items()):
        values |= {f"zone-{at}": name, f"items-{at}": ", ".join(items)}
    return Form(values)


def _rows(form: Form, name: str, value: str) -> list[tuple[str, str]]:
    """Pairs of fields that are numbered, those that are filled in and some more."""
    filled = [(form.text(f"{name}-{at}"), form.text(f"{value}-{at}")) for at in _numbers(form, name)]
    return [*(pair for pair in filled if any(pair)), *[("", "")] * _SPARE_ROWS]


def _numbers(form: Form, name: str) -> Sequence[int]:
    found = (re.fullmatch(rf"{name}-(\d{{1,4}})", field) for field in form)
    return sorted(int(match[1]) for match in found if match)


def _read(form: Form, before: ProjectSettings) -> ProjectSettings:
    """The settings that were typed. Raises Invalid, with the field as its code."""
    variables: dict[str, str | int | float | bool] = {}
    for at in _numbers(form, "variable"):
        name, value = form.text(f"variable-{at}"), form.text(f"value-{at}")
        if not name and value:
            raise Invalid(f"the variable of value {value[:40]!r} has no name", code="variables")
        if name in variables:
            raise Invalid(f"variable {name!r} is there twice", code="variables")
        if name:
            variables[name] = meant(value)
    zones: dict[str, tuple[str, ...]] = {}
    for at in _numbers(form, "zone"):
        name, typed = form.text(f"zone-{at}"), form.text(f"items-{at}")
        if not name and typed:
            raise Invalid(f"the zone with {typed[:40]!r} has no name", code="zones")
        if name in zones:
            raise Invalid(f"zone {name!r} is there twice", code="zones")
        if name:
            zones[name] = tuple(one for one in re.split(r"[,\s]+", typed) if one)
    return replace(
        before,
        name=form.text("name"),
        description=form.raw("description").strip(),
        variables=variables,
        zones=zones,
    )


def _differences(form: Form, found: WholeProjectSettings) -> list[tuple[str, str]]:
    """What stands in the file now where something else was typed: what it is, and its value."""
    now = _written(found)
    differing = []
    for name, label in (("name", "Name"), ("description", "Description")):
        if form.text(name) != now.text(name):
            differing.append((label, now.text(name) or "(empty)"))
    for first, second, label in (("variable", "value", "Variables"), ("zone", "items", "Zones")):
        theirs = _pairs(now, first, second)
        if theirs != _pairs(form, first, second):
            told = "; ".join(f"{name}: {value}" for name, value in theirs.items())
            differing.append((label, told or "(none)"))
    return differing


def _pairs(form: Form, name: str, value: str) -> Mapping[str, str]:
    return {first: second for first, second in _rows(form, name, value) if first}


def shown(value: str | int | float | bool) -> str:
    """A variable as it is typed: a text that looks like something else stands in quotes."""
    if isinstance(value, str):
        return value if meant(value) == value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def meant(typed: str) -> str | int | float | bool:
    """What a typed value is: true or false, a number, or a text, with or without quotes."""
    if typed in ("true", "false"):
        return typed == "true"
    if typed.startswith('"') and typed.endswith('"') and len(typed) > 1:
        try:
            return str(json.loads(typed))
        except json.JSONDecodeError:
            return typed
    if _NUMBER.fullmatch(typed):
        return int(typed)
    if re.fullmatch(r"-?(\d+\.\d*|\.\d+|\d+(\.\d+)?[eE][-+]?\d+)", typed):
        return float(typed)
    return typed


def key_of(name: str) -> str:
    """A key made from a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
