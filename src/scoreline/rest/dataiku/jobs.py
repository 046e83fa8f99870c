"""Jobs of a project, as clients of Dataiku start, read and abort them: builds of its flow."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.core.access import Action, Kind
from scoreline.core.flow import build_order
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.project import Project
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.core.recipe import outputs_of
from scoreline.errors import NotFound
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.permissions import needs, needs_listed, sight
from scoreline.storage.catalog_audit import CatalogAudit
from scoreline.storage.project_files import read_project
from scoreline.studio.project_jobs import ProjectJobs
from scoreline.studio.project_registry import ProjectRegistry
from scoreline.studio.wanted_recipes import recipes_for
from scoreline.wire.dataiku_jobs import NewJob, job_item, job_read, job_status

_VIEW = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY = needs(Action.DEPLOY, Kind.PROJECT)


def routes(registry: ProjectRegistry, jobs: ProjectJobs, audit: CatalogAudit) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _looking(router, registry, jobs)
    _acting(router, registry, jobs, audit)
    return router


def _looking(router: APIRouter, registry: ProjectRegistry, jobs: ProjectJobs) -> None:
    @router.get("/jobs/running", dependencies=needs_listed(Kind.PROJECT))
    def list_all_running(request: Request) -> Response:
        sees, mine = sight(request).project, who(request)
        everyone = request.query_params.get("allUsers", "true").lower() == "true"
        found = [one for one in jobs.running() if sees(one.project) and (everyone or one.by == mine)]
        return answer([job_item(one, one.work) for one in found if isinstance(one.work, BuildWork)])

    @router.get("/projects/{project}/jobs", dependencies=_VIEW)
    def list_jobs(project: str) -> Response:
        found = jobs.newest(project)
        return answer([job_item(one, one.work) for one in found if isinstance(one.work, BuildWork)])

    @router.get("/projects/{project}/jobs/running", dependencies=_VIEW)
    def list_running(project: str) -> Response:
        found = [one for one in jobs.running() if one.project == project]
        return answer([job_item(one, one.work) for one in found if isinstance(one.work, BuildWork)])

    @router.get("/projects/{project}/jobs/{job}", dependencies=_VIEW)
    def get_status(project: str, job: str) -> Response:
        found, work = _build(jobs, project, job)
        return answer(job_status(found, work))

    @router.get("/projects/{project}/jobs/{job}/log", dependencies=_VIEW)
    def get_log(request: Request, project: str, job: str) -> Response:
        found, _ = _build(jobs, project, job)
        activity = request.query_params.get("activity")
        text = jobs.log(found) if not activity else _log_of(registry, jobs, found, activity)
        return PlainTextResponse(text)


def _acting(router: APIRouter, registry: ProjectRegistry, jobs: ProjectJobs, audit: CatalogAudit) -> None:
    @router.post("/projects/{project}/jobs", dependencies=_DEPLOY)
    async def start(request: Request, project: str) -> Response:
        wanted = job_read(await read_json(request, Any), project)
        by = who(request)

        def started() -> ProjectJob:
            folder = registry.folder(project)
            work = _work(wanted, read_project(folder))
            job = jobs.start(project, folder, work, by)
            audit.record("build", f"project:{project}", after={"job": job.id, "work": work})
            return job

        return answer({"id": (await run_in_threadpool(started)).id})

    @router.post("/projects/{project}/jobs/{job}/abort", dependencies=_DEPLOY)
    def abort(request: Request, project: str, job: str) -> Response:
        found, _ = _build(jobs, project, job)
        cancelled = jobs.cancel(found, who(request))
        audit.record("cancel job", f"project:{project}", after={"job": job})
        return answer({"id": cancelled.id, "message": cancelled.message})


def _work(wanted: NewJob, project: Project) -> BuildWork:
    items = tuple(output.id for output in wanted.outputs)
    if wanted.type != "RECURSIVE_FORCED_BUILD":
        return BuildWork(items=items, force=wanted.type == "NON_RECURSIVE_FORCED_BUILD")
    # All that they need is named, too, so that it is forced: each recipe by one of its outputs.
    order = build_order(project.recipes, recipes_for(project, items))
    return BuildWork(items=tuple(outputs_of(project.recipes[one])[0] for one in order), force=True)


def _build(jobs: ProjectJobs, project: str, job_id: str) -> tuple[ProjectJob, BuildWork]:
    job = jobs.one(job_id, project)
    if not isinstance(job.work, BuildWork):
        raise NotFound(f"there is no build {shortened(job_id)}; it is a future", code="no-such-job")
    return job, job.work


def _log_of(registry: ProjectRegistry, jobs: ProjectJobs, job: ProjectJob, recipe: str) -> str:
    """What one recipe of a build has said; while the build runs, what is told of it."""
    if job.result is None:
        lines = jobs.log(job).splitlines(keepends=True)
        return "".join(line for line in lines if recipe in line.replace(":", " ").split())
    known = {one["recipe"] for one in job.result["outcomes"]}
    if recipe not in known:
        raise NotFound(f"job {job.id!r} has no recipe {shortened(recipe)}; {did_you_mean(recipe, known)}")
    path = registry.folder(job.project) / job.result["logs"] / f"{recipe}.log"
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""
