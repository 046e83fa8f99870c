"""Routes of the scenarios of a project."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.automation.automation import Automation
from scoreline.automation.scenarios import Scenarios
from scoreline.core.access import Action, Kind
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import Fire
from scoreline.rest.access import who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.etags import ExpectedDigest, tagged
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, page_from, page_of
from scoreline.rest.permissions import needs
from scoreline.wire.control_scenarios import (
    DeletedScenario,
    ListedScenario,
    NewDuplicate,
    NewRun,
    NewScenario,
    Run,
    WholeScenario,
    run_message,
)
from scoreline.wire.paging import Page

_ALL = "/projects/{project}/scenarios"
_ONE = "/projects/{project}/scenarios/{scenario}"


def routes(automation: Automation) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["scenarios"])
    _looking(router, automation.scenarios)
    _changing(router, automation.scenarios)
    _enabling(router, automation.scenarios)
    _running(router, automation)
    return router


def _looking(router: APIRouter, scenarios: Scenarios) -> None:
    @router.get(
        _ALL,
        summary="Scenarios",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Page[ListedScenario]),
    )
    def list_scenarios(project: str, paging: Paging) -> Response:
        """Scenarios of a project by id: what starts them and when, the run that goes on, the last one."""
        return answer(page_of(paging, scenarios.all(project), lambda one: one.id))

    @router.get(
        _ONE,
        summary="One scenario",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(WholeScenario),
    )
    def get_scenario(project: str, scenario: str, request: Request) -> Response:
        """One scenario with its definition."""
        found = scenarios.one(project, scenario)
        return tagged(request, found, found.revision)


def _changing(router: APIRouter, scenarios: Scenarios) -> None:
    @router.post(
        _ALL,
        summary="Make a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeScenario, status=201, body=NewScenario),
    )
    async def create_scenario(project: str, request: Request) -> Response:
        """Write a new scenario into the project's folder; 409 when there is one of that id."""
        wanted = await read_json(request, NewScenario)
        made = await run_in_threadpool(scenarios.create, project, wanted.id, wanted.definition)
        return tagged(request, made, made.revision, 201)

    @router.put(
        _ONE,
        summary="Change a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeScenario, body=Scenario),
    )
    async def save_scenario(
        project: str, scenario: str, request: Request, expected: ExpectedDigest
    ) -> Response:
        """Replace the definition of a scenario; comments in its file stay. A run that goes on has its own."""
        wanted = await read_json(request, Scenario)
        saved = await run_in_threadpool(scenarios.save, project, scenario, wanted, since=expected)
        return tagged(request, saved, saved.revision)

    @router.delete(
        _ONE,
        summary="Delete a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(DeletedScenario),
    )
    def delete_scenario(project: str, scenario: str, expected: ExpectedDigest) -> Response:
        """Delete a scenario; its runs stay to be looked at. 409 while it runs."""
        scenarios.delete(project, scenario, since=expected)
        return answer(DeletedScenario(id=scenario))

    @router.post(
        f"{_ONE}/duplicate",
        summary="Duplicate a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeScenario, status=201, body=NewDuplicate),
    )
    async def duplicate_scenario(project: str, scenario: str, request: Request) -> Response:
        """Make a copy of a scenario under another id; it is not enabled yet."""
        wanted = await read_json(request, NewDuplicate)
        made = await run_in_threadpool(scenarios.duplicate, project, scenario, wanted.id)
        return tagged(request, made, made.revision, 201)


def _enabling(router: APIRouter, scenarios: Scenarios) -> None:
    @router.post(
        f"{_ONE}/enable",
        summary="Enable a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeScenario),
    )
    def enable_scenario(project: str, scenario: str, request: Request) -> Response:
        """Let its triggers start a scenario."""
        found = scenarios.enable(project, scenario, enabled=True)
        return tagged(request, found, found.revision)

    @router.post(
        f"{_ONE}/disable",
        summary="Disable a scenario",
        dependencies=needs(Action.ADMIN, Kind.PROJECT),
        **operation(WholeScenario),
    )
    def disable_scenario(project: str, scenario: str, request: Request) -> Response:
        """Let its triggers start a scenario no more; by hand it can be run all the same."""
        found = scenarios.enable(project, scenario, enabled=False)
        return tagged(request, found, found.revision)


def _running(router: APIRouter, automation: Automation) -> None:
    @router.get(
        f"{_ONE}/runs",
        summary="Runs of a scenario",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Page[Run]),
    )
    def list_runs_of_scenario(project: str, scenario: str, paging: Paging) -> Response:
        """Runs of a scenario, newest first; also of one that was deleted."""
        found = automation.runs.newest(
            limit=paging.limit + 1, before=paging.after_number, project=project, scenario=scenario
        )
        return answer(page_from(paging, [run_message(one) for one in found], lambda one: one.id))

    @router.post(
        f"{_ONE}/runs",
        summary="Run a scenario",
        dependencies=needs(Action.DEPLOY, Kind.PROJECT),
        **operation(Run, status=202, body=NewRun),
    )
    async def run_scenario(project: str, scenario: str, request: Request) -> Response:
        """Begin a run; 409 while another run of the scenario goes on."""
        wanted = await read_json(request, NewRun)
        by = who(request)
        fire = Fire(kind="manual", reason=f"{by} ran it", parameters=wanted.parameters)

        def start() -> Run:
            return run_message(automation.runs.start(project, scenario, fire, by=by))

        return answer(await run_in_threadpool(start), 202)

    @router.post(
        f"{_ONE}/webhook",
        summary="Fire the webhook of a scenario",
        dependencies=needs(Action.DEPLOY, Kind.PROJECT),
        **operation(Run, status=202, body=dict[str, Any]),
    )
    async def fire_webhook(project: str, scenario: str, request: Request) -> Response:
        """Begin a run by its trigger of kind webhook; the fields of the body are `trigger.parameters`."""
        given = await read_json(request, dict[str, Any])

        def start() -> Run:
            return run_message(automation.triggers.webhook(project, scenario, given, who(request)))

        return answer(await run_in_threadpool(start), 202)
