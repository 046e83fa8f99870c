"""Commands on users and their passwords, and on who one is oneself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import HomeOption, ServerOption, connected
from scoreline.cli.console import AsJson, out, print_facts, print_json, print_table, say
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.access import User

UserArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which user.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("whoami")(whoami)
    group = typer.Typer(no_args_is_help=True, help="Users: who may sign in.")
    group.command("list")(list_users)
    group.command("create")(create)
    group.command("passwd")(passwd)
    group.command("reset-password")(reset_password)
    group.command("disable")(disable)
    group.command("enable")(enable)
    app.add_typer(group, name="user")


@connected
def whoami(client: Client, as_json: AsJson = False) -> None:
    """Show who one is to the control plane, and what one may."""
    me = client.whoami()
    if as_json:
        print_json(me)
        return
    scope = me.most if me.services is None else f"{me.most}, of {', '.join(me.services)}"
    roles = ", ".join(f"{role} on {on}" for on, role in me.roles.items())
    print_facts(
        {
            "control plane": client.url,
            "name": me.name,
            "key": me.key or "none",
            "at most": scope,
            "groups": ", ".join(me.groups) or "none",
            "roles": roles or "none; ask an admin",
        }
    )


@connected
def list_users(client: Client, as_json: AsJson = False) -> None:
    """List the users."""
    found = client.users()
    if as_json:
        print_json(found)
        return
    rows = [(one.name, _state(one), ", ".join(one.groups), one.created_at[:10]) for one in found]
    print_table(("user", "state", "groups", "since"), rows, empty="no user")


@connected
def create(
    client: Client,
    name: UserArgument,
    without_password: Annotated[
        bool, typer.Option("--without-password", help="He comes with keys only, as a program does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a user, and show his one-time password this once."""
    made = client.create_user(name, password=not without_password)
    if as_json:
        print_json(made)
    elif made.one_time_password is None:
        say(f"made user {name}; give him a key: scoreline key create --user {name} --label LABEL")
    else:
        say(f"made user {name}; he has to change this one-time password: scoreline user passwd {name}")
        out.print(made.one_time_password, markup=False)


@connected
def reset_password(client: Client, name: UserArgument, as_json: AsJson = False) -> None:
    """Give a user a new one-time password.

    It is shown this once.
    """
    password = client.reset_password(name)
    if as_json:
        print_json({"one_time_password": password})
        return
    say(f"{name} has to change this one-time password: scoreline user passwd {name}")
    out.print(password, markup=False)


def passwd(
    name: UserArgument, server: ServerOption = None, home: HomeOption = None, as_json: AsJson = False
) -> None:
    """Change one's own password. Without a terminal, the old and the new one are two lines of input."""
    from scoreline.client.client import Client

    old, new = _asked() if sys.stdin.isatty() else _read()
    with Client(server, user=name, password=old, home=home) as client:
        client.change_password(old, new)
    if as_json:
        print_json({"name": name})
    else:
        say(f"the password of {name} is changed")


@connected
def disable(client: Client, name: UserArgument, as_json: AsJson = False) -> None:
    """Let a user in no more.

    His keys and his password stop working at once.
    """
    _tell(client.disable_user, name, "is disabled", as_json)


@connected
def enable(client: Client, name: UserArgument, as_json: AsJson = False) -> None:
    """Let a user in again."""
    _tell(client.enable_user, name, "is enabled", as_json)


def _tell(change: Callable[[str], User], name: str, what: str, as_json: bool) -> None:
    changed = change(name)
    if as_json:
        print_json(changed)
    else:
        say(f"user {changed.name} {what}")


def _state(user: User) -> str:
    if not user.enabled:
        return "disabled"
    if user.must_change:
        return "one-time password"
    return "enabled" if user.has_password else "keys only"


def _asked() -> tuple[str, str]:
    old = typer.prompt("old password", hide_input=True, err=True)
    return old, typer.prompt("new password", hide_input=True, confirmation_prompt=True, err=True)


def _read() -> tuple[str, str]:
    lines = [sys.stdin.readline().rstrip("\n") for _ in range(2)]
    if not all(lines):
        raise Invalid("give the old password and the new one, as two lines on standard input")
    return lines[0], lines[1]
