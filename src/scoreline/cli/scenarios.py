"""Commands on the scenarios of a project: look at them, run them, change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from scoreline.cli.connection import connectable, connected
from scoreline.cli.console import AsJson, Yes, confirm, print_json, say
from scoreline.cli.dry_run import dry_run
from scoreline.cli.run_view import print_runs, watch_run
from scoreline.cli.scenario_checks import check
from scoreline.cli.scenario_place import (
    KnownProjectOption,
    ScenarioArgument,
    complete_scenarios,
    project_key,
    scenario_place,
)
from scoreline.cli.scenario_view import print_scenario, print_scenarios
from scoreline.cli.update_options import NoWait
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A variable of this run: a number, true, false, or text; may be given again.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Scenarios: steps that run by themselves, or by hand.")
    group.command("list")(list_scenarios)
    group.command("show")(show)
    group.command("run")(run)
    group.command("runs")(runs)
    group.command("duplicate")(duplicate)
    group.command("enable")(enable)
    group.command("disable")(disable)
    group.command("delete")(delete)
    group.command("check")(check)
    group.command("dry-run")(dry_run)
    app.add_typer(group, name="scenario")


@connectable
def list_scenarios(
    connect: Callable[[], Client], project: KnownProjectOption = None, as_json: AsJson = False
) -> None:
    """List scenarios: what starts them, how they fared.

    Without a control plane that knows the project, they are read from its folder.
    """
    with scenario_place(connect, project) as place:
        found = place.all()
    if as_json:
        print_json(found)
    else:
        print_scenarios(found)


@connectable
def show(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show one: its triggers, its steps, its last run."""
    with scenario_place(connect, project) as place:
        found = place.one(scenario)
    if as_json:
        print_json(found)
    else:
        print_scenario(found)


@connected
def run(
    client: Client,
    scenario: ScenarioArgument,
    set_: SetOption = None,
    project: KnownProjectOption = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Run one, and tell how each step goes and why.

    The exit code is 0 for SUCCESS and WARNING, 1 for FAILED, 10 for ABORTED. Ctrl-C ends the watching; the
    run goes on in the control plane.
    """
    parameters = variables(set_ or ())
    begun = client.run_scenario(project_key(client, project), scenario, parameters=parameters, wait=False)
    watch_run(client, begun, no_wait=no_wait, as_json=as_json)


@connected
def runs(
    client: Client,
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Only runs of this one. Default: all.", autocompletion=complete_scenarios
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first."""
    found = client.runs(project_key(client, project), scenario, last=last)
    if as_json:
        print_json(found)
    else:
        print_runs(found, empty="no run yet; next: scoreline scenario run NAME")


@connectable
def duplicate(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The id of the copy.")],
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a copy, which is not enabled yet.

    Comments in the file are copied, too.
    """
    with scenario_place(connect, project) as place:
        made = place.duplicate(scenario, new)
    if as_json:
        print_json(made)
    else:
        say(f"scenario {new} is a copy of {scenario}; next: scoreline scenario enable {new}")


@connectable
def enable(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Let its triggers start it."""
    _set_enabled(connect, scenario, project, True, as_json)


@connectable
def disable(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Let its triggers start it no more.

    A run that goes on goes on, and `scenario run` runs it all the same.
    """
    _set_enabled(connect, scenario, project, False, as_json)


@connectable
def delete(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    project: KnownProjectOption = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete one; its runs stay to be looked at."""
    with scenario_place(connect, project) as place:
        found = place.one(scenario).scenario
        confirm(f"delete scenario {found.id!r} with its file", yes)
        place.delete(found.id)
    if as_json:
        print_json({"id": found.id})
    else:
        say(f"scenario {found.id} is deleted")


def variables(given: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """The variables of `name=value`. Raises Invalid."""
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            raise Invalid(f"--set: {one[:40]!r} is not NAME=VALUE; write --set rows=3", code="bad-variable")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """A number, true, false or a text in quotes as JSON says it; anything else as it is."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return value if isinstance(value, str | int | float) else text


def _set_enabled(
    connect: Callable[[], Client], scenario: str, project: str | None, enabled: bool, as_json: bool
) -> None:
    with scenario_place(connect, project) as place:
        found = place.enable(scenario, enabled=enabled)
    if as_json:
        print_json(found)
    else:
        say(f"scenario {found.scenario.id} is {'enabled' if enabled else 'disabled'}")
