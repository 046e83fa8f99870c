"""One scenario as its pages show it: loaded, headed and saved; and what is said to be wrong with it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from scoreline.core.scenario import Scenario
from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui
from scoreline.ui.part_fields import scalar_text
from scoreline.wire.control import Deployment
from scoreline.wire.control_names import ProjectNames
from scoreline.wire.control_scenarios import WholeScenario
from scoreline.wire.paging import MOST_ITEMS

BASE = "/projects/{project}/scenarios/{scenario}"
TABS = (
    ("steps", "Steps"),
    ("triggers", "Triggers"),
    ("reporters", "Reporters"),
    ("runs", "Last runs"),
    ("dry-run", "Dry run"),
    ("settings", "Settings"),
)
_PLACE = re.compile(
    r"^(?P<part>[a-z_]+)(?:\[(?P<position>\d+)\])?(?:\.(?P<field>[a-z_]+))?(?P<rest>[^: ]*): (?P<message>.*)$"
)
_LINE = re.compile(r"^\s+(?P<file>[^:]+\.(?:yaml|py|sql))(?::\d+)?: (?P<message>.*)$")


class Wrong(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a definition."""

    part: str
    """`steps`, `triggers`, `reporters`, another key of a scenario, or empty: somewhere else."""
    position: int | None = None
    field: str = ""
    message: str


class Loaded(Struct, frozen=True, kw_only=True):
    """A scenario that a page shows."""

    project: str
    whole: WholeScenario

    @property
    def id(self) -> str:
        """Its id."""
        return self.whole.scenario.id

    @property
    def definition(self) -> Scenario:
        """What it is. Raises Invalid when its file cannot be read."""
        if self.whole.definition is None:
            raise Invalid(
                f"the file of scenario {self.id!r} cannot be read: {self.whole.scenario.problem}",
                code="unsound-scenario",
            )
        return self.whole.definition

    @property
    def variables(self) -> list[tuple[str, str]]:
        """Its variables, as they are typed."""
        given = self.whole.definition.variables if self.whole.definition else {}
        return [(name, scalar_text(value)) for name, value in given.items()]

    def url(self, *parts: object) -> str:
        """Where one of its pages is."""
        return path_to("projects", self.project, "scenarios", self.id, *parts)


async def load(api: Api, request: Request) -> Loaded:
    """The scenario that the path of a request names. Raises NotFound."""
    project, scenario = request.path_params["project"], request.path_params["scenario"]
    whole = await api.get(path_to("projects", project, "scenarios", scenario), WholeScenario)
    return Loaded(project=project, whole=whole)


async def save(api: Api, loaded: Loaded, definition: Scenario) -> Loaded:
    """Replace the definition that was loaded. Raises Conflict when somebody changed it since, and Invalid."""
    path = path_to("projects", loaded.project, "scenarios", loaded.id)
    whole = await api.put(path, definition, WholeScenario, revision=loaded.whole.revision)
    return Loaded(project=loaded.project, whole=whole)


async def show(
    ui: Ui, request: Request, loaded: Loaded, tab: str, template: str, *, status: int = 200, **values: Any
) -> Response:
    """A tab of a scenario's pages."""
    words = dict(TABS)[tab]
    return await ui.page(
        request,
        template,
        title=f"{words} of {loaded.whole.scenario.name}",
        status=status,
        project=loaded.project,
        section="scenarios",
        loaded=loaded,
        scenario=loaded.whole.scenario,
        tab=tab,
        tabs=[(name, text, loaded.url(name)) for name, text in TABS],
        **values,
    )


async def offered(api: Api, project: str) -> dict[str, tuple[str, ...]]:
    """What the fields of steps and triggers are offered, by kind."""
    names, deployed = await asyncio.gather(
        api.get(path_to("projects", project, "names"), ProjectNames),
        api.page("/deployments", Deployment, limit=MOST_ITEMS),
    )
    return {
        "items": (*names.datasets, *names.models, *names.evaluation_stores, *names.recipes),
        "datasets": names.datasets,
        "models": names.models,
        "stores": names.evaluation_stores,
        "services": names.services,
        "scenarios": names.scenarios,
        "connections": names.connections,
        "deployments": tuple(one.id for one in deployed.items),
    }


def wrongs(error: ScorelineError, scenario: str) -> list[Wrong]:
    """What an error of a change says is wrong, each with its place in the scenario where it has one."""
    own = f"scenarios/{scenario}.yaml"
    found: list[Wrong] = []
    for line in error.message.splitlines():
        told = _LINE.match(line)
        if told is None:
            continue
        place = _PLACE.match(told["message"]) if told["file"] == own else None
        if place is None:
            found.append(Wrong(part="", message=line.strip()))
            continue
        position = None if place["position"] is None else int(place["position"])
        message = place["message"]
        found.append(
            Wrong(part=place["part"], position=position, field=place["field"] or "", message=message)
        )
    return found or [Wrong(part="", message=error.message)]


def converted(plain: Any, kind: Any) -> Any:
    """A definition of plain JSON. Raises `FieldWrong` with the field where it has one."""
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        field = re.match(r"\.([a-z_]+)", path)
        missing = re.search(r"required field `([a-z_]+)`", message)
        raise FieldWrong(missing[1] if missing else field[1] if field else "", _plainly(message)) from None


class FieldWrong(Exception):
    """A value that a field cannot have."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def _plainly(message: str) -> str:
    if "required field" in message:
        return "is missing"
    return message.replace("Expected", "is to be").replace("`", "").replace("int", "whole number")
