"""Commands on the updates of deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.arguments import DeploymentArgument, complete_versions
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_json, say
from scoreline.cli.deployment_view import print_history, print_update
from scoreline.cli.update_options import MappingOption, NoWait, run_update, shares

if TYPE_CHECKING:
    from scoreline.client.client import Client

NumberArgument = Annotated[
    int | None, typer.Argument(metavar="UPDATE", help="Its number. Default: the newest.")
]


def register(app: typer.Typer, group: typer.Typer) -> None:
    """Add the commands of this module, also to the group `deployment`."""
    app.command("update")(update)
    group.command("update")(update)
    group.command("rollback")(rollback)
    group.command("history")(history)
    group.command("logs")(logs)
    group.command("cancel")(cancel)


@connected
def update(
    client: Client,
    deployment: DeploymentArgument,
    version: Annotated[
        str | None,
        typer.Argument(help="A published version. Default: what is saved.", autocompletion=complete_versions),
    ] = None,
    mapping: MappingOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="Install everything again and replace the workers.")
    ] = False,
    rolling: Annotated[bool, typer.Option("--rolling", help="One node after the other.")] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Bring another version, or what is saved, live.

    No query is lost. When it fails, what was live goes on answering. `update` and `deployment update` are the
    same.
    """
    run_update(
        client,
        client.update,
        deployment,
        version,
        mapping=shares(mapping),
        kind="full" if full else "light",
        rolling=rolling,
        no_wait=no_wait,
        as_json=as_json,
    )


@connected
def rollback(
    client: Client,
    deployment: DeploymentArgument,
    version: Annotated[
        str | None,
        typer.Argument(
            help="Which version. Default: what was live before.", autocompletion=complete_versions
        ),
    ] = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Go back to what was live before, or to a version."""
    run_update(client, client.roll_back, deployment, version, no_wait=no_wait, as_json=as_json)


@connected
def history(
    client: Client,
    deployment: DeploymentArgument,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show its updates, newest first: who, when, from, to."""
    found = client.updates(deployment, last=last)
    if as_json:
        print_json(found)
    else:
        print_history(found)


@connected
def logs(
    client: Client,
    deployment: DeploymentArgument,
    number: NumberArgument = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the steps and the log of an update."""
    found = client.one_update(deployment, number)
    if follow:
        found = client.wait(found, progress=None if as_json else _line)
    if as_json:
        print_json(found)
        return
    if not follow:
        for line in found.log:
            _line(line)
    print_update(found)


@connected
def cancel(
    client: Client, deployment: DeploymentArgument, number: NumberArgument = None, as_json: AsJson = False
) -> None:
    """End an update; what was live stays."""
    found = client.cancel(deployment, number)
    if as_json:
        print_json(found)
        return
    say(f"update {found.id} of {deployment} ends after the step that it is in")
    say(f"next: scoreline deployment logs {deployment} {found.id}")


def _line(text: str) -> None:
    out.print(text, markup=False)
