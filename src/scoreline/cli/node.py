"""The command on a node: start one, alone."""

from __future__ import annotations

import os
import sys

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "node",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(node)


def node(context: typer.Context) -> None:
    """Be a node: serve packages without a control plane.

    See `scoreline node --help`.
    """
    # The node is a process of its own kind: it must not carry along what the command line has loaded.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "scoreline.node", *context.args])  # noqa: S606
