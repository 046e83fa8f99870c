"""The panel of an endpoint's lookups: enrichments of a prediction, or what a lookup endpoint looks up.

The form says with each button what is to be done with it (`do`): `save`, `shape` (a dataset was chosen, so
its columns are asked for), `add`, `remove:N`, `up:N`, `add-key:N`, `remove-key:N`. Only `save` saves.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.lookup import Lookup, LookupColumn, LookupKey
from scoreline.core.service import Endpoint, PredictionEndpoint, Service, lookups_of
from scoreline.errors import ScorelineError
from scoreline.ui.columns import Columns
from scoreline.ui.designed import Designed, base_of, designed, endpoint_in, refusal, save, show, with_endpoint
from scoreline.ui.endpoints import new_base, place_of
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui

_PANEL = "/projects/{project}/services/{service}/endpoints/{endpoint}/enrichments"
_MOST = 50
BEHAVIOURS = (
    ("leave_empty", "Leave its columns empty"),
    ("ignore_record", "Ignore the record"),
    ("error", "Refuse the query"),
)
SEVERAL = (("first", "Take the first"), *BEHAVIOURS)
PRECEDENCE = (("query", "the value in the query stands"), ("lookup", "the value found stands"))


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def shown(
        request: Request, found: Designed, lookups: tuple[Lookup, ...], base: str, **values: Any
    ) -> Response:
        columns = await Columns.of(ui.api(request), found.project, [one.dataset for one in lookups])
        words = "Enrichments" if found.kind == "prediction" else "Lookups"
        given = {
            "panel": "enrichments",
            "lookups": lookups,
            "base": base,
            "columns": columns,
            "words": words,
            "behaviours": BEHAVIOURS,
            "several": SEVERAL,
            "precedence": PRECEDENCE,
            "unsaved": False,
            **values,
        }
        title = f"{found.endpoint_id}: {words.lower()}"
        return await show(ui, request, found, "enrichments", title=title, **given)

    async def enrichments(request: Request) -> Response:
        found = await designed(ui, request)
        lookups = lookups_of(found.endpoint)
        return await shown(request, found, lookups, base_of(lookups))

    async def change(request: Request) -> Response:
        form, found = await ui.form(request), await designed(ui, request)
        lookups, name = typed(form), found.endpoint.id
        if form.text("do") != "save":
            return await shown(request, found, done(form.text("do"), lookups), form.raw("base"), unsaved=True)

        def part(service: Service) -> Any:
            endpoint = endpoint_in(service, name)
            return None if endpoint is None else lookups_of(endpoint)

        def put(service: Service) -> Service:
            endpoint = endpoint_in(service, name)
            return with_endpoint(service, name, endpoint and _with(endpoint, lookups))

        at = f"{place_of(found)}.{'enrichments' if found.kind == 'prediction' else 'lookups'}"
        try:
            await save(ui.api(request), found, part, put, form.raw("base"), at=at)
        except ScorelineError as error:
            given = {**refusal(error), "unsaved": True}
            return await shown(request, found, lookups, new_base(error, form), **given)
        return ui.go(request, found.panel_url("enrichments"), say="Saved.")

    return [Route(_PANEL, enrichments), Route(_PANEL, change, methods=["POST"])]


def _with(endpoint: Endpoint, lookups: tuple[Lookup, ...]) -> Endpoint:
    if isinstance(endpoint, PredictionEndpoint):
        return msgspec.structs.replace(endpoint, enrichments=lookups)
    return msgspec.structs.replace(endpoint, lookups=lookups)


def typed(form: Form) -> tuple[Lookup, ...]:
    """The lookups as they stand in the form."""
    count = min(form.whole("count", "the number of lookups") or 0, _MOST)
    return tuple(_lookup(form, f"e{number}.") for number in range(count))


def _lookup(form: Form, at: str) -> Lookup:
    keys = min(form.whole(f"{at}keys", "the number of keys") or 0, _MOST)
    given: dict[str, Any] = {
        "dataset": form.text(f"{at}dataset"),
        "keys": [
            _named(form.text(f"{at}key{number}.column"), form.text(f"{at}key{number}.name"))
            for number in range(keys)
        ],
        "columns": "all"
        if form.text(f"{at}which") == "all"
        else [_named(column, form.text(f"{at}name.{column}")) for column in form.texts(f"{at}column")],
    }
    for name in ("on_missing_key", "on_no_match", "on_several_matches", "precedence"):
        given[name] = form.text(f"{at}{name}") or Lookup.__struct_defaults__[_DEFAULTS.index(name)]
    return msgspec.convert(given, Lookup)


_DEFAULTS = ("columns", "on_missing_key", "on_no_match", "on_several_matches", "precedence")


def _named(column: str, name: str) -> dict[str, str | None]:
    return {"column": column, "name": name if name and name != column else None}


def done(what: str, lookups: tuple[Lookup, ...]) -> tuple[Lookup, ...]:
    """The lookups after a button of the form was pressed."""
    verb, _, number = what.partition(":")
    listed = list(lookups)
    if verb == "add":
        listed.append(Lookup(dataset="", keys=(LookupKey(column=""),), columns=()))
    place = int(number) if number.isdigit() else -1
    if not 0 <= place < len(lookups):
        return tuple(listed)
    one = lookups[place]
    if verb == "remove":
        del listed[place]
    elif verb == "up" and place:
        listed[place - 1 : place + 1] = [one, lookups[place - 1]]
    elif verb == "add-key":
        listed[place] = msgspec.structs.replace(one, keys=(*one.keys, LookupKey(column="")))
    elif verb == "remove-key" and len(one.keys) > 1:
        listed[place] = msgspec.structs.replace(one, keys=one.keys[:-1])
    elif verb == "shape":
        listed[place] = Lookup(dataset=one.dataset, keys=(LookupKey(column=""),), columns=())
    return tuple(listed)


def names_of(columns: tuple[LookupColumn, ...] | str) -> dict[str, str]:
    """Column -> the name it gets, of those that are chosen."""
    return {} if isinstance(columns, str) else {one.column: one.output_name for one in columns}
