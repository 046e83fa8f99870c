"""Calls on the jobs of projects: builds, comparisons and dry runs that the control plane runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from scoreline.client.connection import Connection, path_to
from scoreline.client.evaluations import EvaluationCalls
from scoreline.core.drift import DriftReport, DriftSettings
from scoreline.core.drift_reference import DriftReference
from scoreline.core.dry_run import DryRun, DryRunSettings
from scoreline.core.job import JobOutcome
from scoreline.core.project_job import ProjectJob
from scoreline.errors import Conflict, Unavailable
from scoreline.wire.control_jobs import BuildProgress, NewBuild

_AT_ONCE = 50
_FIRST_PAUSE = 0.05  # seconds
_LONGEST_PAUSE = 1.0


class ProjectJobCalls(EvaluationCalls):
    """What `scoreline build`, `evaluation drift` and `scenario dry-run` do, where the control plane is."""

    _control: Connection

    def build(
        self, project: str, *items: str, force: bool = False, wait: bool = True, seconds: float = 3600.0
    ) -> ProjectJob:
        """Build what is stale of some items (none: the whole flow) and of what they need.

        Raises NotFound for what is not there, Conflict (code `too-many-jobs`), and, when it waits,
        Unavailable when the build failed and Conflict when it was cancelled.
        """
        wanted = NewBuild(items=items, force=force)
        started = self._control.call("POST", path_to("projects", project, "builds"), ProjectJob, body=wanted)
        return self.wait_for_job(started, seconds=seconds) if wait else started

    def compute_drift(
        self,
        project: str,
        store: str,
        evaluation: str,
        *,
        reference: DriftReference | None = None,
        settings: DriftSettings | None = None,
        seconds: float = 900.0,
    ) -> DriftReport:
        """Compare the kept rows of an evaluation anew, as `start_drift` does, and wait for the outcome.

        Raises NotFound, Unavailable when it failed, and Conflict when it was cancelled.
        """
        started = self.start_drift(project, store, evaluation, reference=reference, settings=settings)
        return msgspec.convert(self.wait_for_job(started, seconds=seconds).result, DriftReport)

    def dry_run(
        self, project: str, scenario: str, settings: DryRunSettings, *, seconds: float = 3600.0
    ) -> DryRun:
        """What a scenario would have decided on each day of dated data; nothing changes.

        Raises NotFound, Invalid, Conflict (code `too-many-jobs`, or when it was cancelled), and Unavailable
        when it failed.
        """
        started = self.start_dry_run(project, scenario, settings)
        return msgspec.convert(self.wait_for_job(started, seconds=seconds).result, DryRun)

    def start_dry_run(self, project: str, scenario: str, settings: DryRunSettings) -> ProjectJob:
        """Begin what `dry_run` does, and give its job, whose result is a `DryRun`."""
        path = path_to("projects", project, "scenarios", scenario, "dry-runs")
        return self._control.call("POST", path, ProjectJob, body=settings)

    def dry_runs(self, project: str, scenario: str) -> Iterator[ProjectJob]:
        """The dry runs of a scenario, newest first, asked for as they are read."""
        path = path_to("projects", project, "scenarios", scenario, "dry-runs")
        return self._control.each(path, ProjectJob, at_once=_AT_ONCE)

    def project_jobs(self, project: str) -> Iterator[ProjectJob]:
        """The jobs of a project, newest first, asked for as they are read."""
        return self._control.each(path_to("projects", project, "jobs"), ProjectJob, at_once=_AT_ONCE)

    def project_job(self, project: str, job: str) -> ProjectJob:
        """One job of a project. Raises NotFound."""
        return self._control.call("GET", path_to("projects", project, "jobs", job), ProjectJob)

    def project_job_log(self, project: str, job: str) -> str:
        """What a job has said until now. Raises NotFound."""
        return self._control.text(path_to("projects", project, "jobs", job, "log"))

    def build_progress(self, project: str, job: str) -> BuildProgress:
        """How far a build has come, recipe by recipe. Raises NotFound."""
        return self._control.call("GET", path_to("projects", project, "jobs", job, "recipes"), BuildProgress)

    def build_recipe_log(self, project: str, job: str, recipe: str) -> str:
        """What a recipe has said in a build until now. Raises NotFound."""
        return self._control.text(path_to("projects", project, "jobs", job, "recipes", recipe, "log"))

    def cancel_project_job(self, project: str, job: str) -> ProjectJob:
        """End a job; what it had finished stays. Raises NotFound, and Conflict when it has ended."""
        return self._control.call("DELETE", path_to("projects", project, "jobs", job), ProjectJob)

    def wait_for_job(self, job: ProjectJob, *, seconds: float = 900.0) -> ProjectJob:
        """Wait until a job has ended.

        Raises Unavailable when it failed (code `job-failed`) or has not ended within `seconds`, Conflict
        when it was cancelled.
        """
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while job.outcome is JobOutcome.RUNNING:
            if time.monotonic() + pause > deadline:
                raise Unavailable(f"job {job.id!r} still runs: {job.title}", code="no-answer")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            job = self.project_job(job.project, job.id)
        if job.outcome is JobOutcome.CANCELLED:
            raise Conflict(f"job {job.id!r}, {job.title}: {job.message}", code="job-cancelled")
        if job.outcome is JobOutcome.FAILED:
            raise Unavailable(f"{job.title} failed: {job.message}", code="job-failed")
        return job
