"""Routes of jobs: long work, whoever started it by whichever call."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from scoreline.core.access import Action, Kind, is_allowed
from scoreline.core.job import Job
from scoreline.deployer.jobs import Jobs
from scoreline.errors import NotFound
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, cursor_number, page_of_seen
from scoreline.rest.permissions import allow, find, needs_given, needs_listed
from scoreline.wire.paging import Page


def routes(jobs: Jobs) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["jobs"])

    @router.get(
        "/jobs",
        summary="Jobs",
        dependencies=needs_listed(Kind.DEPLOYMENT),
        **operation(Page[Job]),
    )
    def list_jobs(request: Request, paging: Paging) -> Response:
        """Jobs of the deployments that the caller may see, newest first."""
        targets = {one.id: one for one in request.state.targets.all(Kind.DEPLOYMENT)}
        page = page_of_seen(
            paging,
            lambda after, limit: jobs.newest(limit=limit, before=cursor_number(after)),
            key=lambda one: str(one.number),
            sees=lambda one: (
                one.deployment in targets
                and is_allowed(caller(request), Action.VIEW, targets[one.deployment])
            ),
        )
        return answer(page)

    @router.get(
        "/jobs/{job}",
        summary="One job",
        dependencies=needs_given(Action.VIEW, Kind.DEPLOYMENT),
        **operation(Job),
    )
    def get_job(job: str, request: Request) -> Response:
        """One job, with its progress and its log."""
        return answer(seen_job(request, jobs.one(job)))

    @router.delete(
        "/jobs/{job}",
        summary="Cancel a job",
        dependencies=needs_given(Action.DEPLOY, Kind.DEPLOYMENT),
        **operation(Job, status=202),
    )
    def cancel_job(job: str, request: Request) -> Response:
        """Ask a job to end; it ends CANCELLED, and what was live before stays. 409 when it has ended."""
        found = seen_job(request, jobs.one(job))
        allow(request, Action.DEPLOY, find(request, Kind.DEPLOYMENT, found.deployment))
        return answer(jobs.cancel(job), 202)

    return router


def seen_job(request: Request, job: Job) -> Job:
    """The job if the caller may see its deployment. Raises NotFound as for one that is not there."""
    target = request.state.targets.one(Kind.DEPLOYMENT, job.deployment)
    if target is None or not is_allowed(caller(request), Action.VIEW, target):
        raise NotFound(f"there is no job {job.id!r}", code="no-such-job")
    return job
