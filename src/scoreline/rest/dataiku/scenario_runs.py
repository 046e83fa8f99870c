"""Runs of scenarios, as clients of Dataiku start, follow, list and abort them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.automation.runs import Runs
from scoreline.automation.scenarios import Scenarios
from scoreline.core.access import Action, Kind, is_allowed, project_target
from scoreline.core.names import shortened
from scoreline.core.scenario_run import Fire, RunOutcome, ScenarioRun
from scoreline.errors import Conflict, Invalid, NotFound
from scoreline.rest.access import caller, who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.dataiku.scenarios import ONE
from scoreline.rest.permissions import needs, sight
from scoreline.wire.dataiku_runs import (
    CANCELLED,
    FUTURE,
    cancelled_fire,
    details_written,
    fire_written,
    run_written,
)

_RUNNING = "scenario-running"
_MOST_RUNS = 1_000
_LONGEST_NUMBER = 19
_VIEW: Sequence[Any] = needs(Action.VIEW, Kind.PROJECT)
_DEPLOY: Sequence[Any] = needs(Action.DEPLOY, Kind.PROJECT)


def routes(runs: Runs, scenarios: Scenarios) -> APIRouter:
    """The routes."""
    router = APIRouter()
    _starting(router, runs, scenarios)
    _listing(router, runs, scenarios)
    _looking(router, runs)
    return router


def _starting(router: APIRouter, runs: Runs, scenarios: Scenarios) -> None:
    @router.get("/projects/{project}/scenarios/trigger/{scenario}/{trigger}", dependencies=_VIEW)
    def get_trigger_fire(request: Request, project: str, scenario: str, trigger: str) -> Response:
        run = _fired(runs, request, project, scenario, trigger)
        return answer(cancelled_fire() if run is None else fire_written(run))

    @router.get(f"{ONE}/get-run-for-trigger", dependencies=_VIEW)
    def get_run_for_trigger(request: Request, project: str, scenario: str) -> Response:
        trigger = request.query_params.get("triggerId", "")
        run = _fired(runs, request, project, scenario, trigger)
        return answer({} if run is None else {"scenarioRun": run_written(run)})

    @router.post(f"{ONE}/run", dependencies=_DEPLOY)
    async def run_scenario(request: Request, project: str, scenario: str) -> Response:
        given = await read_json(request, dict[str, Any])
        by = who(request)
        fire = Fire(kind="manual", reason=f"{by} ran it", parameters=given)

        def start() -> ScenarioRun | None:
            try:
                return runs.start(project, scenario, fire, by=by)
            except Conflict as error:
                if error.code != _RUNNING:
                    raise
                return None

        run = await run_in_threadpool(start)
        return answer(cancelled_fire() if run is None else fire_written(run))

    @router.post(f"{ONE}/abort", dependencies=_DEPLOY)
    def abort(request: Request, project: str, scenario: str) -> Response:
        scenarios.one(project, scenario)
        runs.stop_scenario(project, scenario, who(request))
        return answer({})


def _listing(router: APIRouter, runs: Runs, scenarios: Scenarios) -> None:
    @router.get(f"{ONE}/get-last-runs", dependencies=_VIEW)
    def get_last_runs(request: Request, project: str, scenario: str) -> Response:
        scenarios.one(project, scenario)
        asked = request.query_params
        finished = asked.get("onlyFinishedRuns", "").lower() == "true"
        limit = _limit(asked.get("limit", "10"))
        found = runs.newest(limit=limit, project=project, scenario=scenario, finished=finished)
        return answer([run_written(one) for one in found])

    @router.get(f"{ONE}/get-runs-by-date", dependencies=_VIEW)
    def get_runs_by_date(request: Request, project: str, scenario: str) -> Response:
        scenarios.one(project, scenario)
        between = (_day(request, "fromDate"), _day(request, "toDate"))
        found = runs.newest(limit=_MOST_RUNS, project=project, scenario=scenario, between=between)
        return answer([run_written(one) for one in found])


def _looking(router: APIRouter, runs: Runs) -> None:
    @router.get(f"{ONE}/{{run}}", dependencies=_VIEW)
    def get_run(project: str, scenario: str, run: str) -> Response:
        return answer(details_written(_one(runs, project, scenario, run)))

    @router.get(f"{ONE}/{{run}}/log", dependencies=_VIEW)
    def get_log(request: Request, project: str, scenario: str, run: str) -> Response:
        found = _one(runs, project, scenario, run)
        return PlainTextResponse(runs.log(found.id, request.query_params.get("stepId") or None))


def running_runs(request: Request, runs: Runs) -> list[ScenarioRun]:
    """The runs that go on in projects that the caller may see."""
    sees = sight(request).project
    found = runs.newest(limit=_MOST_RUNS, outcome=RunOutcome.RUNNING)
    return [run for run in found if sees(run.project)]


def run_of_future(request: Request, runs: Runs, job: str) -> ScenarioRun:
    """The run that a future is, if the caller may see its project. Raises NotFound."""
    run = _numbered(runs, job.removeprefix(FUTURE))
    if run is None or not is_allowed(caller(request), Action.VIEW, project_target(run.project)):
        raise NotFound(f"there is no job {shortened(job)}", code="no-such-job")
    return run


def _fired(runs: Runs, request: Request, project: str, scenario: str, trigger: str) -> ScenarioRun | None:
    """The run that a trigger's fire led to; None where the fire was cancelled."""
    number = request.query_params.get("triggerRunId", "")
    if number == CANCELLED:
        return None
    run = _one(runs, project, scenario, number)
    if fire_written(run).trigger.id != trigger:
        raise NotFound(f"run {run.id} was not started by {shortened(trigger)}", code="no-such-run")
    return run


def _one(runs: Runs, project: str, scenario: str, number: str) -> ScenarioRun:
    run = _numbered(runs, number)
    if run is None or (run.project, run.scenario) != (project, scenario):
        raise NotFound(f"scenario {shortened(scenario)} has no run {shortened(number)}", code="no-such-run")
    return run


def _numbered(runs: Runs, number: str) -> ScenarioRun | None:
    try:
        return runs.one(int(number)) if number.isdigit() and len(number) < _LONGEST_NUMBER else None
    except NotFound:
        return None


def _limit(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MOST_RUNS:
        raise Invalid(f"limit must be a number of 1 to {_MOST_RUNS}", code="bad-parameter")
    return int(text)


def _day(request: Request, name: str) -> str:
    """The beginning of a day, in UTC."""
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise Invalid(f"{name} must be a day such as 2030-01-31", code="bad-parameter") from None
