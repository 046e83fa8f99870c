"""`scoreline scenario dry-run`: what a scenario would have decided on each day of dated data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scoreline.cli.connection import connectable
from scoreline.cli.console import AsJson, print_json, print_table, say
from scoreline.cli.scenario_place import KnownProjectOption, ScenarioArgument, folder_of
from scoreline.errors import Invalid

if TYPE_CHECKING:
    from scoreline.client.client import Client
    from scoreline.core.dry_run import DryDay, DryRun, DryRunSettings, DryStep

_LONGEST = 160


@connectable
def dry_run(
    connect: Callable[[], Client],
    scenario: ScenarioArgument,
    since: Annotated[
        datetime, typer.Option("--from", metavar="DAY", formats=["%Y-%m-%d"], help="The first day.")
    ],
    until: Annotated[
        datetime, typer.Option("--to", metavar="DAY", formats=["%Y-%m-%d"], help="The last day.")
    ],
    dates: Annotated[
        list[str] | None,
        typer.Option(
            "--dates",
            metavar="DATASET=COLUMN",
            help="A dataset and the column of its dates; may be given again. Default: those that are "
            "evaluated and have one.",
        ),
    ] = None,
    window: Annotated[
        int, typer.Option("--window", metavar="DAYS", min=1, help="Days whose rows the steps look at.")
    ] = 1,
    train: Annotated[
        bool, typer.Option("--train", help="Train really, which takes longer, where it would be trained.")
    ] = False,
    reference_days: Annotated[
        int | None,
        typer.Option(
            "--reference-days",
            metavar="DAYS",
            min=1,
            help="Days of rows that evaluations compare with after a training. Default: all up to it.",
        ),
    ] = None,
    project: KnownProjectOption = None,
    as_json: AsJson = False,
) -> None:
    """Tell what it would have decided on each day, by a virtual clock.

    Evaluations and checks are done on the rows of each day; what has effects is only told. Nothing changes.
    It needs no control plane but for a project that is named as the control plane knows it, which does it by
    a job then.
    """
    from scoreline.core.dry_run import DryRunSettings

    settings = DryRunSettings(
        since=since.date(),
        until=until.date(),
        dates=None if dates is None else dict(map(_pair, dates)),
        window=window,
        train=train,
        reference_days=reference_days,
    )
    folder = folder_of(project)
    if folder is None:
        with connect() as client:
            found = client.dry_run(project or "", scenario, settings)
    else:
        found = _in_folder(folder, scenario, settings)
    if as_json:
        print_json(found)
    else:
        _print(found)


def _in_folder(folder: Path, scenario: str, settings: DryRunSettings) -> DryRun:
    from scoreline.automation.dry_run import dry_run as run

    return run(
        folder,
        scenario,
        settings.since,
        settings.until,
        dates=settings.dates,
        window=settings.window,
        train=settings.train,
        reference_days=settings.reference_days,
    )


def _pair(given: str) -> tuple[str, str]:
    dataset, equals, column = given.partition("=")
    if not (dataset and equals and column):
        raise Invalid(f"--dates: {given[:60]!r} is not DATASET=COLUMN, such as payments=paid_at")
    return dataset, column


def _print(found: DryRun) -> None:
    rows = [
        (_weekday(day.day), sum(day.rows.values()), day.outcome or "-", _decided(day)) for day in found.days
    ]
    print_table(("day", "rows", "run", ""), rows, empty="")
    for note in found.notes:
        say(f"note: {note}")


def _weekday(day: str) -> str:
    return f"{date.fromisoformat(day):%Y-%m-%d %a}"


def _decided(day: DryDay) -> str:
    """What was found, and what would have been done."""
    if not day.fired:
        return "nothing fires"
    ran = [step for step in day.steps if step.outcome.value != "SKIPPED"]
    told = [_told(step) for step in ran if _counts(step)]
    return "; ".join(told) or f"nothing is found by {', '.join(step.step for step in ran)}"


def _counts(step: DryStep) -> bool:
    """Whether a step is more than one that looked and has found nothing."""
    return step.simulated or step.outcome.value != "SUCCESS" or step.kind in ("train", "build")


def _told(step: DryStep) -> str:
    what = step.message if len(step.message) <= _LONGEST else step.message[: _LONGEST - 1] + "…"
    return (
        f"{step.step} {what}"
        if step.outcome.value == "SUCCESS"
        else f"{step.step} {step.outcome.value}: {what}"
    )
