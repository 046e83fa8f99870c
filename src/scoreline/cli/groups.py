"""Commands on groups of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, Yes, confirm, print_json, print_table, say

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.access import Group

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Which group.")]
MemberArgument = Annotated[str, typer.Argument(metavar="USER", help="Which user.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Groups: users who are granted roles together.")
    group.command("list")(list_groups)
    group.command("create")(create)
    group.command("add")(add)
    group.command("remove")(remove)
    group.command("delete")(delete)
    app.add_typer(group, name="group")


@connected
def list_groups(client: Client, as_json: AsJson = False) -> None:
    """List the groups with their users."""
    found = client.groups()
    if as_json:
        print_json(found)
        return
    rows = [(one.name, ", ".join(one.users)) for one in found]
    print_table(("group", "users"), rows, empty="no group yet; make one: scoreline group create GROUP")


@connected
def create(client: Client, group: GroupArgument, as_json: AsJson = False) -> None:
    """Make a group."""
    _tell(client.create_group(group), as_json)


@connected
def add(client: Client, group: GroupArgument, user: MemberArgument, as_json: AsJson = False) -> None:
    """Let a user be in a group."""
    _tell(client.add_to_group(group, user), as_json)


@connected
def remove(client: Client, group: GroupArgument, user: MemberArgument, as_json: AsJson = False) -> None:
    """Let a user be in a group no more."""
    _tell(client.remove_from_group(group, user), as_json)


@connected
def delete(client: Client, group: GroupArgument, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a group and the roles it was granted."""
    confirm(f"delete group {group} and its roles", yes)
    deleted = client.delete_group(group)
    if as_json:
        print_json(deleted)
    else:
        say(f"deleted group {group}")


def _tell(group: Group, as_json: bool) -> None:
    if as_json:
        print_json(group)
    else:
        say(f"group {group.name}: {', '.join(group.users) or 'nobody'}")
