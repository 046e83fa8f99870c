"""Futures, as clients of Dataiku poll, abort and list them: updates, jobs of projects, runs of scenarios."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from scoreline.automation.runs import Runs
from scoreline.core.access import Action, Kind, project_target
from scoreline.core.job import JobOutcome
from scoreline.core.scenario_run import RunOutcome
from scoreline.deployer.control_plane import ControlPlane
from scoreline.rest.access import who
from scoreline.rest.bodies import answer
from scoreline.rest.dataiku.basics import seen_deployments
from scoreline.rest.dataiku.project_futures import OF_PROJECT, ProjectFutures
from scoreline.rest.dataiku.scenario_runs import run_of_future, running_runs
from scoreline.rest.dataiku.updates import future
from scoreline.rest.jobs import seen_job
from scoreline.rest.permissions import allow, find, needs_given, needs_listed, sight
from scoreline.wire.dataiku_deployer import Future
from scoreline.wire.dataiku_runs import FUTURE as RUN
from scoreline.wire.dataiku_runs import future_written


def routes(control_plane: ControlPlane, of_projects: ProjectFutures, runs: Runs) -> APIRouter:
    """The routes."""
    router = APIRouter()
    jobs, deployments = control_plane.jobs, control_plane.deployments

    @router.get("/futures", dependencies=needs_listed(Kind.DEPLOYMENT))
    def list_futures(request: Request) -> Response:
        asked = {name: value.lower() == "true" for name, value in request.query_params.items()}
        found: list[Future] = []
        if asked.get("withNotScenarios", True):
            seen = {one.id for one in seen_deployments(sight(request), deployments.saved())}
            found += [future(one) for one in jobs.running() if one.deployment in seen]
            found += [of_projects.state(one, peek=True) for one in of_projects.running(request)]
        if asked.get("withScenarios", False):
            found += [future_written(one, peek=True) for one in running_runs(request, runs)]
        mine = who(request)
        return answer([one for one in found if asked.get("allUsers") or one.owner == mine])

    @router.get("/futures/{job}", dependencies=needs_given(Action.VIEW, Kind.DEPLOYMENT))
    def get_state(request: Request, job: str) -> Response:
        peek = request.query_params.get("peek", "").lower() == "true"
        if job.startswith(OF_PROJECT):
            return answer(of_projects.state(of_projects.seen(request, job), peek=peek))
        if job.startswith(RUN):
            return answer(future_written(run_of_future(request, runs, job), peek=peek))
        return answer(future(seen_job(request, jobs.one(job)), peek=peek))

    @router.delete("/futures/{job}", dependencies=needs_given(Action.DEPLOY, Kind.DEPLOYMENT))
    def abort(request: Request, job: str) -> Response:
        if job.startswith(OF_PROJECT):
            of_project = of_projects.seen(request, job)
            allow(request, Action.DEPLOY, project_target(of_project.project))
            of_projects.cancel(of_project, who(request))
            return answer({})
        if job.startswith(RUN):
            run = run_of_future(request, runs, job)
            allow(request, Action.DEPLOY, project_target(run.project))
            if run.outcome is RunOutcome.RUNNING:
                runs.stop_scenario(run.project, run.scenario, who(request))
            return answer({})
        found = seen_job(request, jobs.one(job))
        allow(request, Action.DEPLOY, find(request, Kind.DEPLOYMENT, found.deployment))
        if found.outcome is JobOutcome.RUNNING:
            jobs.cancel(job)
        return answer({})

    return router
