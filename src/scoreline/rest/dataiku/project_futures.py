"""Comparisons of evaluations as futures, as clients of Dataiku poll them."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request

from scoreline.core.access import Action, is_allowed, project_target
from scoreline.core.drift import DriftReport
from scoreline.core.job import JobOutcome
from scoreline.core.project_job import BuildWork, DriftWork, DryRunWork, ProjectJob
from scoreline.errors import Conflict, NotFound
from scoreline.rest.access import caller
from scoreline.rest.dataiku.drift_results import drift_result
from scoreline.studio.evaluation_stores import evaluation_store
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.dataiku_control import milliseconds
from scoreline.wire.dataiku_deployer import Future, FuturePayload
from scoreline.wire.problems import Problem, raise_problem

OF_PROJECT = "job-"
"""How the ids of jobs of projects begin."""


class ProjectFutures:
    """The jobs of projects as futures."""

    def __init__(self, jobs: ProjectJobs, registry: ProjectRegistry) -> None:
        self._jobs = jobs
        self._registry = registry

    def seen(self, request: Request, job_id: str) -> ProjectJob:
        """One job if the caller may see its project. Raises NotFound as for one that is not there."""
        job = self._jobs.one(job_id)
        if not is_allowed(caller(request), Action.VIEW, project_target(job.project)):
            raise NotFound(f"there is no job {job_id!r}", code="no-such-job")
        return job

    def running(self, request: Request) -> list[ProjectJob]:
        """Those that go on in projects that the caller may see; builds are jobs to those clients."""
        who = caller(request)
        found = [job for job in self._jobs.running() if isinstance(job.work, DriftWork)]
        return [job for job in found if is_allowed(who, Action.VIEW, project_target(job.project))]

    def cancel(self, job: ProjectJob, by: str) -> None:
        """End a job; one that has ended stays as it is."""
        if job.outcome is JobOutcome.RUNNING:
            with contextlib.suppress(Conflict):  # it may end by itself just now
                self._jobs.cancel(job, by)

    def state(self, job: ProjectJob, *, peek: bool = False) -> Future:
        """The state of a job, with its result unless one only peeks.

        Whoever asks for the result of one that failed or was cancelled gets the error: else he would wait.
        """
        over = job.outcome is not JobOutcome.RUNNING
        if over and not peek and job.outcome is not JobOutcome.SUCCESS:
            self._raise(job)
        return Future(
            job_id=job.id,
            has_result=job.outcome is JobOutcome.SUCCESS,
            alive=not over,
            aborted=job.outcome is JobOutcome.CANCELLED,
            owner=job.by,
            start_time=milliseconds(job.started_at),
            payload=FuturePayload(display_name=job.title),
            result=self._result(job) if over and not peek else UNSET,
        )

    def _result(self, job: ProjectJob) -> Any:
        match job.work:
            case BuildWork() | DryRunWork():
                return job.result
            case DriftWork(store=store, evaluation=evaluation):
                folder = self._registry.folder(job.project)
                found = evaluation_store(folder, store).evaluations.read(evaluation)
                return drift_result(folder, found, msgspec.convert(job.result, DriftReport))

    def _raise(self, job: ProjectJob) -> None:
        if job.outcome is JobOutcome.CANCELLED:
            raise Conflict(f"{job.title}: {job.message}", code="job-cancelled")
        ended = self._jobs.result(job)
        family = ended.family if ended is not None else ""
        message = f"{job.title} failed: {job.message}"
        raise_problem(
            Problem(error_type=family, message=message, detailed_message=message, code=job.code or "failed")
        )
