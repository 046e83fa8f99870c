"""Routes that tell why: a run, a step, a version, what a deployment answers by, a version of a model."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from scoreline.automation.runs import Runs
from scoreline.automation.why import Reasons, Sees
from scoreline.core.access import WHOLE, Action, Kind, is_allowed
from scoreline.core.why import Explanation
from scoreline.rest.access import caller
from scoreline.rest.bodies import answer
from scoreline.rest.numbers import Number
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs, needs_given, sight
from scoreline.rest.runs import seen_run

_Version = Annotated[
    str | None, Query(max_length=200, description="A version of the model; left out: the active one.")
]


def routes(reasons: Reasons, runs: Runs) -> APIRouter:
    """The routes. What the caller may not see is left out of what they answer."""
    router = APIRouter(tags=["why"])

    @router.get(
        "/runs/{run}/why",
        summary="Why a run",
        dependencies=needs_given(Action.VIEW, Kind.PROJECT),
        **operation(Explanation),
    )
    def why_run(run: Number, request: Request) -> Response:
        """Why a run ended as it did, and what started it."""
        return answer(reasons.run(seen_run(request, runs.one(run)), _sees(request)))

    @router.get(
        "/runs/{run}/steps/{step}/why",
        summary="Why a step",
        dependencies=needs_given(Action.VIEW, Kind.PROJECT),
        **operation(Explanation),
    )
    def why_step(run: Number, step: str, request: Request) -> Response:
        """Why a step of a run ran or did not, and ended as it did."""
        return answer(reasons.step(seen_run(request, runs.one(run)), step, _sees(request)))

    @router.get(
        "/services/{service}/versions/{version}/why",
        summary="Why a version",
        dependencies=needs(Action.VIEW, Kind.SERVICE),
        **operation(Explanation),
    )
    def why_version(service: str, version: str, request: Request) -> Response:
        """What made a published version, of what, and why."""
        return answer(reasons.version(service, version, _sees(request)))

    @router.get(
        "/projects/{project}/services/{service}/versions/{version}/why",
        summary="Why a version of a project",
        dependencies=needs(Action.VIEW, Kind.PROJECT, service="service"),
        **operation(Explanation),
    )
    def why_version_of_project(project: str, service: str, version: str, request: Request) -> Response:
        """What made a version in a project, whether it is published or not."""
        return answer(reasons.project_version(project, service, version, _sees(request)))

    @router.get(
        "/deployments/{deployment}/why",
        summary="Why a mapping",
        dependencies=needs(Action.VIEW, Kind.DEPLOYMENT),
        **operation(Explanation),
    )
    def why_mapping(deployment: str, request: Request) -> Response:
        """What brought live the generations by which a deployment answers."""
        return answer(reasons.mapping(deployment, _sees(request)))

    @router.get(
        "/projects/{project}/models/{model}/why",
        summary="Why a version of a model",
        dependencies=needs(Action.VIEW, Kind.PROJECT),
        **operation(Explanation),
    )
    def why_model(project: str, model: str, request: Request, version: _Version = None) -> Response:
        """What trained a version of a model, and, of the active one, what made it active."""
        return answer(reasons.model(project, model, version, _sees(request)))

    return router


def _sees(request: Request) -> Sees:
    return Sees(project=sight(request).project, audit=is_allowed(caller(request), Action.ADMIN, WHOLE))
