"""Commands that ask why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_json
from scoreline.cli.deployment_view import at
from scoreline.cli.scenario_place import KnownProjectOption, project_key
from scoreline.errors import NotFound, ScorelineError

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.core.why import Explanation, Link

_NOT_PUBLISHED = frozenset(("no-such-version", "no-such-service"))

RunArgument = Annotated[
    int, typer.Argument(metavar="RUN", min=1, help="Its number, as `scenario runs` shows it.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Why something is as it is, and what shows it.")
    group.command("run")(run)
    group.command("step")(step)
    group.command("version")(version)
    group.command("mapping")(mapping)
    group.command("model")(model)
    app.add_typer(group, name="why")


@connected
def run(client: Client, number: RunArgument, as_json: AsJson = False) -> None:
    """Why a run ended as it did, and what started it."""
    _tell(client.why_run(number), as_json)


@connected
def step(
    client: Client,
    number: RunArgument,
    step_id: Annotated[str, typer.Argument(metavar="STEP", help="The id of the step.")],
    as_json: AsJson = False,
) -> None:
    """Why a step of a run ran or did not."""
    _tell(client.why_step(number, step_id), as_json)


@connected
def version(
    client: Client,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service's id.")],
    version_id: Annotated[str, typer.Argument(metavar="VERSION", help="The version's id.")],
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """What made a version of a service, of what, and why.

    One that is not published is looked for in the project.
    """
    try:
        found = client.why_version(service, version_id)
    except NotFound as error:
        if error.code not in _NOT_PUBLISHED:
            raise
        found = _in_project(client, service, version_id, project, error)
    _tell(found, as_json)


@connected
def mapping(
    client: Client,
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The deployment's id.")],
    as_json: AsJson = False,
) -> None:
    """Why a deployment answers by these generations."""
    _tell(client.why_mapping(deployment), as_json)


@connected
def model(
    client: Client,
    model_id: Annotated[str, typer.Argument(metavar="MODEL", help="The model's id.")],
    version_id: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="A version. Default: the active one.")
    ] = None,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """What trained a version of a model, and made it active."""
    _tell(client.why_model(project_key(client, project), model_id, version_id), as_json)


def _in_project(
    client: Client, service: str, version_id: str, project: str | None, not_published: NotFound
) -> Explanation:
    try:
        key = project_key(client, project)
    except ScorelineError:
        raise not_published from None  # one stands in no project that the control plane knows
    return client.why_version(service, version_id, project=key)


def _tell(found: Explanation, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for place, link in enumerate(found.chain):
        out.print(("" if place == 0 else "since ") + _line(link), markup=False, soft_wrap=True)


def _line(link: Link) -> str:
    when = at(link.at) if link.at else ""
    who = link.by if link.by and link.by not in link.said and link.kind != "step" else ""
    told = ", ".join(part for part in (when, f"by {who}" if who else "") if part)
    return f"{link.said} ({told})" if told else link.said
