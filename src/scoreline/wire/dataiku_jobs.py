"""Jobs of projects, builds of their flow, as clients of Dataiku start and read them.

A build always makes what it needs up to date first, the non-recursive one, too; one that is forced runs what
is named even if it is up to date. `message`, `globalState` and `recipes` of a job's status are ours.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

BuildType = Literal[
    "RECURSIVE_BUILD",
    "NON_RECURSIVE_FORCED_BUILD",
    "RECURSIVE_FORCED_BUILD",
    "RECURSIVE_MISSING_ONLY_BUILD",
]
STATES = {
    JobOutcome.RUNNING: "RUNNING",
    JobOutcome.SUCCESS: "DONE",
    JobOutcome.FAILED: "FAILED",
    JobOutcome.CANCELLED: "ABORTED",
}
_KINDS = ("DATASET", "SAVED_MODEL", "MODEL_EVALUATION_STORE", None)
_JOB_NAMES = {
    "definition": "def",
    "job_id": "jobId",
    "project_key": "projectKey",
    "start_time": "startTime",
    "end_time": "endTime",
}
_NO_PARTITION = (None, "", "NP")


class JobOutput(Struct, frozen=True, kw_only=True, rename="camel"):
    """An item to build."""

    id: str
    type: str | None = None
    project_key: str | None = None
    partition: str | None = None


class NewJob(Struct, frozen=True, kw_only=True, rename="camel"):
    """A build to start."""

    type: BuildType = "NON_RECURSIVE_FORCED_BUILD"
    outputs: tuple[JobOutput, ...]
    refresh_hive_metastore: bool = False
    auto_update_schema_before_each_recipe_run: bool = False


class JobDefinition(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a job is to do."""

    id: str
    project_key: str
    name: str
    type: str
    initiator: str
    outputs: tuple[JobOutput, ...]


class JobItem(Struct, frozen=True, kw_only=True, rename=_JOB_NAMES):
    """A job in a list, and the base of its status."""

    definition: JobDefinition
    job_id: str
    project_key: str
    state: str
    start_time: int
    end_time: int
    """0 while it runs."""
    message: str


class GlobalState(Struct, frozen=True, kw_only=True):
    """How many of its recipes are where."""

    done: int
    failed: int
    skipped: int
    running: int
    total: int


class JobStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """A job as it is."""

    base_status: JobItem
    global_state: GlobalState
    recipes: dict[str, str]
    """Recipe -> `built`, `up_to_date`, `failed` or `skipped`, once the job has ended."""


def job_read(given: Any, project: str) -> NewJob:
    """A build to start. Raises Invalid for what cannot be built here."""
    wanted = converted(known_keys(given, NewJob, "the job"), NewJob)
    if not wanted.outputs:
        raise refused("the job has no outputs; name what to build")
    for output in wanted.outputs:
        if output.type not in _KINDS:
            kinds = ", ".join(str(kind) for kind in _KINDS if kind)
            raise refused(
                f"{shown(output.id)} is of type {shown(output.type)}; these are built here: {kinds}"
            )
        if output.project_key not in (None, "", project):
            raise refused(f"{shown(output.id)} is of another project; start a job there")
        if output.partition not in _NO_PARTITION:
            raise refused(f"{shown(output.id)} has no partitions")
    return wanted


def job_item(job: ProjectJob, work: BuildWork) -> JobItem:
    """A build in a list."""
    return JobItem(
        definition=JobDefinition(
            id=job.id,
            project_key=job.project,
            name=job.title,
            type="NON_RECURSIVE_FORCED_BUILD" if work.force else "RECURSIVE_BUILD",
            initiator=job.by,
            outputs=tuple(JobOutput(id=item, project_key=job.project) for item in work.items),
        ),
        job_id=job.id,
        project_key=job.project,
        state=STATES[job.outcome],
        start_time=milliseconds(job.started_at),
        end_time=milliseconds(job.finished_at) if job.finished_at else 0,
        message=job.message,
    )


def job_status(job: ProjectJob, work: BuildWork) -> JobStatus:
    """A build as it is."""
    outcomes = (job.result or {}).get("outcomes", [])
    recipes = {one["recipe"]: one["status"] for one in outcomes}
    told = list(recipes.values())
    running = job.outcome is JobOutcome.RUNNING
    return JobStatus(
        base_status=job_item(job, work),
        global_state=GlobalState(
            done=told.count("built") + told.count("up_to_date"),
            failed=told.count("failed"),
            skipped=told.count("skipped"),
            running=1 if running else 0,
            total=max(len(told), 1 if running else 0),
        ),
        recipes=recipes,
    )
