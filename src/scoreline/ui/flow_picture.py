"""The picture of a flow: boxes for what there is, circles for recipes, lines between, each with its words."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from scoreline.ui.api import path_to
from scoreline.ui.figures import plural
from scoreline.ui.flow_layout import Box, Layout, curve, layout
from scoreline.wire.control_flow import Flow, FlowItem, FlowRecipe

BOX_WIDTH, BOX_HEIGHT = 190.0, 50.0
CIRCLE, CIRCLE_HEIGHT = 40.0, 66.0
_ZONE_HEAD = 30.0
_TEXT_ROOM = 133.0
_NARROW, _WIDE = frozenset("ijltfrI.,:;|!'()[] -"), frozenset("mwMW@%")
NOUNS = {
    "files": "Dataset",
    "sql": "Dataset",
    "managed": "Dataset",
    "model": "Model",
    "evaluation_store": "Evaluation store",
}
_PICTURES = {
    "files": "file-text",
    "sql": "plug",
    "managed": "database",
    "model": "brain",
    "evaluation_store": "scan-search",
}
_CLASSES = {"model": "model", "evaluation_store": "store"}
_PLACES = {"model": "models", "evaluation_store": "evaluation-stores"}
RECIPE_PICTURES = {
    "sql": "table-2",
    "python": "code",
    "split": "split",
    "train": "target",
    "score": "sparkles",
    "evaluate": "gauge",
    "standalone_evaluate": "gauge",
}
RECIPE_WORDS = {
    "sql": "SQL",
    "python": "Python",
    "split": "Split",
    "train": "Train",
    "score": "Score",
    "evaluate": "Evaluate",
    "standalone_evaluate": "Evaluate",
}
STATES = {
    "source": "source",
    "fresh": "up to date",
    "stale": "stale",
    "waiting": "waits for its turn",
    "building": "being built",
    "failed": "failed",
}
"""State of a recipe, or of what it makes, in words."""


class Node(Struct, frozen=True, kw_only=True):
    """Something in the picture."""

    id: str
    """`item:ID`, `recipe:ID` or `service:ID`."""
    kind: str
    """`dataset`, `model`, `store`, `recipe` or `service`: its colour."""
    x: float
    y: float
    """Of its middle."""
    lines: tuple[str, ...]
    """Its name, as it fits."""
    about: str
    picture: str
    state: str
    label: str
    """All of it in words."""
    url: str


class Line(Struct, frozen=True, kw_only=True):
    """A line between two of them."""

    source: str
    target: str
    path: str


class Zone(Struct, frozen=True, kw_only=True):
    """A frame around what belongs together."""

    name: str
    x: float
    y: float
    width: float
    height: float


class Picture(Struct, frozen=True, kw_only=True):
    """A flow as it is drawn."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    width: float
    height: float
    shape: str
    """The same as long as nothing but states and numbers changes."""


def picture(flow: Flow) -> Picture:
    """Draw a flow."""
    shape = _shape(flow)
    placed = _placed(flow)
    nodes: list[Node] = []
    for item in flow.items:
        spot = placed.spots[f"item:{item.id}"]
        nodes.append(
            Node(
                id=f"item:{item.id}",
                kind=_CLASSES.get(item.kind, "dataset"),
                x=spot.x,
                y=spot.y,
                lines=fitted(item.name or item.id, _TEXT_ROOM),
                about=item_about(item),
                picture=_PICTURES[item.kind],
                state=item.state,
                label=item_label(item),
                url=item_url(flow.project, item),
            )
        )
    for recipe in flow.recipes:
        spot = placed.spots[f"recipe:{recipe.id}"]
        nodes.append(
            Node(
                id=f"recipe:{recipe.id}",
                kind="recipe",
                x=spot.x,
                y=spot.y,
                lines=(RECIPE_WORDS[recipe.kind],),
                about="",
                picture=RECIPE_PICTURES[recipe.kind],
                state=recipe.state,
                label=recipe_label(recipe),
                url=path_to("projects", flow.project, "recipes", recipe.id),
            )
        )
    for service in flow.services:
        spot = placed.spots[f"service:{service.id}"]
        nodes.append(
            Node(
                id=f"service:{service.id}",
                kind="service",
                x=spot.x,
                y=spot.y,
                lines=fitted(service.id, _TEXT_ROOM),
                about="API service",
                picture="zap",
                state="source",
                label=f"API service {service.id}",
                url=path_to("projects", flow.project, "services", service.id),
            )
        )
    return Picture(
        nodes=tuple(nodes),
        lines=tuple(
            Line(source=source, target=target, path=curve(points))
            for (source, target), points in zip(_lines(flow), placed.lines, strict=True)
        ),
        zones=tuple(
            Zone(name=one.band, x=one.x, y=one.y, width=one.width, height=one.height) for one in placed.frames
        ),
        width=placed.width,
        height=placed.height,
        shape=shape,
    )


def states(flow: Flow) -> Mapping[str, tuple[str, str, str]]:
    """What changes of a picture while its shape stays: of each node its state, its line below, its words."""
    found = {f"item:{one.id}": (one.state, item_about(one), item_label(one)) for one in flow.items}
    found |= {f"recipe:{one.id}": (one.state, "", recipe_label(one)) for one in flow.recipes}
    return found


def item_url(project: str, item: FlowItem) -> str:
    """Where an item has its page."""
    return path_to("projects", project, _PLACES.get(item.kind, "datasets"), item.id)


def item_about(item: FlowItem) -> str:
    """A few words below its name."""
    match item.kind:
        case "managed":
            return plural(item.rows, "row") if item.rows is not None else "not built yet"
        case "files":
            return "File"
        case "sql":
            return "SQL table"
        case "model":
            return f"version {item.detail}" if item.detail else "not trained yet"
        case "evaluation_store":
            return "Evaluation store"


def item_label(item: FlowItem) -> str:
    """An item in words."""
    name = f"{item.name}, {item.id}" if item.name and item.name != item.id else item.id
    return f"{NOUNS[item.kind]} {name}: {STATES[item.state]}, {item_about(item)}"


def recipe_label(recipe: FlowRecipe) -> str:
    """A recipe in words."""
    why = f" ({recipe.reason})" if recipe.reason and recipe.state == "stale" else ""
    return f"{RECIPE_WORDS[recipe.kind]} recipe {recipe.id}: {STATES[recipe.state]}{why}"


def _lines(flow: Flow) -> tuple[tuple[str, str], ...]:
    there = {one.id for one in flow.items}
    found: list[tuple[str, str]] = []
    for recipe in flow.recipes:
        found += [(f"item:{one}", f"recipe:{recipe.id}") for one in recipe.inputs if one in there]
        found += [(f"recipe:{recipe.id}", f"item:{one}") for one in recipe.outputs if one in there]
    for service in flow.services:
        found += [(f"item:{one}", f"service:{service.id}") for one in service.uses if one in there]
    return tuple(dict.fromkeys(found))


def _placed(flow: Flow) -> Layout:
    zone_of = {one: zone.name for zone in flow.zones for one in zone.items}
    boxes = [Box(f"item:{one.id}", BOX_WIDTH, BOX_HEIGHT, zone_of.get(one.id, "")) for one in flow.items]
    boxes += [
        Box(f"recipe:{one.id}", CIRCLE, CIRCLE_HEIGHT, _first(zone_of, one.outputs)) for one in flow.recipes
    ]
    # Two columns on, where boxes as wide as its own stand.
    boxes += [
        Box(f"service:{one.id}", BOX_WIDTH, BOX_HEIGHT, _first(zone_of, one.uses), apart=2)
        for one in flow.services
    ]
    return layout(tuple(boxes), _lines(flow), head=_ZONE_HEAD)


def _first(zone_of: Mapping[str, str], items: Iterable[str]) -> str:
    return next((zone_of[one] for one in items if one in zone_of), "")


def _shape(flow: Flow) -> str:
    parts = [f"{one.kind}:{one.id}:{one.name}" for one in flow.items]
    parts += [f"{one.kind}:{one.id}" for one in flow.recipes]
    parts += [f"{zone.name}:{zone.items}" for zone in flow.zones]
    whole = "\n".join([*parts, *(" ".join(line) for line in _lines(flow))])
    return hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()


@functools.lru_cache(maxsize=4_096)
def fitted(text: str, room: float, most: int = 2) -> tuple[str, ...]:
    """A name in at most so many lines, parted where words end; what does not fit ends with an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if line and _width((line + word).rstrip()) > room and len(lines) < most - 1:
            lines.append(line.rstrip())
            line = ""
        line += word
    lines.append(line.rstrip())
    return tuple(_cut(one, room) for one in lines)


def _words(text: str) -> Sequence[str]:
    words, word = [], ""
    for sign in text:
        word += sign
        if sign in " _-./":
            words.append(word)
            word = ""
    return [*words, word] if word else words


def _cut(line: str, room: float) -> str:
    if _width(line) <= room:
        return line
    while line and _width(line + "…") > room:
        line = line[:-1]
    return line.rstrip() + "…"


def _width(text: str) -> float:
    """About how wide a text is in the picture's type."""
    return sum(3.6 if sign in _NARROW else 10.6 if sign in _WIDE else 7.3 for sign in text)
