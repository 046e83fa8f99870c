"""The command that searches everything that has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, print_json, print_table, say

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control_search import Found


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("search")(search)


@connected
def search(
    client: Client,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="An id, its beginning, or some words.")],
    most: Annotated[int, typer.Option("--most", min=1, max=200, help="How many things at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Search everything that has a name, best first."""
    found = client.search(" ".join(words), most=most)
    if as_json:
        print_json(found)
        return
    rows = [(one.kind, one.id, _place(one), one.name or one.description) for one in found.items]
    print_table(("kind", "id", "in", "about"), rows, empty="nothing fits")
    if found.more:
        say("there is more; give more words, or --most")


def _place(one: Found) -> str:
    parts = (one.project, one.service, one.infrastructure)
    return " / ".join(part for part in parts if part and part != one.id)
