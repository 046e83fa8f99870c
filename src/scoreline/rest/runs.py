"""Routes of runs of scenarios, of whichever project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from scoreline.automation.runs import Runs
from scoreline.core.access import Action, Kind, is_allowed, project_target
from scoreline.core.scenario_run import RunOutcome, ScenarioRun
from scoreline.deployer.events import Events
from scoreline.errors import NotFound
from scoreline.rest.access import caller, who
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.numbers import Number
from scoreline.rest.openapi import operation
from scoreline.rest.paging import Paging, cursor_number, page_of_seen
from scoreline.rest.permissions import allow, needs_given, needs_listed, sight
from scoreline.rest.run_events import run_stream
from scoreline.rest.sign_in import SignIn
from scoreline.wire.control_scenarios import Decision, NewResume, Run, run_message
from scoreline.wire.paging import Page

_Project = Annotated[str | None, Query(max_length=200, description="Only runs of this project.")]
_Scenario = Annotated[str | None, Query(max_length=200, description="Only runs of scenarios of this id.")]
_Outcome = Annotated[RunOutcome | None, Query(description="Only runs that ended so, or that go on.")]


def routes(runs: Runs, events: Events, sign_in: SignIn) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["runs"])
    _looking(router, runs)
    _watching(router, runs, events, sign_in)
    _steering(router, runs)
    return router


def _looking(router: APIRouter, runs: Runs) -> None:
    @router.get("/runs", summary="Runs", dependencies=needs_listed(Kind.PROJECT), **operation(Page[Run]))
    def list_runs(
        request: Request,
        paging: Paging,
        project: _Project = None,
        scenario: _Scenario = None,
        outcome: _Outcome = None,
    ) -> Response:
        """Runs of the projects that the caller may see, newest first."""
        sees = sight(request).project
        page = page_of_seen(
            paging,
            lambda after, limit: [
                run_message(one)
                for one in runs.newest(
                    limit=limit,
                    before=cursor_number(after),
                    project=project,
                    scenario=scenario,
                    outcome=outcome,
                )
            ],
            key=lambda one: str(one.id),
            sees=lambda one: sees(one.project),
        )
        return answer(page)

    @router.get(
        "/runs/{run}",
        summary="One run",
        dependencies=needs_given(Action.VIEW, Kind.PROJECT),
        **operation(Run),
    )
    def get_run(run: Number, request: Request) -> Response:
        """One run with its steps: why each ran or did not, and how it ended."""
        return answer(run_message(seen_run(request, runs.one(run))))

    @router.get(
        "/runs/{run}/log",
        summary="Log of a run",
        dependencies=needs_given(Action.VIEW, Kind.PROJECT),
        **operation(None, media="text/plain"),
    )
    def get_run_log(run: Number, request: Request, step: str | None = None) -> Response:
        """The log of a run, or of one of its steps."""
        seen_run(request, runs.one(run))
        return PlainTextResponse(runs.log(run, step))


def _watching(router: APIRouter, runs: Runs, events: Events, sign_in: SignIn) -> None:
    @router.get(
        "/runs/{run}/events",
        summary="Events of a run",
        dependencies=needs_given(Action.VIEW, Kind.PROJECT),
        **operation(Run, media="text/event-stream"),
    )
    def stream_run(
        run: Number, request: Request, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """A run as server-sent events, until it has ended.

        Event `run`: the whole Run, at first and whenever it changes. Event `log`: new lines of the log of a
        step, or of the run; after `Last-Event-ID` only those that come after that event.
        """
        project = seen_run(request, runs.one(run)).project

        async def check() -> None:
            if not is_allowed(await sign_in.caller(request), Action.VIEW, project_target(project)):
                raise no_run(run)

        return run_stream(runs, events, run, last_event_id, check)


def _steering(router: APIRouter, runs: Runs) -> None:
    @router.post(
        "/runs/{run}/abort",
        summary="Abort a run",
        dependencies=needs_given(Action.DEPLOY, Kind.PROJECT),
        **operation(Run, status=202),
    )
    def abort_run(run: Number, request: Request) -> Response:
        """Ask a run to end, with what it does now; it ends ABORTED. 409 when it has ended."""
        _deployer_of(request, runs.one(run))
        return answer(run_message(runs.abort(run, who(request))), 202)

    @router.post(
        "/runs/{run}/resume",
        summary="Run again from a step",
        dependencies=needs_given(Action.DEPLOY, Kind.PROJECT),
        **operation(Run, status=202, body=NewResume),
    )
    async def resume_run(run: Number, request: Request) -> Response:
        """Begin a new run that takes over what came before a step, and goes on from there."""
        wanted = await read_json(request, NewResume)

        def start() -> Run:
            _deployer_of(request, runs.one(run))
            return run_message(runs.start_from(run, wanted.step, who(request)))

        return answer(await run_in_threadpool(start), 202)

    @router.post(
        "/runs/{run}/steps/{step}/decision",
        summary="Approve or reject a step",
        dependencies=needs_given(Action.DEPLOY, Kind.PROJECT),
        **operation(Run, body=Decision),
    )
    async def decide_step(run: Number, step: str, request: Request) -> Response:
        """Say whether a step that waits for an approval has it; 409 when it does not wait."""
        said = await read_json(request, Decision)

        def decide() -> Run:
            _deployer_of(request, runs.one(run))
            decided = runs.decide(run, step, approved=said.approved, by=who(request), comment=said.comment)
            return run_message(decided)

        return answer(await run_in_threadpool(decide))


def seen_run(request: Request, run: ScenarioRun) -> ScenarioRun:
    """The run if the caller may see its project. Raises NotFound as for one that is not there."""
    if not is_allowed(caller(request), Action.VIEW, project_target(run.project)):
        raise no_run(run.id)
    return run


def no_run(number: int) -> NotFound:
    """What somebody is told of a run that is not there, or not for him."""
    return NotFound(f"there is no run {number}", code="no-such-run")


def _deployer_of(request: Request, run: ScenarioRun) -> None:
    allow(request, Action.DEPLOY, project_target(seen_run(request, run).project))
