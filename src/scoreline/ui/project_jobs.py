"""Pages of the jobs of a project: all of them, and one with its recipes, its logs and its outcome."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.job import JobOutcome
from scoreline.core.project_job import BuildWork, ProjectJob
from scoreline.errors import NotFound
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui
from scoreline.wire.control_jobs import BuildProgress, BuildRecipe, NewBuild

_LISTED = 50
_LOG_LINES = 400
"""Of a long log the page shows the end."""


class JobLook(Struct, frozen=True, kw_only=True):
    """A job as pages show it."""

    job: ProjectJob
    recipes: tuple[BuildRecipe, ...]
    """Of a build."""
    seconds: float | None
    """How long it took, or goes on."""

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.job.outcome is JobOutcome.RUNNING

    @property
    def is_build(self) -> bool:
        """Whether it has recipes, and can be begun again."""
        return isinstance(self.job.work, BuildWork)

    @property
    def done(self) -> int:
        """How many recipes are over."""
        return sum(one.state not in ("waiting", "running") for one in self.recipes)

    @property
    def failed(self) -> tuple[BuildRecipe, ...]:
        """The recipes that failed."""
        return tuple(one for one in self.recipes if one.state == "failed")

    @property
    def at_work(self) -> tuple[BuildRecipe, ...]:
        """The recipes that run."""
        return tuple(one for one in self.recipes if one.state == "running")

    def elapsed(self, recipe: BuildRecipe) -> float | None:
        """For how long a recipe that runs has done so; None: it does not."""
        if recipe.state != "running" or recipe.started_at is None:
            return None
        return max((datetime.now(UTC) - datetime.fromisoformat(recipe.started_at)).total_seconds(), 0.0)


class Log(Struct, frozen=True, kw_only=True):
    """What a job, or a recipe in it, has said."""

    recipe: str | None
    text: str
    left_out: int
    """Lines before."""
    url: str
    """Of the whole of it."""


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    return [*_looking(ui), *_steering(ui)]


def _looking(ui: Ui) -> list[Route]:
    async def all_(request: Request) -> Response:
        project = request.path_params["project"]
        after = request.query_params.get("after")
        path = path_to("projects", project, "jobs")
        found = await ui.api(request).page(path, ProjectJob, limit=_LISTED, after=after)
        return await ui.page(
            request,
            "jobs/jobs.html",
            title="Jobs",
            project=project,
            section="jobs",
            jobs=[_look(job, ()) for job in found.items],
            next=found.next,
            after=after,
        )

    async def one(request: Request) -> Response:
        return await _one(ui, request, whole=True)

    async def part(request: Request) -> Response:
        return await _one(ui, request, whole=False)

    part.is_part = True  # type: ignore[attr-defined]
    return [
        Route("/projects/{project}/jobs", all_),
        Route("/projects/{project}/jobs/{job}", one),
        Route("/projects/{project}/jobs/{job}/part", part),
    ]


async def _one(ui: Ui, request: Request, *, whole: bool) -> Response:
    project, job = request.path_params["project"], request.path_params["job"]
    api = ui.api(request)
    found = await look_at(api, await api.get(path_to("projects", project, "jobs", job), ProjectJob))
    recipe = request.query_params.get("recipe") or next((one.recipe for one in found.failed), None)
    if request.query_params.get("recipe") == "":
        recipe = None
    values = {"project": project, "look": found, "log": await _log(api, found, recipe)}
    if not whole:
        return ui.fragment(request, "jobs/job_part.html", **values)
    return await ui.page(request, "jobs/job.html", title=found.job.id, section="jobs", **values)


def _steering(ui: Ui) -> list[Route]:
    async def cancel(request: Request) -> Response:
        project, job = request.path_params["project"], request.path_params["job"]
        await ui.api(request).delete(path_to("projects", project, "jobs", job), ProjectJob)
        return ui.go(request, path_to("projects", project, "jobs", job), say="The job is cancelled.")

    async def again(request: Request) -> Response:
        project, job = request.path_params["project"], request.path_params["job"]
        api = ui.api(request)
        before = await api.get(path_to("projects", project, "jobs", job), ProjectJob)
        if not isinstance(before.work, BuildWork):
            raise NotFound(f"{job} is no build", code="no-such-job")
        wanted = NewBuild(items=before.work.items, force=before.work.force)
        begun = await api.post(path_to("projects", project, "builds"), wanted, ProjectJob)
        return ui.go(request, path_to("projects", project, "jobs", begun.id))

    return [
        Route("/projects/{project}/jobs/{job}/cancel", cancel, methods=["POST"]),
        Route("/projects/{project}/jobs/{job}/again", again, methods=["POST"]),
    ]


async def look_at(api: Api, job: ProjectJob) -> JobLook:
    """A job with, of a build, its recipes."""
    if not isinstance(job.work, BuildWork):
        return _look(job, ())
    path = path_to("projects", job.project, "jobs", job.id, "recipes")
    return _look(job, (await api.get(path, BuildProgress)).recipes)


def _look(job: ProjectJob, recipes: tuple[BuildRecipe, ...]) -> JobLook:
    begun = datetime.fromisoformat(job.started_at)
    ended = datetime.fromisoformat(job.finished_at) if job.finished_at else datetime.now(UTC)
    return JobLook(job=job, recipes=recipes, seconds=max((ended - begun).total_seconds(), 0.0))


async def _log(api: Api, look: JobLook, recipe: str | None) -> Log:
    """The end of a log: of a recipe, or of the job."""
    place = ["projects", look.job.project, "jobs", look.job.id]
    path = path_to(*place, "recipes", recipe, "log") if recipe else path_to(*place, "log")
    lines = (await api.text(path)).splitlines()
    return Log(
        recipe=recipe,
        text="\n".join(lines[-_LOG_LINES:]),
        left_out=max(len(lines) - _LOG_LINES, 0),
        url=f"/api/v1{path}",
    )
