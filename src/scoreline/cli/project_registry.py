"""Commands on the projects that a control plane knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, print_json, print_table, say

if TYPE_CHECKING:
    from scoreline.client.client import Client


def register(group: typer.Typer) -> None:
    """Add the commands of this module to the group `project`."""
    group.command("create")(create)
    group.command("add")(add)
    group.command("list")(list_projects)
    group.command("remove")(remove)


@connected
def create(
    client: Client,
    project: Annotated[str, typer.Argument(help="Its name there, and its id.")],
    template: Annotated[str, typer.Option(help="What to begin with: empty, real-time-apis.")] = "empty",
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    size: Annotated[Literal["small", "full"], typer.Option(help="How much data to generate.")] = "small",
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Where the random draws start.")] = 42,
    services: Annotated[
        bool, typer.Option(help="With the template's API services; without, they are yours to make.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make a project on a running control plane.

    It is made from a template, in a folder of the control plane's own.
    """
    job = client.create_project(project, template, name=name, size=size, seed=seed, services=services)
    if as_json:
        print_json(job)
    else:
        say(f"the control plane has made project {project!r}")


@connected
def add(
    client: Client,
    folder: Annotated[Path, typer.Argument(help="The project's folder, on the control plane's machine.")],
    project_key: Annotated[
        str | None, typer.Option("--as", metavar="ID", help="Its name there. Default: the project's id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a running control plane know a project. Doing it again changes nothing."""
    added = client.add_project(folder.absolute(), project_key)
    if as_json:
        print_json(added)
    else:
        say(f"the control plane knows {added.folder} as {added.key!r}")


@connected
def list_projects(client: Client, as_json: AsJson = False) -> None:
    """List the projects that a running control plane knows."""
    projects = client.projects()
    if as_json:
        print_json(projects)
        return
    rows = [(one.key, one.folder, one.problem or one.name) for one in projects]
    print_table(
        ("project", "folder", ""), rows, empty="no project yet; add one: scoreline project add FOLDER"
    )


@connected
def remove(
    client: Client,
    project: Annotated[str, typer.Argument(help="The project's name there.")],
    files: Annotated[
        bool, typer.Option("--files", help="Delete its folder, too; only one that the control plane made.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a running control plane know a project no more. The folder stays as it is unless told otherwise."""
    removed = client.remove_project(project, files=files)
    if as_json:
        print_json(removed)
    elif files:
        say(f"project {removed.key!r} and its folder are deleted")
    else:
        say(f"the control plane knows {removed.key!r} no more; {removed.folder} stays as it is")
