"""The settings of a deployment: which generations answer, with which shares; tags; whether it is enabled."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoreline.core.deployment import GenerationsMapping, MappingEntry, single
from scoreline.errors import Invalid, ScorelineError
from scoreline.ui.api import Api, path_to
from scoreline.ui.deployment import BASE, Place, find, show, url
from scoreline.ui.deployments import tags_of
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui
from scoreline.wire.control import NewUpdate, SavedSettings, Service, Update, WholeSettings
from scoreline.wire.problems import status_of

_OF_MAPPING = frozenset({"bad-mapping", "no-such-version", "no-version", "probability"})


class Row(Struct, frozen=True):
    """A generation and its share as they stand in the form."""

    generation: str
    proba: str


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    async def edit(request: Request) -> Response:
        api, name = ui.api(request), request.path_params["deployment"]
        place, (saved, tag) = await asyncio.gather(
            find(api, name), api.tagged(path_to("deployments", name, "settings"), SavedSettings)
        )
        values = await _values(api, place, _form_of(saved, tag))
        return await show(ui, request, place, "settings", "deployments/settings.html", **values)

    async def save(request: Request) -> Response:
        return await _save(ui, request)

    return [Route(f"{BASE}/settings", edit), Route(f"{BASE}/settings", save, methods=["POST"])]


async def _save(ui: Ui, request: Request) -> Response:
    api, name, form = ui.api(request), request.path_params["deployment"], await ui.form(request)
    try:
        wanted = WholeSettings(
            mapping=_mapping(form), enabled=form.flag("enabled"), tags=tags_of(form.text("tags"))
        )
        path = path_to("deployments", name, "settings")
        await api.put(path, wanted, SavedSettings, revision=form.text("revision"))
        if form.text("then") == "update":
            update = await api.post(path_to("deployments", name, "updates"), NewUpdate(), Update)
            return ui.go(request, url(name, "updates", update.id), say="Saved; the update has begun.")
    except ScorelineError as error:
        place = await find(api, name)
        saved, tag = await api.tagged(path_to("deployments", name, "settings"), SavedSettings)
        values = await _values(api, place, form, problem=error)
        if error.code == "stale-revision":
            values |= {"other": saved, "revision": tag}
        given = {"deployment": place.deployment, **values}
        return ui.fragment(request, "deployments/_settings_form.html", status=status_of(error), **given)
    return ui.go(request, url(name, "settings"), say="Saved. An update brings it live.")


async def _values(
    api: Api, place: Place, form: Form, *, problem: ScorelineError | None = None
) -> dict[str, Any]:
    service = await api.get(path_to("services", place.deployment.service), Service)
    rows = [Row(*pair) for pair in _pairs(form)]
    return {
        "versions": [one.version for one in service.versions[::-1]],
        "mode": form.text("mode", "single"),
        "version": form.text("version"),
        "rows": rows + [Row("", "")] * max(0, 2 - len(rows)),
        "tags": form.text("tags"),
        "enabled": form.flag("enabled"),
        "revision": form.text("revision"),
        "mapping_problem": problem if problem and problem.code in _OF_MAPPING else None,
        "problem": problem if problem and problem.code not in _OF_MAPPING else None,
        "other": None,
    }


def _form_of(saved: SavedSettings, tag: str) -> Form:
    """What is saved, as it stands in the form."""
    entries = saved.mapping.entries if saved.mapping else ()
    several = len(entries) > 1
    return Form(
        FormData(
            [
                ("mode", "multiple" if several else "single"),
                ("version", entries[0].generation if entries else ""),
                *(pair for one in entries for pair in _fields(one)),
                ("tags", ", ".join(saved.tags)),
                ("enabled", "1" if saved.enabled else ""),
                ("revision", tag),
            ]
        )
    )


def _fields(entry: MappingEntry) -> list[tuple[str, str]]:
    return [("generation", entry.generation), ("proba", f"{entry.proba:.12g}")]


def _pairs(form: Form) -> list[tuple[str, str]]:
    """The rows that hold something."""
    pairs = zip(form.texts("generation"), form.texts("proba"), strict=False)
    return [(one.strip(), share.strip()) for one, share in pairs if one.strip() or share.strip()]


def _mapping(form: Form) -> GenerationsMapping:
    """The mapping that was typed. Raises Invalid, naming the row."""
    if form.text("mode") != "multiple":
        if not form.text("version"):
            raise Invalid("choose the version that is to answer", code="no-version")
        return single(form.text("version"))
    entries = []
    for number, (generation, share) in enumerate(_pairs(form), 1):
        if not generation:
            raise Invalid(f"row {number}: choose a version for the share {share[:20]}", code="no-version")
        entries.append(MappingEntry(generation, _share(generation, share)))
    return GenerationsMapping(tuple(entries))


def _share(generation: str, text: str) -> float:
    """A share as it is typed: 0.7, or 70 %. Raises Invalid."""
    whole = text.removesuffix("%").strip()
    try:
        share = float(whole.replace(",", "."))
    except ValueError:
        said = f"{text[:20]!r} is not a number" if text else "it has no probability"
        raise Invalid(f"{generation}: {said}; give one such as 0.7", code="probability") from None
    return share / 100 if text.endswith("%") else share
