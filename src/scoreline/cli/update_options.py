"""Options of the commands that start an update, and what they print when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.console import print_json, say
from scoreline.cli.deployment_view import print_updated
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control import Update

MappingOption = Annotated[
    str | None,
    typer.Option(
        "--mapping",
        metavar="V=SHARE,…",
        help="Instead of a version: several, with their shares, such as v1=0.3,v2=0.7.",
    ),
]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag; may be given again.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Return at once; `deployment logs` tells how it goes.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", metavar="ID", help="Its id. Default: SERVICE-on-INFRA.")
]


def shares(mapping: str | None) -> dict[str, float] | None:
    """The shares of `v1=0.3,v2=0.7`. Raises Invalid."""
    if mapping is None:
        return None
    found: dict[str, float] = {}
    for part in mapping.split(","):
        version, _, share = part.strip().partition("=")
        try:
            number = float(share)
        except ValueError:
            raise Invalid(
                f"--mapping: {part.strip()[:40]!r} is not VERSION=SHARE; write v1=0.3,v2=0.7",
                code="bad-mapping",
            ) from None
        if version in found:
            raise Invalid(f"--mapping: {version[:40]!r} is in it twice", code="bad-mapping")
        found[version] = number
    return found


def run_update(
    client: Client,
    start: Callable[..., Update],
    *arguments: object,
    no_wait: bool,
    as_json: bool,
    **given: object,
) -> None:
    """Start an update by a method of the client, tell how it goes unless not to wait, and what it brought."""
    update = start(*arguments, wait=False, **given)
    follow = f"scoreline deployment logs {update.deployment} {update.id} --follow"
    if not no_wait:
        try:
            update = client.wait(update, progress=say)
        except KeyboardInterrupt:
            say(f"update {update.id} goes on; see: {follow}")
            say(f"or end it: scoreline deployment cancel {update.deployment} {update.id}")
            raise
    if as_json:
        print_json(update)
    elif no_wait:
        say(f"update {update.id} of {update.deployment} has begun")
        say(f"next: {follow}")
    else:
        print_updated(client, update)
