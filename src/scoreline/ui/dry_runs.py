"""The page of dry runs of a scenario: what it would have decided on each day of dated data."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.dry_run import DryDay, DryRun, DryRunSettings, DryStep
from scoreline.core.job import JobOutcome
from scoreline.core.project_job import DryRunWork, ProjectJob
from scoreline.errors import ScorelineError
from scoreline.ui import part_fields
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui, is_partial
from scoreline.ui.part_fields import Field
from scoreline.ui.run_pictures import timeline
from scoreline.ui.scenario import BASE, FieldWrong, Loaded, converted, load, offered, show
from scoreline.wire.problems import status_of

_DAY = re.compile(r"day (\d+) of (\d+), ([0-9-]+): ")
_LISTED = 10

FIELDS = (
    Field(name="since", label="From", type="date", required=True, help="The first day."),
    Field(name="until", label="To", type="date", required=True, help="The last day."),
    Field(
        name="window",
        label="Window in days",
        type="whole",
        help="The steps look at the rows of so many days, which end on the day.",
    ),
    Field(
        name="reference_days",
        label="Days that are compared with",
        type="whole",
        none="all up to the training",
        help="Of rows, after a training that was not done really.",
    ),
    Field(
        name="dates",
        label="Columns of dates",
        type="headers",
        help="Dataset and column; none: those that are evaluated and have just one.",
    ),
    Field(
        name="train",
        label="Train really where it would be trained; that takes longer",
        type="flag",
    ),
)


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def index(request: Request) -> Response:
        return await _index(ui, request)

    async def start(request: Request) -> Response:
        return await _start(ui, request)

    async def cancel(request: Request) -> Response:
        loaded = await load(ui.api(request), request)
        job = request.path_params["job"]
        await ui.api(request).delete(path_to("projects", loaded.project, "jobs", job), ProjectJob)
        return ui.go(request, f"{loaded.url('dry-run')}?job={job}", say="The dry run is cancelled.")

    base = f"{BASE}/dry-run"
    return [
        Route(base, index),
        Route(base, start, methods=["POST"]),
        Route(f"{base}/{{job}}/cancel", cancel, methods=["POST"]),
    ]


async def _index(ui: Ui, request: Request) -> Response:
    api = ui.api(request)
    loaded = await load(api, request)
    page = await api.page(
        path_to("projects", loaded.project, "scenarios", loaded.id, "dry-runs"), ProjectJob, limit=_LISTED
    )
    wanted = request.query_params.get("job")
    job = next((one for one in page.items if one.id == wanted), None)
    if wanted and job is None:
        job = await api.get(path_to("projects", loaded.project, "jobs", wanted), ProjectJob)
    job = job or (page.items[0] if page.items else None)
    values = {"loaded": loaded, "jobs": page.items, **await _job_values(api, loaded, job)}
    if is_partial(request):
        return ui.fragment(request, "scenarios/_dry_job.html", **values)
    shown = job.work.settings if job and isinstance(job.work, DryRunWork) else None
    plain = msgspec.to_builtins(shown) if shown else {"window": 1}
    values.pop("loaded")
    return await show(
        ui,
        request,
        loaded,
        "dry-run",
        "scenarios/dry_run.html",
        fields=FIELDS,
        values=part_fields.shown(FIELDS, plain),
        errors={},
        problem=None,
        names=await offered(api, loaded.project),
        **values,
    )


async def _start(ui: Ui, request: Request) -> Response:
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    plain, errors = part_fields.read(FIELDS, form)
    problem: ScorelineError | None = None
    if not errors:
        try:
            settings = converted(plain, DryRunSettings)
            path = path_to("projects", loaded.project, "scenarios", loaded.id, "dry-runs")
            job = await api.post(path, settings, ProjectJob)
            return ui.go(request, f"{loaded.url('dry-run')}?job={job.id}")
        except FieldWrong as error:
            errors[error.field or "since"] = error.message
        except ScorelineError as error:
            if error.code == "bad-days":
                errors["until"] = error.message
            else:
                problem = error
    return ui.fragment(
        request,
        "scenarios/_dry_form.html",
        status=status_of(problem) if problem else 400,
        loaded=loaded,
        fields=FIELDS,
        values=part_fields.typed(FIELDS, form),
        errors=errors,
        problem=problem,
        names={},
    )


async def _job_values(api: Api, loaded: Loaded, job: ProjectJob | None) -> dict[str, Any]:
    empty: dict[str, Any] = {"job": job, "found": None, "picture": None, "done": 0, "days": 0, "day": ""}
    if job is None:
        return empty
    if job.outcome is JobOutcome.SUCCESS:
        found = msgspec.convert(job.result, DryRun)
        steps = list(dict.fromkeys(step.step for day in found.days for step in day.steps))
        return {**empty, "found": found, "picture": timeline(found, steps), "told": told, "steps": steps}
    log = await api.text(path_to("projects", loaded.project, "jobs", job.id, "log"))
    days = list(_DAY.finditer(log))
    if not days:
        return {**empty, "log": log}
    return {**empty, "log": log, "done": int(days[-1][1]), "days": int(days[-1][2]), "day": days[-1][3]}


def told(day: DryDay) -> list[DryStep]:
    """The steps of a day that are more than one that looked and has found nothing."""
    return [
        step
        for step in day.steps
        if step.outcome.value != "SKIPPED"
        and (step.simulated or step.outcome.value != "SUCCESS" or step.kind in ("train", "build"))
    ]
