"""Routes of the jobs of a project: builds and comparisons."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.core.access import Action, Kind
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_from
from scoreline.rest.permissions import needs
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.wire.control_jobs import BuildProgress, NewBuild
from scoreline.wire.paging import Page

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)


def routes(registry: ProjectRegistry, jobs: ProjectJobs, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/projects/{project}", tags=["jobs"])
    _looking(router, jobs)

    @router.post(
        "/builds",
        summary="Build",
        dependencies=_DEPLOY,
        **operation(ProjectJob, status=202, body=NewBuild),
    )
    async def build(request: Request, project: str) -> Response:
        """Build what is stale of some items and of what they need, by a job; 404 when one is not there."""
        wanted = await read_json(request, NewBuild)
        by = who(request)

        def start() -> ProjectJob:
            work = BuildWork(items=wanted.items, force=wanted.force)
            started = jobs.start(project, registry.folder(project), work, by)
            audit.record("build", f"project:{project}", after={"job": started.id, "work": work})
            return started

        return answer(await run_in_threadpool(start), 202)

    @router.delete(
        "/jobs/{job}",
        summary="Cancel a job of a project",
        dependencies=_DEPLOY,
        **operation(ProjectJob),
    )
    def cancel_project_job(request: Request, project: str, job: str) -> Response:
        """End a job; what it had finished stays. 409 when it has ended."""
        cancelled = jobs.cancel(jobs.one(job, project), who(request))
        audit.record("cancel job", f"project:{project}", after={"job": job})
        return answer(cancelled)

    return router


def _looking(router: APIRouter, jobs: ProjectJobs) -> None:
    @router.get("/jobs", summary="Jobs of a project", dependencies=_VIEW, **operation(Page[ProjectJob]))
    def list_project_jobs(project: str, paging: Paging) -> Response:
        """Builds and comparisons of a project that the control plane ran, newest first."""
        found = jobs.newest(project, limit=paging.limit + 1, before=paging.after_number)
        return answer(page_from(paging, found, lambda one: one.number))

    @router.get("/jobs/{job}", summary="One job of a project", dependencies=_VIEW, **operation(ProjectJob))
    def get_project_job(project: str, job: str) -> Response:
        """One job, with its result once it has ended."""
        return answer(jobs.one(job, project))

    @router.get(
        "/jobs/{job}/log",
        summary="Log of a job of a project",
        dependencies=_VIEW,
        **operation(None, media="text/plain"),
    )
    def get_project_job_log(project: str, job: str) -> Response:
        """What a job has said until now."""
        return PlainTextResponse(jobs.log(jobs.one(job, project)))

    @router.get(
        "/jobs/{job}/recipes",
        summary="Recipes of a build",
        dependencies=_VIEW,
        **operation(BuildProgress),
    )
    def get_build_progress(project: str, job: str) -> Response:
        """How far a build has come: its recipes in the order of the flow, each with how it fares."""
        found = jobs.recipes(jobs.one(job, project))
        done = sum(one.state not in ("waiting", "running") for one in found)
        return answer(BuildProgress(job=job, done=done, recipes=found))

    @router.get(
        "/jobs/{job}/recipes/{recipe}/log",
        summary="Log of a recipe in a build",
        dependencies=_VIEW,
        **operation(None, media="text/plain"),
    )
    def get_build_recipe_log(project: str, job: str, recipe: str) -> Response:
        """What a recipe has said in a build until now; nothing when its log was removed after many builds."""
        return PlainTextResponse(jobs.recipe_log(jobs.one(job, project), recipe))
