"""The tour: the tutorial beside the pages, whose rows tick themselves off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.service import LookupEndpoint, PredictionEndpoint
from scoreline.errors import ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.pages import Ui
from scoreline.wire.control import Deployment, Service
from scoreline.wire.control_designer import WholeService
from scoreline.wire.control_flow import Flow
from scoreline.wire.control_models import Model
from scoreline.wire.control_scenarios import ListedScenario
from scoreline.wire.paging import Page

T = TypeVar("T")
SERVICE, ENDPOINT, MODEL, SCENARIO = (
    "fraud_detection",
    "predict_fraud",
    "predict_authorized_flag",
    "retrain_model",
)
SEEN_COOKIE = "scoreline_tour_seen"
"""Rows that leave no trace but on the page: a browser keeps which of them it has seen."""

_ENRICHMENT = (
    "cardholder_info by internal_card_mapping, in the query card_id; fico_score as card_fico_score, age as "
    "card_age"
)


@dataclass(frozen=True)
class Row:
    """One step of the tutorial."""

    number: int
    title: str
    how: str
    url: str
    done: bool


class _Shape(Struct, frozen=True):
    """What there is of the tutorial, as the control plane tells."""

    flow: Flow
    models: tuple[Model, ...]
    service: WholeService | None
    published: Service | None
    deployments: tuple[Deployment, ...]
    scenarios: tuple[ListedScenario, ...]


def routes(ui: Ui) -> list[Route]:
    """The fragment beside every page of a project."""

    async def show(request: Request) -> Response:
        project = request.path_params["project"]
        shape = await _look(ui.api(request), project)
        rows = _rows(project, shape, _seen(request))
        return ui.fragment(request, "tour/rows.html", project=project, rows=rows, first=_first(rows))

    return [Route("/tour/{project}", show)]


async def _look(api: Api, project: str) -> _Shape:
    whole = path_to("projects", project, "services", SERVICE)
    flow, models, service, published, deployments, scenarios = await asyncio.gather(
        api.get(path_to("projects", project, "flow"), Flow),
        api.get(path_to("projects", project, "models"), Page[Model]),
        _or_none(api, whole, WholeService),
        _or_none(api, path_to("services", SERVICE), Service),
        api.get("/deployments", Page[Deployment], service=SERVICE),
        api.get(path_to("projects", project, "scenarios"), Page[ListedScenario]),
    )
    return _Shape(flow, models.items, service, published, deployments.items, scenarios.items)


async def _or_none(api: Api, path: str, kind: type[T]) -> T | None:
    try:
        return await api.get(path, kind)
    except ScorelineError:
        return None


def _seen(request: Request) -> set[int]:
    kept = request.cookies.get(SEEN_COOKIE, "")
    return {int(part) for part in kept.split("-")[:40] if part.isdecimal() and len(part) < 3}


def _first(rows: list[Row]) -> int:
    """The row to do next."""
    return next((row.number for row in rows if not row.done), 0)


def _rows(project: str, shape: _Shape, seen: set[int]) -> list[Row]:
    done = {**dict.fromkeys(seen, True), **_done(shape)}
    return [
        Row(number, title, how, url, done.get(number, False))
        for number, (title, how, url) in enumerate(_texts(project, shape), start=1)
    ]


def _done(shape: _Shape) -> Mapping[int, bool]:
    endpoints = shape.service.definition.endpoints if shape.service and shape.service.definition else ()
    endpoint = next((one for one in endpoints if one.id == ENDPOINT), None)
    prediction = endpoint if isinstance(endpoint, PredictionEndpoint) else None
    queries = len(prediction.test_queries) if prediction else 0
    versions = shape.published.versions if shape.published else ()
    mine = [one for one in shape.deployments if one.service == SERVICE]
    updated = [one for one in mine if one.live and one.last_update and one.last_update.id > 1]
    models = next((one.versions for one in shape.models if one.id == MODEL), ())
    copies = [one for one in shape.scenarios if one.id != SCENARIO]
    return {
        1: all(recipe.state == "fresh" for recipe in shape.flow.recipes) or len(models) > 1,
        3: prediction is not None,
        4: queries >= 5,
        5: bool(versions),
        6: any(one.live for one in mine),
        9: len({one.infrastructure for one in mine if one.live}) > 1,
        10: bool(prediction and prediction.enrichments),
        11: queries >= 6,
        12: len(versions) > 1 and bool(updated),
        13: any(isinstance(one, LookupEndpoint) for one in endpoints),
        14: any(one.steps > 3 for one in copies),
        15: any(one.last_run for one in copies),
        16: len(models) > 1,
        17: any(one.live and len(one.live.entries) > 1 for one in mine),
    }


def _texts(project: str, shape: _Shape) -> list[tuple[str, str, str]]:
    """Title, what to do, and where."""
    flow = path_to("projects", project, "flow")
    service = path_to("projects", project, "services", SERVICE)
    endpoint = f"{service}{path_to('endpoints', ENDPOINT)}" if shape.service else flow
    deployed = shape.deployments[0].id if shape.deployments else ""
    deployment = path_to("deployer", "deployments", deployed) if deployed else "/deployer/deployments"
    scenarios = path_to("projects", project, "scenarios")
    copy = next((one.id for one in shape.scenarios if one.id != SCENARIO), SCENARIO)
    scenario = path_to("projects", project, "scenarios", copy)

    def tab(name: str) -> str:
        return f"{deployment}/{name}" if deployed else deployment

    return [
        ("Build the flow", "Open the flow and press Build all.", flow),
        (
            "Look at the model",
            "Its metrics, its six features, and the scorer that answers.",
            path_to("projects", project, "models", MODEL),
        ),
        (
            "Make an API of it",
            f"Select the model in the flow, press Create API: service {SERVICE}, endpoint {ENDPOINT}.",
            flow,
        ),
        ("Try it", "Test queries: add 5 from test_scored, and run them.", f"{endpoint}/test-queries"),
        ("Publish it", "Publish on Deployer, as version v1, with release notes.", endpoint),
        (
            "Deploy it",
            "On the deployer: Deploy, on an infrastructure of stage Development.",
            f"/deployer/services{path_to(SERVICE)}" if shape.published else "/deployer/services",
        ),
        ("Call it from a program", "Sample code, in the language you like.", tab("sample-code")),
        ("Ask the node itself", "Run and test: Run all.", tab("run-and-test")),
        (
            "Bring it to the next stage",
            "Copy this deployment to an infrastructure of the next stage.",
            tab("status"),
        ),
        (
            "Look up what the caller does not know",
            f"Enrichments: {_ENRICHMENT}. Advanced: return post-enrichment.",
            f"{endpoint}/enrichments",
        ),
        (
            "Try the enrichment",
            "A sixth query by hand: card C_ID_23626074d5, 3704.17, signature 0, luxury goods, Wyoming.",
            f"{endpoint}/test-queries",
        ),
        ("Update without losing a query", "Publish v2, then Update, light.", tab("updates")),
        (
            "Add a lookup",
            "Endpoint merchant_lookup of kind dataset lookup: merchant_info by merchant_id, all columns.",
            service if shape.service else flow,
        ),
        (
            "Automate it",
            "Duplicate Retrain Model; add Create API service version and Update API deployment.",
            scenarios,
        ),
        ("Run it", "Run the scenario, and see why each step ran.", f"{scenario}/runs"),
        (
            "See what came of it",
            "A new model version; every version of the service still there.",
            path_to("projects", project, "models", MODEL),
        ),
        (
            "Split the traffic",
            "Settings of the deployment: several generations, 0.7 and 0.3. Save and update.",
            tab("settings"),
        ),
        ("See who answers", "Run all again: each answer names its generation.", tab("run-and-test")),
    ]
