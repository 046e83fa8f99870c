"""The command that brings what a file declares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connectable
from scoreline.cli.console import AsJson, Yes, confirm, out, print_json, say
from scoreline.errors import InvalidDeclaration

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.core.declared_plan import Change

_INVALID = 4
WOULD_CHANGE = 8
"""The exit code of `apply --check` when something is not as declared."""

_MARKS = {"create": "+", "change": "~", "delete": "-", "nothing": " "}
_COLOURS = {"create": "green", "change": "yellow", "delete": "red", "nothing": "default"}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("apply")(apply)


@connectable
def apply(
    connect: Callable[[], Client],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A YAML file: stages, infrastructures, deployments.")
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Also delete what a section of the file does not have.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; the exit code is 8 if something would change.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Bring stages, infrastructures, deployments of a file.

    The plan is shown first; nothing is done before it is agreed to, here or by --yes. Done again, it finds
    nothing to do.
    """
    from scoreline.core.declared_plan import to_do
    from scoreline.storage.declared_files import read_declared

    try:
        declaration = read_declared(file)
        with connect() as client:
            changes = client.plan(declaration, prune=prune)
            wanted = to_do(changes)
            if not as_json:
                _print_plan(changes)
            if wanted and not check:
                confirm(f"make {_counted(len(wanted), 'change')}", yes)
                client.apply(changes, progress=say)
    except InvalidDeclaration as error:
        _print_problems(error, as_json)
        raise typer.Exit(_INVALID) from error
    if as_json:
        print_json({"ok": True, "applied": not check, "changes": [_as_json(one) for one in changes]})
    elif wanted and not check:
        say("everything is as declared now")
    if wanted and check:
        raise typer.Exit(WOULD_CHANGE)


def _print_plan(changes: Sequence[Change]) -> None:
    from scoreline.core.declared_plan import Action

    for change in changes:
        action = change.action.value
        name = f"{change.noun} {change.id}".rstrip()
        out.print(f"{_MARKS[action]} {name}", style=_COLOURS[action], markup=False)
        for one in change.differences:
            if one.before is not None:
                out.print(f"    - {one.what}: {one.before}", style="red", markup=False)
            if one.after is not None:
                out.print(f"    + {one.what}: {one.after}", style="green", markup=False)
    counts = {action: sum(change.action is action for change in changes) for action in Action}
    if not changes or counts[Action.NOTHING] == len(changes):
        say(f"nothing to do: {_counted(len(changes), 'thing')} as declared")
        return
    acting = [action for action in Action if action is not Action.NOTHING and counts[action]]
    said = ", ".join(f"{counts[action]} to {action.value}" for action in acting)
    say(f"{said}; {counts[Action.NOTHING]} as declared")


def _as_json(change: Change) -> dict[str, object]:
    return {
        "action": change.action.value,
        "noun": change.noun,
        "id": change.id,
        "differences": change.differences,
    }


def _print_problems(error: InvalidDeclaration, as_json: bool) -> None:
    if as_json:
        print_json({"ok": False, "problems": error.problems})
        return
    for problem in error.problems:
        out.print(str(problem), markup=False)
    say(_counted(len(error.problems), "problem"))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
