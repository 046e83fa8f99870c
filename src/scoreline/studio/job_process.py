"""The process of a project's job: `python -m scoreline.studio.job_process FOLDER`. Those above may do more.

It goes on when the control plane ends, which finds the result in the folder when it is back. It runs once:
whoever holds the folder's lock and finds no result does the work.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import BuildWork, CreateWork, DriftWork, PackageWork
from scoreline.errors import Invalid, ScorelineError
from scoreline.storage.atomic import write_file
from scoreline.storage.disk import disk_full, is_disk_full
from scoreline.storage.locks import take_lock
from scoreline.studio.job_files import LOCK, RESULT, TASK, JobResult, JobTask
from scoreline.wire.problems import problem_of

Do = Callable[[JobTask, Path], JobResult]
"""Does what a task says; the folder is that of the job. A ScorelineError says that it failed."""


def main(folder: Path, do: Do) -> int:
    """Do what the task in a folder says, and leave its result there; returns the exit status."""
    lock = take_lock(folder / LOCK)
    if lock is None or (folder / RESULT).exists():
        return 1
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    task = msgspec.json.decode((folder / TASK).read_bytes(), type=JobTask)
    result = _done(task, folder, do)
    write_file(folder / RESULT, msgspec.json.encode(result))
    return 0


def say(line: str) -> None:
    """Add a line to the log of the job."""
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {' '.join(line.split())}\n")
    sys.stdout.flush()


def do(task: JobTask, folder: Path) -> JobResult:
    """Build or compare."""
    match task.work:
        case BuildWork():
            return _build(task, folder)
        case CreateWork():
            return _create(task, task.work)
        case DriftWork():
            return _drift(task, task.work, folder)
        case PackageWork():
            return _package(task, task.work)
    raise Invalid(f"this process does no work of kind {task.work.__struct_config__.tag!r}")


def _done(task: JobTask, folder: Path, do: Do) -> JobResult:
    try:
        return do(task, folder)
    except ScorelineError as error:
        return _failed(error)
    except MemoryError:
        return JobResult.ended(JobOutcome.FAILED, "there is not enough memory", code="memory")
    except BaseException as error:
        if is_disk_full(error):
            return _failed(disk_full())
        traceback.print_exc(file=sys.stdout)
        told = f"unexpected {type(error).__name__}: {str(error)[:300]}; the log has the whole of it"
        return JobResult.ended(JobOutcome.FAILED, told, code="unexpected")


def _failed(error: ScorelineError) -> JobResult:
    say(f"failed: {error.message}")
    family = problem_of(error).error_type
    return JobResult.ended(JobOutcome.FAILED, error.message, code=error.code, family=family)


def _build(task: JobTask, folder: Path) -> JobResult:
    # Here: what it loads takes a second, and the lock is to be taken before.
    from scoreline.studio.build import build
    from scoreline.studio.build_events import BuildEvent, told
    from scoreline.studio.job_progress import ProgressFile

    assert isinstance(task.work, BuildWork)
    kept = ProgressFile(folder)

    def tell(event: BuildEvent) -> None:
        kept(event)
        if event.kind == "started":
            say(f"{event.recipe}: {event.reason}")
        elif event.outcome is not None:
            say(told(event.outcome))

    done = build(
        Path(task.project), task.work.items, force=task.work.force, by=task.by, say=say, progress=tell
    )
    kept.write()
    result: Any = msgspec.to_builtins(done)
    if done.ok:
        return JobResult.ended(JobOutcome.SUCCESS, result=result)
    wrong = [one for one in done.outcomes if one.status == "failed"]
    message = "; ".join(f"recipe {one.recipe!r}: {one.error}" for one in wrong[:3])
    message += f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    return JobResult.ended(
        JobOutcome.FAILED, message[:2000], code=wrong[0].code if wrong else "", result=result
    )


def _drift(task: JobTask, work: DriftWork, folder: Path) -> JobResult:
    from scoreline.studio.drift_again import drift_again

    scratch = folder / "scratch"
    scratch.mkdir()
    report = drift_again(
        Path(task.project), work.store, work.evaluation, work.reference, work.settings, scratch=scratch
    )
    say(f"{len(report.columns)} columns compared, {report.rows} rows against {report.reference_rows}")
    return JobResult.ended(JobOutcome.SUCCESS, result=msgspec.to_builtins(report))


def _package(task: JobTask, work: PackageWork) -> JobResult:
    from scoreline.studio.packaging import create_version

    made = create_version(
        Path(task.project),
        work.service,
        work.version,
        release_notes=work.release_notes,
        by=task.by,
        progress=say,
    )
    say(f"{work.service} {work.version} is made, digest {made.digest[:12]}")
    told = {"service": work.service, "version": work.version, "digest": made.digest}
    return JobResult.ended(JobOutcome.SUCCESS, result=told)


def _create(task: JobTask, work: CreateWork) -> JobResult:
    from scoreline.studio.projects import create_project

    say(f"makes the project from template {work.template}")
    made = create_project(
        Path(task.project),
        work.template,
        id_=work.id,
        name=work.name,
        description=work.description,
        size=work.size,
        seed=work.seed,
        services=work.services,
    )
    counts = {"dataset": len(made.datasets), "recipe": len(made.recipes), "model": len(made.models)}
    say("made: " + ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for noun, n in counts.items()))
    return JobResult.ended(JobOutcome.SUCCESS)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), do))
