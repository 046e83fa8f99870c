"""The `scoreline` command: its groups, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib

import typer
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

# Each module has `register(app)`, which adds its commands. They import what is heavy inside the commands, so
# that `scoreline --help` answers at once.
COMMANDS = ("projects", "flow", "models", "versions", "test_queries", "deployer", "node", "demo")


def make_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="scoreline",
        help="From a project folder to a fast, enriched prediction over HTTP.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name in COMMANDS:
        importlib.import_module(f"scoreline.cli.{name}").register(app)
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
        return 130
    except KeyboardInterrupt:
        return 130
    except TyperException as error:
        err.print(f"error: {error.format_message()}", markup=False)
        return error.exit_code
