"""Commands on what runs, and on what changes: jobs and events."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_facts, print_json, print_line, print_table, say
from scoreline.cli.deployment_view import at

if TYPE_CHECKING:
    from scoreline.client.client import Client

JobArgument = Annotated[str, typer.Argument(help="Its id, as `job list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Jobs: long work, whoever started it.")
    group.command("list")(list_jobs)
    group.command("show")(show)
    group.command("cancel")(cancel)
    app.add_typer(group, name="job")
    app.command("events")(events)


@connected
def list_jobs(
    client: Client,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the jobs, newest first."""
    found = list(islice(client.jobs(), last))
    if as_json:
        print_json(found)
        return
    rows = [
        (one.id, one.title, one.by, at(one.started_at), f"{100 * one.progress:.0f} %", one.outcome.value)
        for one in found
    ]
    print_table(("job", "what", "by", "started", "done", "outcome"), rows, empty="no job yet")


@connected
def show(client: Client, job: JobArgument, as_json: AsJson = False) -> None:
    """Show a job with its log."""
    found = client.job(job)
    if as_json:
        print_json(found)
        return
    for line in found.log:
        out.print(line, markup=False)
    facts: dict[str, object] = {
        "job": found.id,
        "what": found.title,
        "deployment": found.deployment,
        "by": found.by,
        "started": at(found.started_at),
        "finished": at(found.finished_at) if found.finished_at else "-",
        "done": f"{100 * found.progress:.0f} %",
        "outcome": found.outcome.value,
    }
    if found.message:
        facts["why"] = found.message
    print_facts(facts)


@connected
def cancel(client: Client, job: JobArgument, as_json: AsJson = False) -> None:
    """End a job; what was live stays."""
    found = client.cancel_job(job)
    if as_json:
        print_json(found)
    else:
        say(f"job {found.id} ends after the step that it is in")


@connected
def events(
    client: Client,
    after: Annotated[
        int | None, typer.Option("--after", metavar="ID", help="First what came after this event.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="End after so many. Default: Ctrl-C.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changes, as it changes.

    With --json one object a line.
    """
    for event in islice(client.events(after), count):
        if as_json:
            print_line(event)
            continue
        revision = "" if event.revision is None else f", revision {event.revision}"
        what = f"{event.what} {event.kind} {event.object}".rstrip()
        out.print(f"{event.id}  {at(event.at)}  {event.who}: {what}{revision}", markup=False)
