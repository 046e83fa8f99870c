"""The panel of an endpoint's test queries: written, made of rows, asked, and saved.

The form says with each button what is to be done (`do`): `run`, `save`, `add`, `rows`, `delete:N`, `copy:N`,
`undo`. Whatever is done, everything that is typed is saved first, as far as one may; so nothing is lost.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.service import Service, TestQuery
from scoreline.errors import NotAllowed, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.designed import (
    Changed,
    Designed,
    base_of,
    designed,
    endpoint_in,
    refusal,
    save,
    service_path,
    show,
    with_endpoint,
)
from scoreline.ui.endpoints import new_base, place_of, takes_of
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.control_datasets import ListedDataset
from scoreline.wire.control_designer import Candidates, QueryOutcome, QueryOutcomes, QueryRun
from scoreline.wire.problems import status_of

_PANEL = "/projects/{project}/services/{service}/endpoints/{endpoint}/test-queries"
_MOST = 1_000


class Card(Struct, frozen=True, kw_only=True):
    """A test query as it is typed."""

    name: str
    query: str
    expect: str
    error: str = ""
    """Why it cannot be asked."""
    outcome: QueryOutcome | None = None


def routes(ui: Ui) -> list[Route]:
    """The routes."""
    panel = _Panel(ui)
    return [Route(_PANEL, panel.show_saved), Route(_PANEL, panel.change, methods=["POST"])]


class _Panel:
    def __init__(self, ui: Ui) -> None:
        self._ui = ui

    async def show_saved(self, request: Request) -> Response:
        """What is saved."""
        found = await designed(self._ui, request)
        queries = found.endpoint.test_queries
        return await self._shown(request, found, [_card(one) for one in queries], base_of(queries))

    async def change(self, request: Request) -> Response:
        """Do what a button of the form says."""
        ui = self._ui
        form, found = await ui.form(request), await designed(ui, request)
        cards, verb = _cards(form), form.text("do").partition(":")[0]
        shown: dict[str, Any] = {}
        try:
            if verb == "rows":
                rows = await self._rows(ui.api(request), found, form)
                cards += [_card(one) for one in rows]
                shown["said"] = f"{len(rows)} added from {form.text('dataset')}."
            else:
                cards, shown = await self._edited(request, found, form, cards)
            base = form.raw("base")
            if any(card.error for card in cards):
                return await self._shown(request, found, cards, base, unsaved=True, status=400, **shown)
            queries = tuple(_query(card) for card in cards)
            may_save, base = await self._saved(ui.api(request), found, queries, base)
            if verb == "run":
                path = service_path(
                    found.project, found.service, "endpoints", found.endpoint_id or "", "test-queries"
                )
                run = await ui.api(request).post(path, QueryRun(queries=queries), QueryOutcomes)
                cards = [
                    msgspec.structs.replace(card, outcome=outcome)
                    for card, outcome in zip(cards, run.outcomes, strict=True)
                ]
                shown["run"] = run
            elif verb == "save":
                shown["said"] = "Saved."
        except ScorelineError as error:
            told = refusal(error)
            if told["errors"]:
                told["problem"], told["status"] = error, status_of(error)
            if isinstance(error, Changed):
                told["changed"] = error
            return await self._shown(request, found, cards, new_base(error, form), unsaved=True, **told)
        return await self._shown(request, found, cards, base, unsaved=not may_save, **shown)

    async def _saved(
        self, api: Api, found: Designed, queries: tuple[TestQuery, ...], base: str
    ) -> tuple[bool, str]:
        """Save what differs from what is saved; who may not, goes on without. Gives whether, and the base."""
        name = found.endpoint.id
        if base_of(queries) == base:
            return True, base

        def part(service: Service) -> Any:
            endpoint = endpoint_in(service, name)
            return None if endpoint is None else endpoint.test_queries

        def change(service: Service) -> Service:
            endpoint = endpoint_in(service, name)
            return with_endpoint(
                service, name, endpoint and msgspec.structs.replace(endpoint, test_queries=queries)
            )

        try:
            await save(api, found, part, change, base, at=f"{place_of(found)}.test_queries")
        except NotAllowed:
            return False, base
        return True, base_of(queries)

    async def _rows(self, api: Api, found: Designed, form: Form) -> tuple[TestQuery, ...]:
        path = service_path(found.project, found.service, "endpoints", found.endpoint_id or "", "candidates")
        rows = await api.get(
            path,
            Candidates,
            dataset=form.text("dataset"),
            count=form.whole("rows", "the number of rows") or 5,
            skip=form.whole("skip", "the rows before") or 0,
        )
        return rows.queries

    async def _edited(
        self, request: Request, found: Designed, form: Form, cards: list[Card]
    ) -> tuple[list[Card], dict[str, Any]]:
        """The cards after a button that adds, copies or deletes one, and what the page says of it."""
        verb, _, number = form.text("do").partition(":")
        place = int(number) if number.isdigit() and int(number) < len(cards) else -1
        if verb == "add":
            takes, _ = await takes_of(self._ui, request, found)
            example = takes.example if takes else {"features": {}}
            fresh = Card(name=f"Query {len(cards) + 1}", query=_json(example), expect="")
            return [*cards, fresh], {"focus": len(cards)}
        if verb == "copy" and place >= 0:
            one = cards[place]
            copied = msgspec.structs.replace(one, name=f"{one.name or f'Query {place + 1}'} (copy)")
            return [*cards[: place + 1], copied, *cards[place + 1 :]], {"focus": place + 1}
        if verb == "delete" and place >= 0:
            gone = base_of(cards[place])
            said = f"{cards[place].name or f'Query {place + 1}'} is deleted."
            left = [*cards[:place], *cards[place + 1 :]]
            return left, {"said": said, "undo": json.dumps([place, json.loads(gone)])}
        if verb == "undo" and form.raw("undo"):
            at, card = json.loads(form.raw("undo"))
            return [*cards[:at], msgspec.convert({**card, "outcome": None}, Card), *cards[at:]], {}
        return cards, {}

    async def _shown(
        self, request: Request, found: Designed, cards: list[Card], base: str, **values: Any
    ) -> Response:
        ui = self._ui
        api = ui.api(request)
        takes, problem = await takes_of(ui, request, found)
        datasets = await api.all(path_to("projects", found.project, "datasets"), ListedDataset)
        given = {
            "panel": "test-queries",
            "cards": cards,
            "base": base,
            "takes": takes,
            "datasets": [one.id for one in datasets],
            "usual": _usual([one.id for one in datasets]),
            "unsaved": False,
            "run": None,
            "said": "",
            "undo": "",
            "focus": -1,
            "changed": None,
            "not_ready": problem,
            "scale": _scale(cards),
            **values,
        }
        title = f"{found.endpoint_id}: test queries"
        return await show(ui, request, found, "test_queries", title=title, **given)


def _usual(datasets: list[str]) -> str:
    """The dataset that is offered first: rows that the model has not learned from."""
    scored = [one for one in datasets if "score" in one] or [one for one in datasets if "test" in one]
    return next(iter(scored or datasets), "")


def _scale(cards: list[Card]) -> float:
    return max((card.outcome.microseconds for card in cards if card.outcome), default=0.0)


def _card(query: TestQuery) -> Card:
    expect = "" if query.expect is None else _json(query.expect)
    return Card(name=query.name, query=_json(query.query), expect=expect)


def _cards(form: Form) -> list[Card]:
    count = min(form.whole("count", "the number of queries") or 0, _MOST)
    return [_typed(form, f"q{number}.") for number in range(count)]


def _typed(form: Form, at: str) -> Card:
    name, query, expect = form.text(f"{at}name"), form.raw(f"{at}query"), form.raw(f"{at}expect")
    error = _unreadable("The query", query, needed=True) or _unreadable("What is expected", expect)
    return Card(name=name, query=query, expect=expect, error=error)


def _unreadable(what: str, text: str, *, needed: bool = False) -> str:
    """Why a text is no JSON object; empty when it is one, or there is none and none is needed."""
    if not text.strip() and not needed:
        return ""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return f"{what} is not JSON: line {error.lineno}, {error.msg.lower()}."
    except RecursionError:
        return f"{what} is nested too deeply."
    return "" if isinstance(value, dict) else f"{what} is to be an object: {{ … }}."


def _query(card: Card) -> TestQuery:
    expect = json.loads(card.expect) if card.expect.strip() else None
    return TestQuery(name=card.name, query=json.loads(card.query), expect=expect)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
