"""Trying a deployment: its test queries on every node, and own queries, one or thousands."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.deployment import BASE, Place, find, shares_of, show
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, is_partial
from scoreline.wire.control import TestAnswer, TestRun
from scoreline.wire.control_queries import Answers, NewQueries, SavedQuery
from scoreline.wire.problems import status_of

MOST_TIMES = 10_000
_AT_ONCE = 1_000
_SHOWN = 20
"""Answers of an own query that are shown; of more, only the shares."""


class Shares(Struct, frozen=True, kw_only=True):
    """How many of many answers each generation gave."""

    generation: str
    answers: int
    share: float
    wanted: float | None
    """None: it is not in what is live."""


class Comparison(Struct, frozen=True, kw_only=True):
    """A test query with what each node answered to it."""

    query: SavedQuery | None
    """None: it is gone meanwhile."""
    generation: str
    endpoint: str
    number: int
    name: str
    answers: tuple[TestAnswer, ...]
    same: bool
    """Whether all nodes gave the same result."""

    @property
    def passed(self) -> bool:
        """Whether all nodes answered as the query expects."""
        return all(one.passed for one in self.answers)


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def begin(request: Request) -> Response:
        api = ui.api(request)
        place = await find(api, request.path_params["deployment"])
        form = Form(dict(request.query_params))
        values = await _values(api, place, form)
        if is_partial(request):
            return ui.fragment(request, "deployments/_own_query.html", deployment=place.deployment, **values)
        return await show(ui, request, place, "run-and-test", "deployments/run_and_test.html", **values)

    async def run_all(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["deployment"]
        run, saved = await asyncio.gather(
            api.post(path_to("deployments", name, "test-queries"), None, TestRun),
            api.get(path_to("deployments", name, "test-queries"), tuple[SavedQuery, ...]),
        )
        return ui.fragment(
            request, "deployments/_test_run.html", run=run, comparisons=compared(run.answers, saved)
        )

    async def ask(request: Request) -> Response:
        return await _ask(ui, request)

    return [
        Route(f"{BASE}/run-and-test", begin),
        Route(f"{BASE}/run-and-test/run", run_all, methods=["POST"]),
        Route(f"{BASE}/run-and-test/ask", ask, methods=["POST"]),
    ]


async def _values(api: Api, place: Place, form: Form) -> dict[str, Any]:
    name = place.deployment.id
    saved: Sequence[SavedQuery] = ()
    if place.deployment.live is not None:
        saved = await api.get(path_to("deployments", name, "test-queries"), tuple[SavedQuery, ...])
    endpoints = [one.id for one in place.deployment.endpoints]
    endpoint = form.text("endpoint") or (endpoints[0] if endpoints else "")
    chosen = [one for one in saved if one.endpoint == endpoint]
    number = form.text("number")
    first = next((one for one in chosen if number in ("", str(one.number))), None)
    return {
        "saved": saved,
        "endpoints": endpoints,
        "endpoint": endpoint,
        "query": form.raw("query")
        or _written(first.query if first else await _example(api, place, endpoint)),
        "generations": tuple(shares_of(place.deployment)),
        "form": form,
        "problem": None,
        "most_times": MOST_TIMES,
        "answers": None,
    }


async def _example(api: Api, place: Place, endpoint: str) -> dict[str, Any]:
    """A query to begin with, of an endpoint that has no test queries."""
    kinds = {one.id: one.kind for one in place.deployment.endpoints}
    if endpoint not in kinds:
        return {}
    told = await api.get(path_to("deployments", place.deployment.id, "openapi"), dict[str, Any])
    action = "lookup" if kinds[endpoint] == "lookup" else "predict"
    call = next((one for path, one in told["paths"].items() if path.endswith(f"/{endpoint}/{action}")), None)
    if call is None:
        return {}
    content = call["post"]["requestBody"]["content"]["application/json"]
    example: dict[str, Any] = content["examples"]["first"]["value"]
    return example


async def _ask(ui: Ui, request: Request) -> Response:
    api, form = ui.api(request), await ui.form(request)
    place = await find(api, request.path_params["deployment"])
    values = await _values(api, place, form)
    try:
        body, times = _query(form), form.whole("times", "How often") or 1
        if not 1 <= times <= MOST_TIMES:
            raise Invalid(f"ask 1 to {MOST_TIMES:,} times", code="times")
        answers = await _answers(api, place.deployment.id, form, body, times)
    except ScorelineError as error:
        values |= {"deployment": place.deployment, "problem": error}
        return ui.fragment(request, "deployments/_own_query.html", status=status_of(error), **values)
    values |= {
        "deployment": place.deployment,
        "answers": answers[:_SHOWN] if times == 1 else (),
        "asked": len(answers),
        "asked_body": body,
        "failed": next((one for one in answers if not one.passed), None),
        "failures": sum(1 for one in answers if not one.passed),
        "shares": counted(answers, shares_of(place.deployment)),
        "same": alike(answers),
    }
    return ui.fragment(request, "deployments/_own_query.html", **values)


async def _answers(
    api: Api, deployment: str, form: Form, body: dict[str, Any], times: int
) -> list[TestAnswer]:
    """All answers, of as many calls as it takes."""
    found: list[TestAnswer] = []
    for begin in range(0, times, _AT_ONCE):
        wanted = NewQueries(
            queries=(body,) * min(_AT_ONCE, times - begin),
            endpoint=form.text("endpoint") or None,
            every_node=form.flag("every_node"),
        )
        told = await api.post(path_to("deployments", deployment, "queries"), wanted, Answers)
        found += told.answers
    return found


def _query(form: Form) -> dict[str, Any]:
    """The query that was typed, with the generation and the key that were chosen. Raises Invalid."""
    try:
        body = msgspec.json.decode(form.raw("query"), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid(f"the query is to be a JSON object: {error}", code="query") from error
    forced, key = form.text("forced_generation"), form.text("dispatch_key")
    given = {"forcedGeneration": forced, "dispatchKey": key}
    chosen = {name: text for name, text in given.items() if text}
    if not chosen:
        return body
    dispatch = body.get("dispatch")
    return {**body, "dispatch": {**(dispatch if isinstance(dispatch, dict) else {}), **chosen}}


def counted(answers: Sequence[TestAnswer], wanted: Any) -> list[Shares]:
    """The shares of the generations in answers that were given."""
    given = [one for one in answers if one.generation]
    counts = Counter(one.generation for one in given)
    return [
        Shares(
            generation=name,
            answers=counts[name],
            share=counts[name] / max(len(given), 1),
            wanted=wanted.get(name),
        )
        for name in dict.fromkeys([*wanted, *counts])
    ]


def compared(answers: Sequence[TestAnswer], saved: Sequence[SavedQuery]) -> list[Comparison]:
    """The answers of all nodes to each test query, side by side."""
    queries = {(one.generation, one.endpoint, one.number): one for one in saved}
    by_query: dict[tuple[str, str, int], list[TestAnswer]] = {}
    for one in answers:
        by_query.setdefault((one.generation, one.endpoint, one.number), []).append(one)
    return [
        Comparison(
            query=queries.get(place),
            generation=place[0],
            endpoint=place[1],
            number=place[2],
            name=given[0].name,
            answers=tuple(given),
            same=alike(given),
        )
        for place, given in by_query.items()
    ]


def alike(answers: Sequence[TestAnswer]) -> bool:
    """Whether answers hold the same results; how long each took, and where, does not count."""
    results = [_result(one.answer) for one in answers]
    return all(one == results[0] for one in results[1:])


def _result(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    return answer.get("results", answer.get("result"))


def _written(query: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(query), indent=2).decode()
