"""The process of a project's job, dry runs too: `python -m scoreline.automation.job_process FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from scoreline.core.dry_run import DryDay
from scoreline.core.job import JobOutcome
from scoreline.core.project_job import DryRunWork
from scoreline.studio import job_process
from scoreline.studio.job_files import JobResult, JobTask
from scoreline.studio.job_process import main, say


def do(task: JobTask, folder: Path) -> JobResult:
    """Do a dry run, or what the studio does."""
    if isinstance(task.work, DryRunWork):
        return _dry_run(task, task.work)
    return job_process.do(task, folder)


def _dry_run(task: JobTask, work: DryRunWork) -> JobResult:
    # Here: what it loads takes a second, and the lock is to be taken before.
    from scoreline.automation.dry_run import dry_run

    wanted = work.settings
    days = (wanted.until - wanted.since).days + 1
    done = 0

    def tell(day: DryDay) -> None:
        nonlocal done
        done += 1
        say(f"day {done} of {days}, {day.day}: {day.outcome or 'nothing fires'}")

    found = dry_run(
        task.project,
        work.scenario,
        wanted.since,
        wanted.until,
        dates=wanted.dates,
        window=wanted.window,
        train=wanted.train,
        reference_days=wanted.reference_days,
        progress=tell,
    )
    return JobResult.ended(JobOutcome.SUCCESS, result=msgspec.to_builtins(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), do))
