"""How runs of scenarios are watched and shown at a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from scoreline.cli.console import out, print_facts, print_json, print_table, say
from scoreline.cli.deployment_view import at
from scoreline.client.run_lines import seconds_of
from scoreline.core.scenario_run import RunOutcome

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.wire.control_scenarios import Run

# 2 is Typer's own, 3 to 7 are those of errors, 8 and 9 those of checks.
EXIT_CODES = {RunOutcome.FAILED: 1, RunOutcome.ABORTED: 10}


def watch_run(client: Client, begun: Run, *, no_wait: bool, as_json: bool) -> None:
    """Tell how a run goes until it has ended, unless not to wait; the exit code is that of its outcome."""
    follow = f"scoreline run log {begun.id} --follow"
    say(f"run {begun.id} of {begun.scenario} has begun")
    if no_wait:
        if as_json:
            print_json(begun)
        else:
            say(f"next: {follow}")
        return
    try:
        ended = client.wait_for_run(begun.id, progress=say)
    except KeyboardInterrupt:
        say(f"run {begun.id} goes on; see: {follow}")
        say(f"or end it: scoreline run abort {begun.id}")
        raise
    if as_json:
        print_json(ended)
    else:
        out.print(in_one_line(ended), markup=False)
    leave_with(ended)


def leave_with(run: Run) -> None:
    """End the command with the exit code of a run: 0 for SUCCESS and WARNING."""
    if run.outcome in EXIT_CODES:
        raise typer.Exit(EXIT_CODES[run.outcome])


def in_one_line(run: Run) -> str:
    """How a run stands."""
    took = f" after {how_long(run)} s" if run.finished_at else ""
    told = f": {run.message}" if run.message else ""
    return f"run {run.id} of {run.scenario}: {run.outcome.value}{took}{told}"


def print_runs(found: Iterable[Run], *, empty: str) -> None:
    """One line per run, and why those ended so that did not succeed."""
    listed = tuple(found)
    rows = [
        (
            one.id,
            one.project,
            one.scenario,
            one.fire.reason,
            at(one.started_at),
            how_long(one),
            one.outcome.value,
        )
        for one in listed
    ]
    print_table(("run", "project", "scenario", "why", "started", "s", "outcome"), rows, empty=empty)
    for one in listed:
        if one.message:
            out.print(f"{one.id}: {one.message}", markup=False)


def print_run(run: Run) -> None:
    """What started a run, how each step fared and why, and how it ended."""
    facts: dict[str, object] = {
        "run": f"{run.id} of {run.project}/{run.scenario}",
        "started": f"{at(run.started_at)}: {run.fire.reason}",
        "by": run.by,
        "outcome": run.outcome.value + (f" after {how_long(run)} s" if run.finished_at else ""),
    }
    if run.message:
        facts["why"] = run.message
    if run.abort_by and run.finished_at is None:
        facts["aborted by"] = run.abort_by
    if run.resumed_from is not None:
        facts["resumes"] = f"run {run.resumed_from}"
    if run.variables:
        facts["variables"] = ", ".join(f"{name}={value}" for name, value in run.variables.items())
    print_facts(facts)
    out.print()
    rows = [
        (
            one.step,
            one.kind,
            one.outcome.value,
            seconds_of(one),
            one.attempt if one.attempt > 1 else "",
            one.why,
            one.message,
        )
        for one in run.steps
    ]
    rows += [(step, "", "not reached", "", "", "", "") for step in run.ahead]
    print_table(("step", "kind", "outcome", "s", "try", "why", ""), rows, empty="the scenario has no steps")


def how_long(run: Run) -> str:
    """Seconds, or a dash while it runs."""
    if run.finished_at is None:
        return "-"
    took = datetime.fromisoformat(run.finished_at) - datetime.fromisoformat(run.started_at)
    return f"{max(0.0, took.total_seconds()):.1f}"
