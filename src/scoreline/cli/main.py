"""The `scoreline` command: its groups, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from scoreline import errors
from scoreline.cli.console import err

# Exit codes by family; the first match counts. 2 is Typer's own: the command line itself is wrong.
EXIT_CODES: tuple[tuple[type[errors.ScorelineError], int], ...] = (
    (errors.NotFound, 3),
    (errors.Invalid, 4),
    (errors.Conflict, 5),
    (errors.NotAllowed, 6),
    (errors.Unavailable, 7),
    (errors.ScorelineError, 1),
)

# Each module has `register(app)`, which adds its commands; `scoreline --help` shows them under these
# headings. They import what is heavy inside the commands, so that it answers at once.
COMMANDS = {
    "Commands on a project": (
        "projects",
        "flow",
        "models",
        "evaluations",
        "versions",
        "test_queries",
        "scenarios",
    ),
    "Commands on a control plane": (
        "status",
        "services",
        "deployments",
        "infrastructures",
        "stages",
        "declared",
        "jobs",
        "runs",
        "why",
        "search",
    ),
    "Commands on access": ("users", "groups", "roles", "keys", "audit"),
    "Commands on this machine": ("demo", "control_plane", "node"),
}


class _Headings(TyperGroup):
    """The commands under the headings of their modules."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        width = max(len(name) for name in self.commands)
        for heading in COMMANDS:
            commands = [
                (name.ljust(width), command.get_short_help_str(formatter.width - 6 - width))
                for name, command in self.commands.items()
                if getattr(command, "rich_help_panel", None) == heading
            ]
            with formatter.section(heading):
                formatter.write_dl(commands)


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="scoreline",
        cls=_Headings,
        help="From a project folder to a fast, enriched prediction over HTTP.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for heading, modules in COMMANDS.items():
        part = typer.Typer()
        for name in modules:
            importlib.import_module(f"scoreline.cli.{name}").register(part)
        for command in part.registered_commands:
            command.rich_help_panel = heading
        for group in part.registered_groups:
            group.rich_help_panel = heading
        app.registered_commands += part.registered_commands
        app.registered_groups += part.registered_groups
    return app


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code. Errors of Scoreline are printed, not raised."""
    try:
        result = make_app()(arguments, standalone_mode=False)
        return int(result or 0)
    except errors.ScorelineError as error:
        err.print(f"error: {error.message}", markup=False)
        return next(code for family, code in EXIT_CODES if isinstance(error, family))
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        err.print("not done")
        return 130
    except KeyboardInterrupt:
        return 130
    except TyperException as error:
        err.print(f"error: {error.format_message()}", markup=False)
        return error.exit_code
