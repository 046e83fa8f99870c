"""Commands on the flow: build it, show it, look into a dataset."""

from __future__ import annotations

import getpass
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.console import AsJson, err, out, print_facts, print_json, print_table, say
from scoreline.cli.project_option import ProjectOption, find_project

if TYPE_CHECKING:
    from scoreline.studio.build_events import BuildResult

_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("build")(build)
    flow = typer.Typer(no_args_is_help=True, help="The flow of a project.")
    flow.command("show")(show_flow)
    app.add_typer(flow, name="flow")
    dataset = typer.Typer(no_args_is_help=True, help="The datasets of a project.")
    dataset.command("show")(show_dataset)
    dataset.command("statistics")(show_statistics)
    app.add_typer(dataset, name="dataset")


def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Datasets, models, evaluation stores or recipes; none: the whole flow."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole flow, as without names.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what is up to date.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Fail when somebody else builds here.")] = False,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Build what is stale of what is named, and of what it needs.

    Only what is stale by content runs.
    """
    folder = find_project(project)
    _stop_at_once_when_interrupted()
    from scoreline.cli.build_progress import BuildProgress
    from scoreline.studio.build import build as build_flow

    with BuildProgress(err) as progress:
        result = build_flow(
            folder,
            names or (),
            all=everything,
            force=force,
            wait=not no_wait,
            by=getpass.getuser(),
            progress=progress,
            say=say,
        )
    if as_json:
        print_json(result)
    else:
        _tell(result)
    if not result.ok:
        raise typer.Exit(1)


def show_flow(project: ProjectOption = None, as_json: AsJson = False) -> None:
    """Show datasets, models and recipes; what is stale and why."""
    from scoreline.studio.flow_state import flow_state

    state = flow_state(find_project(project))
    if as_json:
        print_json(state)
        return
    print_table(
        ("item", "kind", "rows", "made by", ""),
        [
            (i.id, i.kind.replace("_", " "), "" if i.rows is None else i.rows, i.made_by or "", i.detail)
            for i in state.items
        ],
        empty="the project has no datasets yet: add one in datasets/",
    )
    out.print()
    print_table(
        ("recipe", "kind", "state", "seconds", "built"),
        [
            (
                r.id,
                r.kind,
                "up to date" if r.up_to_date else r.reason,
                "" if r.seconds is None else r.seconds,
                r.finished_at or "",
            )
            for r in state.recipes
        ],
        empty="the project has no recipes yet: add one in recipes/",
    )


def show_dataset(
    name: Annotated[str, typer.Argument(help="The dataset's id.")],
    rows: Annotated[int, typer.Option(min=0, max=10_000, help="How many rows to show.")] = 5,
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the columns and the first rows of a dataset."""
    from scoreline.studio.flow_state import dataset_sample

    sample = dataset_sample(find_project(project), name, rows)
    if as_json:
        print_json(sample)
        return
    print_facts({"dataset": sample.id, "rows": sample.rows})
    print_table(
        ("column", "type", *(f"row {number}" for number in range(1, len(sample.sample) + 1))),
        [
            (column.name, column.type.value, *(_cell(row[column.name]) for row in sample.sample))
            for column in sample.columns
        ],
        empty="it has no columns",
    )


def show_statistics(
    name: Annotated[str, typer.Argument(help="The dataset's id.")],
    project: ProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what the rows of a dataset say of each column."""
    from scoreline.studio.dataset_looks import dataset_statistics

    found = dataset_statistics(find_project(project), name)
    if as_json:
        print_json(found)
        return
    print_facts({"dataset": found.id, "rows": found.rows, "looked at": found.looked_at})
    print_table(
        ("column", "type", "missing", "different", "from", "to", "mean", "most frequent"),
        [
            (
                column.name,
                column.type.value,
                column.missing,
                column.distinct,
                _number(column.minimum),
                _number(column.maximum),
                _number(column.mean),
                ", ".join(_cell(bar.label) for bar in column.bars[:3]) if column.minimum is None else "",
            )
            for column in found.columns
        ],
        empty="it has no columns",
    )


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _cell(value)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _tell(result: BuildResult) -> None:
    counts = {
        word: sum(outcome.status == status for outcome in result.outcomes)
        for word, status in (
            ("built", "built"),
            ("up to date", "up_to_date"),
            ("failed", "failed"),
            ("skipped", "skipped"),
        )
    }
    if result.resumed:
        say("went on with a build that was killed; what it had finished was not done again")
    say(", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing to build")
    for outcome in result.outcomes:
        if outcome.status == "failed":
            say(f"error: recipe {outcome.recipe!r}: {outcome.error}")
    if not result.ok:
        say(f"logs: {result.logs}")


def _stop_at_once_when_interrupted() -> None:
    # Everything is written whole or not at all, so nothing has to be waited for, and the next build goes on.
    def stop(*_: object) -> None:
        err.show_cursor(True)
        sys.stderr.write("\nstopped; the same command goes on from here\n")
        sys.stderr.flush()
        os._exit(_INTERRUPTED)

    signal.signal(signal.SIGINT, stop)
