"""Jobs of projects: started in processes of their own, looked at, cancelled, and kept as history."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from scoreline.core.job import JobOutcome
from scoreline.core.names import shortened
from scoreline.core.project_job import (
    BuildWork,
    CreateWork,
    DriftWork,
    DryRunWork,
    PackageWork,
    ProjectJob,
    Work,
)
from scoreline.errors import Conflict, NotFound, Unavailable
from scoreline.storage.atomic import write_file
from scoreline.storage.locks import is_locked
from scoreline.storage.project_files import read_project
from scoreline.studio.job_files import LOCK, LOG, RESULT, SETTLED, TASK, JobResult, JobTask
from scoreline.studio.job_progress import build_recipes, recipe_log
from scoreline.studio.nursery import PLAIN, Child, Nursery
from scoreline.studio.wanted_recipes import is_heavy
from scoreline.wire.control_jobs import BuildRecipe

MOST_AT_ONCE = 4
"""Jobs of one project that go on at once; builds of a project wait for each other anyway."""
_KEPT = 200
_LONGEST_LOG = 1_000_000  # bytes
_GRACE = 5.0  # seconds between asking a process to end and killing it
_ID = re.compile(r"job-([1-9][0-9]{0,17})")

LOST = "its process has ended without a result: it was killed, or its machine went down"


class ProjectJobs:
    """The jobs in one folder. They go on when the control plane ends, and are found again by the next one.

    Only one process has the folder; its threads may do everything at once.
    """

    def __init__(
        self, folder: Path, process: str = "scoreline.studio.job_process", nursery: Nursery = PLAIN
    ) -> None:
        """`process` is the module that does them."""
        self._folder = folder
        self._process = process
        self._nursery = nursery
        self._guard = threading.Lock()
        self._children: dict[int, Child] = {}
        self._starting: set[int] = set()
        self._cancelled_by: dict[int, str] = {}

    def start(self, key: str, project: Path, work: Work, by: str) -> ProjectJob:
        """Start a job of the project known as `key`, whose folder is `project`.

        Raises NotFound for items that are not there, InvalidProject, Conflict (code `too-many-jobs`) while
        as many go on in that project as may.
        """
        heavy = _is_heavy(work, project)
        task = JobTask(
            key=key,
            project=str(project),
            work=work,
            title=_title(work),
            by=by,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        with self._guard:
            going_on = sum(one.outcome is JobOutcome.RUNNING for one in self._all(key))
            if going_on >= MOST_AT_ONCE:
                raise Conflict(
                    f"{going_on} jobs of project {key!r} go on already; wait for one, or cancel it",
                    code="too-many-jobs",
                )
            number = self._begin(task, heavy=heavy)
            self._forget_old()
        return self._job(number)

    def newest(
        self, project: str, *, limit: int | None = None, before: int | None = None
    ) -> list[ProjectJob]:
        """The last jobs of a project, newest first, or the last before the one with this number."""
        found: list[ProjectJob] = []
        for job in self._all(project, before=before):
            if limit is not None and len(found) == limit:
                break
            found.append(job)
        return found

    def running(self) -> list[ProjectJob]:
        """The jobs of all projects that have not ended, the oldest first."""
        found = (self._job(number) for number in reversed(self._numbers()))
        return [job for job in found if job.outcome is JobOutcome.RUNNING]

    def settle(self, job: ProjectJob) -> None:
        """Note that what was to follow the job has been done, or cannot be."""
        with contextlib.suppress(FileNotFoundError):  # an old job is forgotten
            write_file(self._folder / str(job.number) / SETTLED, b"")

    def to_be_published(self) -> list[ProjectJob]:
        """The jobs that make versions which are to be published, and are not settled; the oldest first."""
        waiting = [one for one in self._numbers() if not (self._folder / str(one) / SETTLED).exists()]
        jobs = (self._job(number) for number in reversed(waiting))
        return [one for one in jobs if isinstance(one.work, PackageWork) and one.work.publish_as]

    def one(self, job_id: str, project: str | None = None) -> ProjectJob:
        """One job, of this project if one is named. Raises NotFound."""
        match = _ID.fullmatch(job_id)
        number = int(match[1]) if match else 0
        if number not in self._numbers():
            raise _not_there(job_id)
        job = self._job(number)
        if project is not None and job.project != project:
            raise _not_there(job_id)
        return job

    def result(self, job: ProjectJob) -> JobResult | None:
        """How a job ended, with the family of what went wrong; None while it runs."""
        return self._result(job.number)

    def log(self, job: ProjectJob) -> str:
        """What a job has said until now; of a very long log, its end."""
        path = self._folder / str(job.number) / LOG
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _LONGEST_LOG))
                return file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def recipes(self, job: ProjectJob) -> tuple[BuildRecipe, ...]:
        """How the recipes of a build fare, in order; none before it has looked what there is."""
        ended = job.outcome is not JobOutcome.RUNNING
        return build_recipes(self._folder / str(job.number), has_ended=ended)

    def recipe_log(self, job: ProjectJob, recipe: str) -> str:
        """What a recipe of a build has said until now; of a very long log, its end. Raises NotFound."""
        folder = self._folder / str(job.number)
        task = msgspec.json.decode((folder / TASK).read_bytes(), type=JobTask)
        found = recipe_log(folder, Path(task.project), recipe)
        if found is None:
            raise NotFound(f"{job.id} does not build a recipe {shortened(recipe)}", code="no-such-recipe")
        return found

    def cancel(self, job: ProjectJob, by: str) -> ProjectJob:
        """End a job; what it had finished stays. Raises Conflict when it has ended."""
        with self._guard:
            if self._result(job.number) is None:
                self._cancelled_by[job.number] = by
                self._kill(job.number)
            ended = self._result(job.number)
        if ended is None:
            raise Unavailable(f"job {job.id!r} does not end; its process is {self._pid(job.number)}")
        if ended.outcome is not JobOutcome.CANCELLED or job.finished_at is not None:
            raise Conflict(f"job {job.id!r} has ended", code="job-ended")
        return self._job(job.number)

    def resume(self) -> None:
        """Look at every job once: those that were lost meanwhile end with that outcome, and those that had no
        process yet get one."""
        for number in self._numbers():
            folder = self._folder / str(number)
            if (folder / LOCK).exists() or (folder / RESULT).exists():
                self._result(number)
            else:
                with contextlib.suppress(OSError):  # it is tried again at the next start
                    self._start_process(number, heavy=False)

    def _begin(self, task: JobTask, *, heavy: bool) -> int:
        number = max(self._numbers(), default=0) + 1
        folder = self._folder / str(number)
        folder.mkdir(parents=True)
        self._starting.add(number)
        try:
            write_file(folder / TASK, msgspec.json.encode(task))
            self._start_process(number, heavy=heavy)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise Unavailable(f"the process of the job cannot be started: {error.strerror}") from error
        finally:
            self._starting.discard(number)
        return number

    def _start_process(self, number: int, *, heavy: bool) -> None:
        folder = self._folder / str(number)
        with (folder / LOG).open("ab") as log:
            child = self._nursery.start(self._process, folder, log.fileno(), heavy=heavy)
        self._children[number] = child
        threading.Thread(target=child.wait, daemon=True).start()  # none stays as a zombie

    def _numbers(self) -> list[int]:
        """Newest first."""
        if not self._folder.is_dir():
            return []
        found = (path.name for path in self._folder.iterdir() if (path / TASK).is_file())
        return sorted((int(name) for name in found if name.isdigit()), reverse=True)

    def _all(self, project: str, *, before: int | None = None) -> Iterator[ProjectJob]:
        for number in self._numbers():
            if before is None or number < before:
                job = self._job(number)
                if job.project == project:
                    yield job

    def _job(self, number: int) -> ProjectJob:
        task = msgspec.json.decode((self._folder / str(number) / TASK).read_bytes(), type=JobTask)
        result = self._result(number)
        return ProjectJob(
            id=f"job-{number}",
            number=number,
            project=task.key,
            work=task.work,
            title=task.title,
            by=task.by,
            started_at=task.started_at,
            finished_at=result.finished_at if result is not None else None,
            outcome=result.outcome if result is not None else JobOutcome.RUNNING,
            message=result.message if result is not None else "",
            code=result.code if result is not None else "",
            result=result.result if result is not None else None,
        )

    def _result(self, number: int) -> JobResult | None:
        """How a job ended; None while it runs. One that was lost ends now."""
        found = self._result_there(number)
        if found is not None or self._goes_on(number):
            return found
        found = self._result_there(number)  # it may have come while it was looked whether it goes on
        if found is None:
            found = self._without_result(number)
            write_file(self._folder / str(number) / RESULT, msgspec.json.encode(found))
        self._children.pop(number, None)
        return found

    def _result_there(self, number: int) -> JobResult | None:
        try:
            return msgspec.json.decode((self._folder / str(number) / RESULT).read_bytes(), type=JobResult)
        except FileNotFoundError:
            return None

    def _goes_on(self, number: int) -> bool:
        child = self._children.get(number)
        if number in self._starting or (child is not None and child.poll() is None):
            return True
        return is_locked(self._folder / str(number) / LOCK)

    def _without_result(self, number: int) -> JobResult:
        """What to say of a job whose process has left no result."""
        by = self._cancelled_by.get(number)
        if by is not None:
            return JobResult.ended(JobOutcome.CANCELLED, f"{by} cancelled it", code="cancelled")
        child = self._children.get(number)
        code = child.poll() if child is not None else None
        killed = f"its process was killed by signal {-(code or 0)}; there may not be enough memory"
        return JobResult.ended(JobOutcome.FAILED, killed if (code or 0) < 0 else LOST, code="lost")

    def _kill(self, number: int) -> None:
        pid = self._pid(number)
        if pid is None:
            return
        for ending, seconds in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, ending)
            deadline = time.monotonic() + seconds
            while self._goes_on(number):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            else:
                break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what it started may have stayed

    def _pid(self, number: int) -> int | None:
        child = self._children.get(number)
        if child is not None and child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                return child.pid
        lock = self._folder / str(number) / LOCK
        if is_locked(lock):
            with contextlib.suppress(OSError, ValueError):
                return int(lock.read_text("ascii"))
        return None

    def _forget_old(self) -> None:
        for number in self._numbers()[_KEPT:]:
            if self._result(number) is not None:
                shutil.rmtree(self._folder / str(number), ignore_errors=True)


def _is_heavy(work: Work, project: Path) -> bool:
    """Whether work loads the libraries that models need. Raises NotFound, InvalidProject."""
    if isinstance(work, BuildWork):
        return is_heavy(read_project(project), work.items)
    return isinstance(work, (DriftWork, DryRunWork))


def _title(work: Work) -> str:
    if isinstance(work, BuildWork):
        return f"build {', '.join(work.items) if work.items else 'the whole flow'}"[:200]
    if isinstance(work, PackageWork):
        return f"make {work.service} {work.version}"
    if isinstance(work, DryRunWork):
        return f"dry run of {work.scenario} from {work.settings.since} to {work.settings.until}"
    if isinstance(work, CreateWork):
        return f"make the project from template {work.template}"
    return f"drift of evaluation {work.evaluation} of {work.store}"


def _not_there(job_id: str) -> NotFound:
    return NotFound(f"there is no job {shortened(job_id)}", code="no-such-job")
