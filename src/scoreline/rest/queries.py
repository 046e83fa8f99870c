"""Routes by which a deployment is tried: test queries, own queries, its description and sample code."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from scoreline.core.access import Action, Kind
from scoreline.deployer.deployments import Deployments
from scoreline.deployer.descriptions import Descriptions
from scoreline.deployer.queries import Queries
from scoreline.deployer.queries import Query as Asked
from scoreline.errors import Invalid
from scoreline.rest.bodies import answer, read_json
from scoreline.rest.openapi import operation
from scoreline.rest.permissions import needs
from scoreline.wire import control
from scoreline.wire.control_queries import Answers, NewQueries, SavedQuery
from scoreline.wire.control_traffic import DeploymentTraffic

_MOST_QUERIES = 1_000
_VIEW = needs(Action.VIEW, Kind.DEPLOYMENT)
# The nodes are asked with a key that opens every service: not for everyone who may look.
_ASK = needs(Action.DEPLOY, Kind.DEPLOYMENT)
_Language = Annotated[
    str, Query(max_length=50, description="`shell`, `python`, `r`, `java` or `javascript`.")
]
_Endpoint = Annotated[
    str | None, Query(max_length=200, description="Which endpoint; left out: the first one.")
]


def routes(deployments: Deployments, queries: Queries, descriptions: Descriptions) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["queries"])
    _asking(router, deployments, queries)
    _test_queries(router, deployments, queries)
    _describing(router, deployments, descriptions)
    return router


def _asking(router: APIRouter, deployments: Deployments, queries: Queries) -> None:
    @router.post(
        "/deployments/{deployment}/test-queries",
        summary="Run test queries",
        dependencies=_ASK,
        **operation(control.TestRun),
    )
    def run_test_queries(deployment: str) -> Response:
        """Ask every node the test queries of what is live, and compare the answers."""
        return answer(deployments.run_test_queries(deployment))

    @router.post(
        "/deployments/{deployment}/queries",
        summary="Query",
        dependencies=_ASK,
        **operation(Answers, body=NewQueries),
    )
    async def ask(deployment: str, request: Request) -> Response:
        """Ask a deployment one's own queries, through the control plane: the first node, or every one."""
        wanted = await read_json(request, NewQueries)
        if not 1 <= len(wanted.queries) <= _MOST_QUERIES:
            raise Invalid(f"give 1 to {_MOST_QUERIES} queries", code="bad-queries")
        asked = [Asked(body=body) for body in wanted.queries]
        ask = queries.ask_each if wanted.every_node else queries.ask_one

        def answers() -> Answers:
            found = deployments.settings(deployment)
            return Answers(deployment=found.id, answers=tuple(ask(found, wanted.endpoint, asked)))

        return answer(await run_in_threadpool(answers))


def _test_queries(router: APIRouter, deployments: Deployments, queries: Queries) -> None:
    @router.get(
        "/deployments/{deployment}/test-queries",
        summary="Test queries",
        dependencies=_VIEW,
        **operation(tuple[SavedQuery, ...]),
    )
    def list_test_queries(deployment: str) -> Response:
        """The test queries of the generations that are live; none while nothing is."""
        return answer(queries.saved(deployments.settings(deployment)))

    @router.get(
        "/deployments/{deployment}/traffic",
        summary="Traffic",
        dependencies=_VIEW,
        **operation(DeploymentTraffic),
    )
    def get_traffic(deployment: str) -> Response:
        """How many queries were answered in the last minutes, and how fast: by generation, endpoint, node."""
        return answer(deployments.traffic(deployment))


def _describing(router: APIRouter, deployments: Deployments, descriptions: Descriptions) -> None:
    @router.get(
        "/deployments/{deployment}/openapi",
        summary="OpenAPI of its service",
        dependencies=_VIEW,
        **operation(dict[str, Any]),
    )
    def get_openapi(deployment: str) -> Response:
        """The OpenAPI 3.1 description of what is live: its endpoints, with what they take and give."""
        return answer(descriptions.openapi(deployments.settings(deployment)))

    @router.get(
        "/deployments/{deployment}/sample-code",
        summary="Sample code",
        dependencies=_VIEW,
        **operation(control.SampleCode),
    )
    def get_sample_code(
        deployment: str, language: _Language = "shell", endpoint: _Endpoint = None
    ) -> Response:
        """A program that asks an endpoint of what is live and prints its answer, ready to paste."""
        found = deployments.settings(deployment)
        name, code = descriptions.sample_code(found, endpoint, language)
        return answer(control.SampleCode(deployment=deployment, endpoint=name, language=language, code=code))
