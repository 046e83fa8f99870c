"""The command that shows who changed what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, print_json, print_table

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.access import Change


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("audit")(audit)


@connected
def audit(
    client: Client,
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="Only what this user did.")] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="OBJECT", help="Only changes of this object: `service:ID`, …"),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="How many changes at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was changed on the control plane, newest first."""
    found = client.audit(who=who, on=on, most=most)
    if as_json:
        print_json(found)
        return
    rows = [(one.at[:19], one.who, one.address, one.what, one.on, _change(one)) for one in found]
    print_table(("at", "who", "from", "what", "on", "change"), rows, empty="no change yet")


def _change(change: Change) -> str:
    before, after = (json.dumps(one, ensure_ascii=False) for one in (change.before, change.after))
    if change.before is None:
        return "" if change.after is None else after
    return f"{before} -> {after}" if change.after is not None else before
