"""Routes of dry runs of scenarios, which are jobs of their projects."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.automation.runs import named_scenario
from scoreline.core.access import Action, Kind
from scoreline.core.dry_run import DryRunSettings, check_days
from scoreline.core.project_job import DryRunWork, ProjectJob
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_from
from scoreline.rest.permissions import needs
from scoreline.storage.project_files import read_project
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.paging import Page

_ALL = "/projects/{project}/scenarios/{scenario}/dry-runs"


def routes(registry: ProjectRegistry, jobs: ProjectJobs) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["scenarios"])

    @router.get(
        _ALL,
        summary="Dry runs of a scenario",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Page[ProjectJob]),
    )
    def list_dry_runs(project: str, scenario: str, paging: Paging) -> Response:
        """Jobs that told what a scenario would have decided, newest first, each with its result."""
        found = _of(jobs, project, scenario, before=paging.after_number)
        few = [job for job, _ in zip(found, range(paging.limit + 1), strict=False)]
        return answer(page_from(paging, few, lambda one: one.number))

    @router.post(
        _ALL,
        summary="Run a scenario dry",
        dependencies=needs(Action.DEPLOY, Kind.PROJECT),
        **operation(ProjectJob, status=202, body=DryRunSettings),
    )
    async def start_dry_run(project: str, scenario: str, request: Request) -> Response:
        """Tell by a job what a scenario would have decided on each day of dated data; nothing changes."""
        wanted = await read_json(request, DryRunSettings)
        by = who(request)

        def start() -> ProjectJob:
            check_days(wanted.since, wanted.until)
            folder = registry.folder(project)
            named_scenario(read_project(folder), scenario)
            return jobs.start(project, folder, DryRunWork(scenario=scenario, settings=wanted), by)

        return answer(await run_in_threadpool(start), 202)

    return router


def _of(jobs: ProjectJobs, project: str, scenario: str, *, before: int | None) -> Iterator[ProjectJob]:
    for job in jobs.newest(project, before=before):
        if isinstance(job.work, DryRunWork) and job.work.scenario == scenario:
            yield job
