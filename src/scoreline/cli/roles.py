"""Commands on roles: who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, print_json, print_table, say

if TYPE_CHECKING:
    from scoreline.client.client import Client

RoleName = Literal["view", "deploy", "admin"]
ObjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="OBJECT",
        help="`project:ID`, `service:ID`, `infrastructure:ID`, or `control-plane`, which counts everywhere.",
    ),
]
SubjectArgument = Annotated[str, typer.Argument(metavar="WHO", help="`user:NAME` or `group:NAME`.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Roles: who may view, deploy and administer what.")
    group.command("list")(list_roles)
    group.command("grant")(grant)
    group.command("revoke")(revoke)
    app.add_typer(group, name="role")


@connected
def list_roles(client: Client, as_json: AsJson = False) -> None:
    """List one's own roles.

    Also those of others on objects that one is admin of.
    """
    found = client.roles()
    if as_json:
        print_json(found)
        return
    rows = [(one.on, one.to, one.role) for one in found]
    print_table(("on", "who", "role"), rows, empty="no role yet; grant one: scoreline role grant")


@connected
def grant(
    client: Client,
    role: Annotated[RoleName, typer.Argument(metavar="ROLE", help="`view`, `deploy` or `admin`.")],
    on: ObjectArgument,
    to: SubjectArgument,
    as_json: AsJson = False,
) -> None:
    """Grant a role on an object to a user or a group.

    It replaces the one that was there.
    """
    granted = client.grant_role(role, on, to)
    if as_json:
        print_json(granted)
    else:
        say(f"{granted.to} has the role {granted.role} on {granted.on}")


@connected
def revoke(client: Client, on: ObjectArgument, to: SubjectArgument, as_json: AsJson = False) -> None:
    """Take a role back.

    That of a user, or of a group, on an object.
    """
    revoked = client.revoke_role(on, to)
    if as_json:
        print_json(revoked)
    else:
        say(f"{revoked.to} has no role on {revoked.on} any more")
