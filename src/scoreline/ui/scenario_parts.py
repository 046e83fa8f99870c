"""The lists of a scenario: its steps, triggers and reporters, which are added, changed, moved and deleted.

Each change is saved at once. It is of one part: what somebody else did to others meanwhile stays, and what he
did to the same part is shown before it is replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scoreline.core.scenario import Reporter, Scenario
from scoreline.core.scenario_step import Step
from scoreline.core.scenario_trigger import Trigger
from scoreline.errors import Conflict, Invalid, NotFound, ScorelineError
from scoreline.ui import part_fields
from scoreline.ui.api import Api
from scoreline.ui.forms import Form
from scoreline.ui.pages import Ui, part
from scoreline.ui.part_fields import Field
from scoreline.ui.part_kinds import (
    REPORTER_KINDS,
    STEP_COURSE,
    STEP_KINDS,
    STEP_OWN,
    TRIGGER_KINDS,
    PartKind,
)
from scoreline.ui.part_words import condition, does
from scoreline.ui.scenario import (
    BASE,
    FieldWrong,
    Loaded,
    Wrong,
    converted,
    load,
    offered,
    save,
    show,
    wrongs,
)
from scoreline.wire.control_scenarios import ScenarioFindings
from scoreline.wire.problems import status_of

Plain = dict[str, Any]
_TRIES = 3
"""How often a change is tried anew when somebody else changed something at the same moment."""


class PartList(Struct, frozen=True, kw_only=True):
    """One of the lists."""

    name: str
    noun: str
    type: Any
    kinds: tuple[PartKind, ...]
    own: tuple[Field, ...] = ()
    """Fields before those of the kind."""
    course: tuple[Field, ...] = ()
    """Fields behind them."""

    def kind(self, id_: str) -> PartKind:
        """One of its kinds. Raises NotFound."""
        found = next((kind for kind in self.kinds if kind.id == id_), None)
        if found is None:
            raise NotFound(f"there is no kind of {self.noun} {id_[:40]!r}", code="no-such-kind")
        return found

    def fields(self, kind: PartKind) -> tuple[Field, ...]:
        """All fields of a kind."""
        return (*self.own, *kind.fields, *self.course)

    def of(self, definition: Scenario) -> list[Plain]:
        """Its parts, as plain JSON."""
        return list(msgspec.to_builtins(getattr(definition, self.name)))


class Item(Struct, frozen=True, kw_only=True):
    """One part as a list shows it."""

    position: int
    digest: str
    kind: PartKind
    id: str
    label: str
    does: str
    condition: str
    enabled: bool
    can_be_enabled: bool
    plain: Plain
    wrong: tuple[str, ...] = ()


LISTS = (
    PartList(name="steps", noun="step", type=Step, kinds=STEP_KINDS, own=STEP_OWN, course=STEP_COURSE),
    PartList(name="triggers", noun="trigger", type=Trigger, kinds=TRIGGER_KINDS),
    PartList(name="reporters", noun="reporter", type=Reporter, kinds=REPORTER_KINDS),
)


def routes(ui: Ui) -> list[Route]:
    """The routes."""

    @part
    async def begin(request: Request) -> Response:
        loaded = await load(ui.api(request), request)
        return RedirectResponse(loaded.url("steps"), 303)

    @part
    async def findings(request: Request) -> Response:
        return await _findings(ui, request)

    made = [Route(BASE, begin), Route(f"{BASE}/steps/findings", findings)]
    for one in LISTS:
        made += _routes(ui, one)
    return made


def _routes(ui: Ui, parts: PartList) -> list[Route]:
    async def index(request: Request) -> Response:
        return await _index(ui, request, parts)

    async def add(request: Request) -> Response:
        return await _save(ui, request, parts, None)

    async def change(request: Request) -> Response:
        return await _save(ui, request, parts, request.path_params["position"])

    async def move(request: Request) -> Response:
        return await _listed(ui, request, parts, _moved)

    async def duplicate(request: Request) -> Response:
        return await _listed(ui, request, parts, _duplicated)

    async def switch(request: Request) -> Response:
        return await _listed(ui, request, parts, _switched)

    async def delete(request: Request) -> Response:
        return await _listed(ui, request, parts, _deleted)

    async def restore(request: Request) -> Response:
        return await _restored(ui, request, parts)

    base = f"{BASE}/{parts.name}"
    one = f"{base}/{{position:int}}"
    return [
        Route(base, index),
        Route(base, add, methods=["POST"]),
        Route(f"{base}/restore", restore, methods=["POST"]),
        Route(one, change, methods=["POST"]),
        Route(f"{one}/move", move, methods=["POST"]),
        Route(f"{one}/duplicate", duplicate, methods=["POST"]),
        Route(f"{one}/switch", switch, methods=["POST"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]


async def _index(ui: Ui, request: Request, parts: PartList) -> Response:
    api = ui.api(request)
    loaded = await load(api, request)
    items = _items(parts, loaded)
    edit, new = _number(request, "edit"), request.query_params.get("new", "")
    editor: dict[str, Any] | None = None
    if edit is not None and edit < len(items):
        editor = _editor(parts, items[edit].kind, edit, items[edit].plain, items[edit].digest)
    elif new:
        kind = parts.kind(new)
        at = _number(request, "at")
        position = len(items) if at is None else min(at, len(items))
        plain = _blank(parts, kind, [item.id for item in items], request)
        editor = {**_editor(parts, kind, position, plain, ""), "new": True, "places": _places(items)}
    names = await offered(api, loaded.project) if editor else {}
    values = _list_values(parts, items)
    return await show(
        ui, request, loaded, parts.name, "scenarios/parts.html", editor=editor, names=names, **values
    )


async def _findings(ui: Ui, request: Request) -> Response:
    """What will fail, beside each step; asked for when the list is there already, as it takes a moment."""
    api = ui.api(request)
    loaded = await load(api, request)
    path = f"/projects/{loaded.project}/scenarios/{loaded.id}/findings"
    found = await api.get(path, ScenarioFindings)
    steps = LISTS[0]
    return ui.fragment(
        request,
        "scenarios/_findings.html",
        loaded=loaded,
        findings=found.findings,
        ids=[item.id for item in _items(steps, loaded)],
    )


async def _save(ui: Ui, request: Request, parts: PartList, position: int | None) -> Response:
    """Add a part, or change one."""
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    kind = parts.kind(form.text("kind"))
    fields = parts.fields(kind)
    plain, errors = part_fields.read(fields, form)
    given = form.text("was")
    at = position if position is not None else form.whole("place", "the place") or 0
    if kind.id != "reporter":
        plain["kind"] = kind.id
    problem: ScorelineError | None = None
    if not errors:
        try:
            converted(plain, parts.type)
            at, loaded = await _put(api, request, loaded, parts, plain, given, at)
            say = f"The {parts.noun} is saved." if given else f"The {parts.noun} is added."
            return ui.go(request, f"{loaded.url(parts.name)}#part-{at}", say=say)
        except FieldWrong as error:
            errors[_field(error.field, fields)] = error.message
        except _Changed as error:
            problem, given = error, error.digest
            loaded = error.loaded
        except ScorelineError as error:
            problem = _beside(error, loaded, parts, at, fields, errors)
    editor = {
        **_editor(parts, kind, at, {}, given),
        "values": part_fields.typed(fields, form),
        "errors": errors,
        "problem": problem,
        "new": position is None,
        "changes": problem.changes if isinstance(problem, _Changed) else (),
        "places": _places(_items(parts, loaded)),
    }
    return ui.fragment(
        request,
        "scenarios/_part_form.html",
        status=status_of(problem) if problem else 400,
        loaded=loaded,
        parts=parts,
        editor=editor,
        names={},
    )


class _Changed(Conflict):
    """Somebody changed the same part meanwhile."""

    def __init__(self, message: str, loaded: Loaded, digest: str, changes: Sequence[tuple[str, str]]) -> None:
        super().__init__(message, code="part-changed")
        self.loaded = loaded
        self.digest = digest
        self.changes = tuple(changes)


async def _put(
    api: Api, request: Request, loaded: Loaded, parts: PartList, plain: Plain, was: str, at: int
) -> tuple[int, Loaded]:
    """Save a part in place of the one that was edited, or as a new one; where it is then."""

    def change(items: list[Plain], loaded: Loaded) -> int:
        if not was:
            place = min(at, len(items))
            items.insert(place, plain)
            return place
        found = _find(items, at, was)
        if found is None:
            raise _changed(loaded, parts, items, at, plain)
        items[found] = {**plain, **_kept(items[found], plain)}
        return found

    return await _changing(api, request, loaded, parts, change)


async def _changing(
    api: Api,
    request: Request,
    loaded: Loaded,
    parts: PartList,
    change: Callable[[list[Plain], Loaded], int],
) -> tuple[int, Loaded]:
    """Change the list as it is now. Where somebody else was quicker, once more on what he left."""
    for tried in range(_TRIES):
        items = parts.of(loaded.definition)
        place = change(items, loaded)
        whole = msgspec.to_builtins(loaded.definition)
        wanted = converted({**whole, parts.name: items}, Scenario)
        try:
            return place, await save(api, loaded, wanted)
        except Conflict as error:
            if error.code != "stale-revision" or tried == _TRIES - 1:
                raise
            loaded = await load(api, request)
    raise AssertionError("it returns or raises")


async def _listed(
    ui: Ui,
    request: Request,
    parts: PartList,
    change: Callable[[Form, int, list[Plain]], tuple[int, str]],
) -> Response:
    """Do something with one part, and show the list again."""
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    position, was = request.path_params["position"], form.text("was")
    said = ""
    undo: Plain | None = None

    def apply(items: list[Plain], _: Loaded) -> int:
        nonlocal said, undo
        found = _find(items, position, was)
        if found is None:
            raise Conflict(
                f"somebody changed this {parts.noun} meanwhile; here is how it is now", code="part-changed"
            )
        before = items[found]
        place, said = change(form, found, items)
        undo = {"at": found, "part": before} if change is _deleted else None
        return place

    problem: ScorelineError | None = None
    try:
        _, loaded = await _changing(api, request, loaded, parts, apply)
    except ScorelineError as error:
        problem, undo = error, None
        if isinstance(error, Conflict):
            loaded = await load(api, request)
    values = _list_values(parts, _items(parts, loaded))
    return ui.fragment(
        request,
        "scenarios/_parts.html",
        status=200 if problem is None else status_of(problem),
        loaded=loaded,
        editor=None,
        names={},
        problem=problem,
        said=said,
        undo=undo,
        **values,
    )


async def _restored(ui: Ui, request: Request, parts: PartList) -> Response:
    """Put back what was deleted."""
    api, form = ui.api(request), await ui.form(request)
    loaded = await load(api, request)
    try:
        undo = msgspec.json.decode(form.raw("undo").encode())
        at, part = int(undo["at"]), dict(undo["part"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise Invalid("there is nothing to be put back", code="bad-form") from None

    def change(items: list[Plain], _: Loaded) -> int:
        items.insert(min(at, len(items)), part)
        return min(at, len(items))

    try:
        place, loaded = await _changing(api, request, loaded, parts, change)
    except FieldWrong as error:
        raise Invalid(error.message, code="bad-form") from None
    return ui.go(
        request, f"{loaded.url(parts.name)}?back={place}#part-{place}", say=f"The {parts.noun} is back."
    )


def _moved(form: Form, place: int, items: list[Plain]) -> tuple[int, str]:
    to = form.whole("to", "position")
    to = max(0, min(len(items) - 1, place if to is None else to))
    items.insert(to, items.pop(place))
    return to, f"It is number {to + 1} of {len(items)} now."


def _duplicated(_: Form, place: int, items: list[Plain]) -> tuple[int, str]:
    copy = dict(items[place])
    if "id" in copy:
        copy["id"] = _free_id(str(copy["id"]), [str(one["id"]) for one in items])
    elif "name" in copy:
        copy["name"] = f"{copy['name'] or copy.get('kind', '')} copy"
    items.insert(place + 1, copy)
    return place + 1, "A copy is below it."


def _switched(_: Form, place: int, items: list[Plain]) -> tuple[int, str]:
    enabled = not items[place]["enabled"]
    items[place] = {**items[place], "enabled": enabled}
    return place, f"Number {place + 1} is {'enabled' if enabled else 'disabled'}."


def _deleted(_: Form, place: int, items: list[Plain]) -> tuple[int, str]:
    items.pop(place)
    return place, f"Number {place + 1} is deleted."


def _items(parts: PartList, loaded: Loaded) -> list[Item]:
    if loaded.whole.definition is None:
        return []
    return [_item(parts, position, plain) for position, plain in enumerate(parts.of(loaded.whole.definition))]


def _item(parts: PartList, position: int, plain: Plain) -> Item:
    kind = parts.kind(str(plain.get("kind", "reporter")))
    when = "" if parts.name == "triggers" else condition(plain)
    if parts.name == "reporters":
        when = f"when a run {'begins' if plain['at'] == 'start' else 'has ended'}" + (
            f", {when}" if when and when != "always" else ""
        )
    return Item(
        position=position,
        digest=_digest(plain),
        kind=kind,
        id=str(plain.get("id", "")),
        label=str(plain.get("name") or kind.title),
        does=does(plain),
        condition=when,
        enabled=bool(plain.get("enabled", True)),
        can_be_enabled="enabled" in plain,
        plain=plain,
    )


def _list_values(parts: PartList, items: Sequence[Item]) -> dict[str, Any]:
    groups: dict[str, list[PartKind]] = {}
    for kind in parts.kinds:
        groups.setdefault(kind.group, []).append(kind)
    return {"parts": parts, "items": items, "groups": groups}


def _editor(parts: PartList, kind: PartKind, position: int, plain: Plain, digest: str) -> dict[str, Any]:
    fields = parts.fields(kind)
    return {
        "kind": kind,
        "position": position,
        "was": digest,
        "values": part_fields.shown(fields, plain),
        "errors": {},
        "problem": None,
        "new": False,
        "changes": (),
        "places": (),
    }


def _places(items: Sequence[Item]) -> list[tuple[int, str]]:
    """Where a new part may stand."""
    behind = [(item.position + 1, f"after {item.position + 1}: {item.label}") for item in items]
    return [*reversed(behind), (0, "as the first one")] if behind else [(0, "as the first one")]


def _blank(parts: PartList, kind: PartKind, ids: Sequence[str], request: Request) -> Plain:
    """What a new part has when nobody has typed anything; links may fill fields of it."""
    type_ = _type_of(parts, kind)
    plain: Plain = {}
    for one in msgspec.structs.fields(type_):
        if one.default is not msgspec.NODEFAULT:
            plain[one.encode_name] = msgspec.to_builtins(one.default)
        elif one.default_factory is not msgspec.NODEFAULT:
            plain[one.encode_name] = msgspec.to_builtins(one.default_factory())
    if "id" in {field.name for field in parts.own}:
        plain["id"] = _free_id(kind.id, ids)
    for field in kind.fields:
        if field.name in request.query_params:
            plain[field.name] = request.query_params[field.name]
    if any(field.name == "message/kind" for field in kind.fields):
        plain["message"] = {"kind": "mail"}
    return plain


def _type_of(parts: PartList, kind: PartKind) -> Any:
    if parts.name == "reporters":
        return Reporter
    return next(one for one in parts.type.__args__ if one.__struct_config__.tag == kind.id)


def _kept(before: Plain, plain: Plain) -> Plain:
    """What no form asks: whether it is enabled."""
    return {"enabled": before["enabled"]} if "enabled" in before and "enabled" not in plain else {}


def _find(items: Sequence[Plain], position: int, digest: str) -> int | None:
    """Where the part is now that was at a position."""
    order = sorted(range(len(items)), key=lambda place: abs(place - position))
    return next((place for place in order if _digest(items[place]) == digest), None)


def _changed(loaded: Loaded, parts: PartList, items: list[Plain], at: int, plain: Plain) -> _Changed:
    """What somebody else made of the part that is being saved."""
    same = next((one for one in items if "id" in one and one["id"] == plain.get("id")), None)
    if same is None and at < len(items) and "id" not in items[at]:
        same = items[at]
    if same is None:
        return _Changed(
            f"somebody deleted this {parts.noun} meanwhile; what you typed is still here: "
            "save it again to add it anew",
            loaded,
            "",
            (),
        )
    full = msgspec.to_builtins(converted(plain, parts.type))
    differ = [
        (name, f"{same.get(name)!s:.200}")
        for name in full
        if same.get(name) != full[name] and name not in ("kind", "enabled")
    ]
    return _Changed(
        f"somebody changed this {parts.noun} meanwhile; what you typed is still here: "
        "save it again to replace what he did",
        loaded,
        _digest(same),
        differ,
    )


def _beside(
    error: ScorelineError,
    loaded: Loaded,
    parts: PartList,
    at: int,
    fields: Sequence[Field],
    errors: dict[str, str],
) -> ScorelineError | None:
    """Put what is wrong beside the fields; gives what belongs to none."""
    rest: list[Wrong] = []
    for wrong in wrongs(error, loaded.id):
        if wrong.part == parts.name and wrong.position == at and wrong.field:
            errors.setdefault(_field(wrong.field, fields), wrong.message)
        else:
            rest.append(wrong)
    if not rest:
        return None
    lines = [
        f"{one.part}[{one.position}]{'.' + one.field if one.field else ''}: {one.message}"
        if one.position is not None and one.position != at
        else one.message
        for one in rest
    ]
    return Invalid("\n".join(lines), code=error.code) if isinstance(error, Invalid) else error


def _field(name: str, fields: Sequence[Field]) -> str:
    """The field of a form that a key of a definition belongs to."""
    names = [field.name for field in fields]
    if name in names:
        return name
    return next((one for one in names if one.split("/")[0] == name), names[0] if names else name)


def _free_id(wanted: str, taken: Sequence[str]) -> str:
    number, found = 2, wanted
    while found in taken:
        found = f"{wanted}{number}" if not wanted[-1:].isdigit() else f"{wanted}_{number}"
        number += 1
    return found


def _digest(plain: Plain) -> str:
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isdigit() and len(text) < 6 else None
