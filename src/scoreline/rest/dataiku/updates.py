"""Updates of deployments in the words of Dataiku's API deployer: in its history, and as futures."""

from __future__ import annotations

from msgspec import UNSET

from scoreline.core.job import Job, JobOutcome
from scoreline.wire import control
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_deployer import (
    Future,
    FuturePayload,
    FutureResult,
    UpdateDetails,
    UpdateItem,
    UpdateLog,
)


def update_item(update: control.Update) -> UpdateItem:
    """An update in the list."""
    return UpdateItem(
        start_timestamp=milliseconds(update.started_at),
        end_timestamp=_milliseconds(update.finished_at),
        type=update.kind.value.upper(),
        status=update.outcome.value,
    )


def update_details(update: control.Update) -> UpdateDetails:
    """One update, whole."""
    return UpdateDetails(
        start_timestamp=milliseconds(update.started_at),
        end_timestamp=_milliseconds(update.finished_at),
        type=update.kind.value.upper(),
        status=update.outcome.value,
        requester=update.by,
        message=update.message,
        logs=UpdateLog(lines=update.log),
    )


def future(job: Job, *, peek: bool = False) -> Future:
    """The state of the future that a job is; without its result for who only peeks."""
    over = job.outcome is not JobOutcome.RUNNING
    return Future(
        job_id=job.id,
        has_result=over,
        alive=not over,
        aborted=job.outcome is JobOutcome.CANCELLED,
        owner=job.by,
        start_time=milliseconds(job.started_at),
        payload=FuturePayload(display_name=job.title),
        result=_result(job) if over and not peek else UNSET,
    )


def _result(job: Job) -> FutureResult:
    return FutureResult(
        deployment_id=job.deployment,
        start_timestamp=milliseconds(job.started_at),
        end_timestamp=_milliseconds(job.finished_at),
        status=job.outcome.value,
        message=job.message,
    )


def _milliseconds(time: str | None) -> int:
    return milliseconds(time) if time else 0
