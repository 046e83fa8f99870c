"""Commands on stages: the steps of the lifecycle, in the order of promotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.arguments import StageArgument, complete_stages
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, print_json, print_table

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.core.stage import Stage

Description = Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Stages of the lifecycle, and their order.")
    group.command("list")(list_stages)
    group.command("add")(add)
    group.command("describe")(describe)
    group.command("order")(order)
    group.command("delete")(delete)
    app.add_typer(group, name="stage")


@connected
def list_stages(client: Client, as_json: AsJson = False) -> None:
    """List the stages in the order of promotion."""
    _print(client.stages(), as_json)


@connected
def add(
    client: Client,
    stage: Annotated[str, typer.Argument(help="The id of the new stage.")],
    description: Description = "",
    as_json: AsJson = False,
) -> None:
    """Add a stage after the last one."""
    client.add_stage(stage, description)
    _print(client.stages(), as_json)


@connected
def describe(
    client: Client,
    stage: StageArgument,
    description: Annotated[str, typer.Argument(help="What it is for.")],
    as_json: AsJson = False,
) -> None:
    """Give a stage another description."""
    client.describe_stage(stage, description)
    _print(client.stages(), as_json)


@connected
def order(
    client: Client,
    stages: Annotated[
        list[str],
        typer.Argument(help="All stages, in the order of promotion.", autocompletion=complete_stages),
    ],
    as_json: AsJson = False,
) -> None:
    """Put the stages into another order of promotion."""
    _print(client.order_stages(stages), as_json)


@connected
def delete(client: Client, stage: StageArgument, as_json: AsJson = False) -> None:
    """Delete a stage that no infrastructure stands in."""
    _print(client.delete_stage(stage), as_json)


def _print(stages: Sequence[Stage], as_json: bool) -> None:
    if as_json:
        print_json(stages)
        return
    print_table(("stage", "what it is for"), [(one.id, one.description) for one in stages], empty="no stage")
