"""Queries run through the API deployer, as clients of Dataiku send them: as JSON in the URL."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.deployer.control_plane import ControlPlane
from scoreline.deployer.queries import Query
from scoreline.errors import Invalid
from scoreline.rest.bodies import answer
from scoreline.rest.permissions import needs
from scoreline.wire.control import TestAnswer
from scoreline.wire.dataiku_deployer import GivenQuery, QueryResult, QueryResults


def routes(control_plane: ControlPlane) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api-deployer")
    deployments, queries = control_plane.deployments, control_plane.queries

    @router.post(
        "/deployments/{deployment}/actions/run-test-queries",
        dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT),
    )
    def run_test_queries(request: Request, deployment: str) -> Response:
        endpoint = request.query_params.get("endpointIdParam")
        given = request.query_params.get("testQueriesParam")
        found = deployments.settings(deployment)
        if given is not None:
            return answer(_results(deployment, queries.ask_each(found, endpoint, _queries(given))))
        wanted = queries.endpoint(found, endpoint).id
        run = deployments.run_test_queries(deployment)
        return answer(_results(deployment, [one for one in run.answers if one.endpoint == wanted]))

    @router.post(
        "/deployments/{deployment}/actions/run-queries", dependencies=needs(Action.DEPLOY, Kind.DEPLOYMENT)
    )
    def run_queries(request: Request, deployment: str) -> Response:
        given = _queries(request.query_params.get("queries", ""))
        endpoint = request.query_params.get("endpointId")
        found = deployments.settings(deployment)
        return answer(_results(deployment, queries.ask_one(found, endpoint, given)))

    return router


def _queries(text: str) -> list[Query]:
    try:
        given = msgspec.json.decode(text, type=list[GivenQuery])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Invalid(f"the queries are wrong: {error}", code="bad-json") from error
    return [Query(body=one.q, headers={header.key: header.value for header in one.headers}) for one in given]


def _results(deployment: str, answers: Sequence[TestAnswer]) -> QueryResults:
    return QueryResults(
        deployment_id=deployment,
        success=all(one.passed for one in answers),
        results=tuple(
            QueryResult(
                api_node=one.node,
                endpoint_id=one.endpoint,
                name=one.name,
                success=one.passed,
                message=one.message,
                response=one.answer,
            )
            for one in answers
        ),
    )
