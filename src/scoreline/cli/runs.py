"""Commands on runs of scenarios: look at them, watch, end, resume, approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scoreline.cli.connection import connected
from scoreline.cli.console import AsJson, out, print_json, print_line, say
from scoreline.cli.run_view import in_one_line, leave_with, print_run, print_runs, watch_run
from scoreline.cli.scenario_place import project_key
from scoreline.cli.update_options import NoWait
from scoreline.core.names import did_you_mean
from scoreline.errors import NotFound

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control_scenarios import Run

RunArgument = Annotated[
    int, typer.Argument(metavar="RUN", min=1, help="Its number, as `scenario runs` shows it.")
]
StepArgument = Annotated[str, typer.Argument(metavar="STEP", help="The id of the step that waits.")]
StepOption = Annotated[str | None, typer.Option("--step", metavar="ID", help="Only of this step.")]
CommentOption = Annotated[
    str, typer.Option("--comment", metavar="TEXT", help="Why; kept with the run, and shown.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Runs of scenarios: how each step went, and why.")
    group.command("list")(list_runs)
    group.command("show")(show)
    group.command("log")(log)
    group.command("abort")(abort)
    group.command("resume")(resume)
    group.command("approve")(approve)
    group.command("reject")(reject)
    app.add_typer(group, name="run")


@connected
def list_runs(
    client: Client,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="PROJECT", help="Only of this: its folder, or its name there."),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="ID", help="Only of scenarios of this id.")
    ] = None,
    outcome: Annotated[
        Literal["RUNNING", "SUCCESS", "WARNING", "FAILED", "ABORTED"] | None,
        typer.Option("--outcome", help="Only those that ended so, or that go on."),
    ] = None,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs of all projects, newest first."""
    key = None if project is None else project_key(client, project)
    found = client.runs(key, scenario, outcome=outcome, last=last)
    if as_json:
        print_json(found)
    else:
        print_runs(found, empty="no run")


@connected
def show(client: Client, number: RunArgument, as_json: AsJson = False) -> None:
    """Show its steps: why each ran or not, how it ended."""
    found = client.run(number)
    if as_json:
        print_json(found)
    else:
        print_run(found)


@connected
def log(
    client: Client,
    number: RunArgument,
    step: StepOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the log of a run, or of one of its steps.

    With --follow the exit code is that of the run, as of `scenario run`, and --json prints one object a line.
    """
    if follow:
        _follow(client, number, step, as_json)
        return
    text = client.run_log(number, step)
    if as_json:
        print_json({"run": number, "step": step, "lines": text.splitlines()})
    else:
        out.print(text, markup=False, end="")


@connected
def abort(client: Client, number: RunArgument, as_json: AsJson = False) -> None:
    """End a run, with what it does now."""
    found = client.abort_run(number)
    if as_json:
        print_json(found)
    else:
        say(f"run {found.id} of {found.scenario} is to end")


@connected
def resume(
    client: Client,
    number: RunArgument,
    step: Annotated[str, typer.Option("--step", metavar="ID", help="From which step on.")],
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Run it again from a step on, as it was then.

    What came before that step counts as it went. It is a run of its own, with the exit codes of
    `scenario run`.
    """
    begun = client.resume_run(number, step, wait=False)
    watch_run(client, begun, no_wait=no_wait, as_json=as_json)


@connected
def approve(
    client: Client,
    number: RunArgument,
    step: StepArgument,
    comment: CommentOption = "",
    as_json: AsJson = False,
) -> None:
    """Let a step go on that waits for it."""
    _decided(client.approve(number, step, comment), step, "approved", as_json)


@connected
def reject(
    client: Client,
    number: RunArgument,
    step: StepArgument,
    comment: CommentOption = "",
    as_json: AsJson = False,
) -> None:
    """Let a step fail that waits for approval."""
    _decided(client.reject(number, step, comment), step, "rejected", as_json)


def _follow(client: Client, number: int, step: str | None, as_json: bool) -> None:
    from scoreline.wire.control_scenarios import RunLog

    run = client.run(number)
    ids = [*(one.step for one in run.steps), *run.ahead]
    if step is not None and step not in ids:
        raise NotFound(f"run {number} has no step {step[:40]!r}; {did_you_mean(step, ids)}")
    for news in client.follow_run(number):
        if not isinstance(news, RunLog):
            run = news
        elif news.step == (step or ""):
            for line in news.lines:
                if as_json:
                    print_line({"step": step, "attempt": news.attempt, "line": line})
                else:
                    out.print(line, markup=False)
    if not as_json:
        say(in_one_line(run))
    leave_with(run)


def _decided(run: Run, step: str, said: str, as_json: bool) -> None:
    if as_json:
        print_json(run)
    else:
        say(f"step {step} of run {run.id} is {said}; next: scoreline run log {run.id} --follow")
