"""Commands on personal keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.arguments import complete_services
from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_json, print_table, say
from scoreline.cli.roles import RoleName

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.access import Key


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Personal keys for the control plane.")
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    app.add_typer(group, name="key")


@connected
def create(
    client: Client,
    label: Annotated[str, typer.Option("--label", metavar="NAME", help="What the key is called in lists.")],
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            metavar="NAME",
            help="Whose it is to be. Default: one's own; on the control plane's machine, the first admin's.",
        ),
    ] = None,
    most: Annotated[
        RoleName, typer.Option("--most", metavar="ROLE", help="At most `view`, `deploy` or `admin`.")
    ] = "admin",
    service: Annotated[
        list[str] | None,
        typer.Option(
            "--service",
            metavar="ID",
            help="Only this service; may be given again.",
            autocompletion=complete_services,
        ),
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", help="How long it is good. Default: until it is revoked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a personal key, and show it this once."""
    made = client.create_key(label, user=user, most=most, services=service or None, days=days)
    if as_json:
        print_json(made)
        return
    say(f"made key {made.about.id} of {made.about.user}; it is not shown again:")
    out.print(made.key, markup=False)


@connected
def list_keys(
    client: Client,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Whose; default: one's own.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--everyone", help="Everyone's, for admins.")] = False,
    as_json: AsJson = False,
) -> None:
    """List personal keys; what they open, and when they were used last."""
    found = client.keys(user, everyone=everyone)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.id,
            one.label,
            one.user,
            _scope(one),
            (one.expires_at or "never")[:16],
            (one.last_used_at or "never")[:16],
        )
        for one in found
    ]
    columns = ("key", "label", "user", "at most", "ends", "last used")
    print_table(columns, rows, empty="no key yet; make one: scoreline key create --label NAME")


@connected
def revoke(
    client: Client,
    number: Annotated[int, typer.Argument(metavar="KEY", help="Its number, from `scoreline key list`.")],
    as_json: AsJson = False,
) -> None:
    """Let a key open nothing any more."""
    revoked = client.revoke_key(number)
    if as_json:
        print_json(revoked)
    else:
        say(f"key {revoked.id} ({revoked.label}) of {revoked.user} opens nothing any more")


def _scope(key: Key) -> str:
    return key.most if key.services is None else f"{key.most}, of {', '.join(key.services)}"
