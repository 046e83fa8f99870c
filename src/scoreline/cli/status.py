"""The command that shows everything at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_facts, print_json
from scoreline.cli.deployment_view import print_deployments
from scoreline.cli.infrastructures import print_infrastructures

if TYPE_CHECKING:
    from scoreline.client.client import Client


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status")(status)


@connected
def status(client: Client, as_json: AsJson = False) -> None:
    """Show the control plane, its nodes and its deployments."""
    found = client.status()
    if as_json:
        print_json(found)
        return
    print_facts({"control plane": found.url, "version": found.version, "process": found.pid})
    out.print()
    print_infrastructures(found.infrastructures)
    out.print()
    print_deployments(found.deployments)
