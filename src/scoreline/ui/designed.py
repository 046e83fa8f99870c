"""What the pages of the API designer share: the service in hand, and saving one part of it.

A form holds the part as it was when the page was made (`base`). It is saved only while that part is still
so, whatever else somebody changed meanwhile; else `Changed` is raised, and the page shows what was changed
beside what was typed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from scoreline.core.audit import Change
from scoreline.core.service import Endpoint, Service
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui, is_partial
from scoreline.wire.control_designer import Findings, WholeService
from scoreline.wire.problems import status_of

KINDS = {"prediction": "Prediction", "lookup": "Dataset lookup"}
"""Kinds of endpoints, as people call them."""
PANELS = (
    ("settings", "Settings", "sliders-horizontal"),
    ("features", "Features", "list"),
    ("enrichments", "Enrichments", "layers"),
    ("code", "Code", "code"),
    ("test-queries", "Test queries", "flask-conical"),
    ("advanced", "Advanced", "settings"),
    ("openapi", "OpenAPI", "file-text"),
)
LOOKUP_WORDS = {"features": "Columns", "enrichments": "Lookups"}
"""What two of the panels are called of a lookup endpoint."""
_TRIES = 3
_LOOKED_AT = 20


class Changed(Conflict):
    """Somebody changed the same part meanwhile. `rows`: field, what it was, what it is."""

    code = "changed-meanwhile"

    def __init__(self, rows: list[tuple[str, str, str]], now: Any, last: Change | None) -> None:
        who = f"{last.who} has" if last else "Somebody has"
        super().__init__(f"{who} changed this since you opened it.")
        self.rows = rows
        self.now = now
        self.last = last


class Unsaved(Invalid):
    """The definition was refused; `errors` says why, by field."""

    def __init__(self, error: ScorelineError, errors: dict[str, str]) -> None:
        super().__init__(error.message, code=error.code)
        self.errors = errors


class Designed:
    """The service, and where in it somebody is."""

    def __init__(self, request: Request, whole: WholeService, endpoint: str | None) -> None:
        self.project: str = request.path_params["project"]
        self.service: str = request.path_params["service"]
        self.whole = whole
        self.endpoint_id = endpoint

    @property
    def definition(self) -> Service:
        """Raises Invalid when the service's file is not sound."""
        if self.whole.definition is None:
            raise Invalid(self.whole.service.problem, code="invalid-project")
        return self.whole.definition

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that the page is of. Raises NotFound."""
        found = endpoint_in(self.definition, self.endpoint_id or "")
        if found is None:
            raise NotFound(
                f"service {self.service!r} has no endpoint {self.endpoint_id!r}", code="no-such-endpoint"
            )
        return found

    @property
    def kind(self) -> str:
        """`prediction` or `lookup`."""
        return str(self.endpoint.__struct_config__.tag)

    def url(self, *parts: str) -> str:
        """A page of this service."""
        return path_to("projects", self.project, "services", self.service, *parts)

    def panel_url(self, panel: str, *parts: str) -> str:
        """A panel of this endpoint."""
        return self.url("endpoints", self.endpoint_id or "", panel, *parts)


async def designed(ui: Ui, request: Request) -> Designed:
    """What the path of a request names. Raises NotFound, and Invalid when its file is not sound."""
    path = request.path_params
    whole = await ui.api(request).get(service_path(path["project"], path["service"]), WholeService)
    found = Designed(request, whole, path.get("endpoint"))
    if found.endpoint_id is not None:
        found.endpoint  # noqa: B018  it is not there: said before anything else
    return found


def service_path(project: str, service: str, *parts: str) -> str:
    """A service of a project in the control API."""
    return path_to("projects", project, "services", service, *parts)


def endpoint_in(service: Service, endpoint: str) -> Endpoint | None:
    """An endpoint of a service by its id."""
    return next((one for one in service.endpoints if one.id == endpoint), None)


def with_endpoint(service: Service, endpoint: str, changed: Endpoint | None) -> Service:
    """The service with an endpoint replaced; None: without it."""
    kept = (changed if one.id == endpoint else one for one in service.endpoints)
    return msgspec.structs.replace(service, endpoints=tuple(one for one in kept if one is not None))


async def show(
    ui: Ui, request: Request, found: Designed, name: str, *, title: str, status: int = 200, **values: Any
) -> Response:
    """A page of the designer, or for htmx only its form: `<name>_form.html` inside of `<name>.html`."""
    template = f"designer/{name}{'_form' if is_partial(request) else ''}.html"
    given = {
        "found": found,
        "project": found.project,
        "section": "designer",
        "panels": PANELS,
        "lookup_words": LOOKUP_WORDS,
        "kinds": KINDS,
        "errors": {},
        "problem": None,
        "theirs": request.query_params.get("theirs") is not None,
        **values,
    }
    if is_partial(request):
        return ui.fragment(request, template, status=status, **given)
    return await ui.page(request, template, title=title, status=status, **given)


def refusal(error: ScorelineError) -> dict[str, Any]:
    """What a form shows of an error."""
    errors = error.errors if isinstance(error, Unsaved) else {}
    shown = None if errors else error
    return {"problem": shown, "errors": errors, "status": status_of(error)}


def base_of(part: Any) -> str:
    """A part of a definition as a form keeps it."""
    return json.dumps(msgspec.to_builtins(part), ensure_ascii=False, sort_keys=True)


async def save(
    api: Api,
    found: Designed,
    part: Callable[[Service], Any],
    change: Callable[[Service], Service],
    base: str,
    *,
    at: str = "",
) -> WholeService:
    """Save one part of a service: `part` takes it out of a definition, `change` puts it in.

    `at`: the field of the definition that names of errors begin with, such as `endpoints[0]`. Raises
    Changed, Unsaved, and what the control API raises.
    """
    path = service_path(found.project, found.service)
    for attempt in range(_TRIES):
        whole = found.whole if attempt == 0 else await api.get(path, WholeService)
        if whole.definition is None:
            raise Invalid(whole.service.problem, code="invalid-project")
        now = part(whole.definition)
        if base and base_of(now) != base:
            raise Changed(differing(json.loads(base), msgspec.to_builtins(now)), now, await _last(api, found))
        wanted = change(whole.definition)
        try:
            return await api.put(path, wanted, WholeService, revision=whole.revision)
        except ScorelineError as error:
            if error.code == "stale-revision" and attempt + 1 < _TRIES:
                continue
            if error.code == "invalid-project":
                raise Unsaved(error, await _errors(api, path, wanted, at)) from error
            raise
    raise AssertionError("the last attempt returns or raises")


def differing(before: Any, now: Any, at: str = "") -> list[tuple[str, str, str]]:
    """Where two JSON values differ: the place, what it was, what it is."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [*before, *(name for name in now if name not in before)]
        return [
            row
            for name in names
            for row in differing(before.get(name), now.get(name), f"{at}.{name}".lstrip("."))
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            row
            for place, (old, new) in enumerate(zip(before, now, strict=True))
            for row in differing(old, new, f"{at}[{place}]")
        ]
    return [] if before == now else [(at or "all of it", _short(before), _short(now))]


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) and value else json.dumps(value, indent=1, ensure_ascii=False)


async def _last(api: Api, found: Designed) -> Change | None:
    """Who changed the service last, as far as one may know."""
    try:
        page = await api.page("/audit", Change, on=f"project:{found.project}", limit=_LOOKED_AT)
    except ScorelineError:
        return None
    return next((one for one in page.items if _is_of(one, found.service)), None)


def _is_of(change: Change, service: str) -> bool:
    return isinstance(change.after, dict) and change.after.get("service") == service


async def _errors(api: Api, path: str, wanted: Service, at: str) -> dict[str, str]:
    """What is wrong with a definition, by field; fields below `at` without it."""
    found = await api.post(f"{path}/check", wanted, Findings)
    errors: dict[str, str] = {}
    for one in found.findings:
        name = one.field.removeprefix(at).lstrip(".") if at and one.field.startswith(at) else one.field
        errors.setdefault(name, one.message)
    return errors
