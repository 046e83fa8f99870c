"""Consistency: what must hold between the definitions of a project."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from scoreline.core.complaint import Complaint, Known, Spot
from scoreline.core.dataset_checks import connection_spots, dataset_spots
from scoreline.core.evaluation_check import check_spots
from scoreline.core.flow import find_cycle
from scoreline.core.names import ID_RULE, is_id, shortened
from scoreline.core.project import FLOW_KINDS, Kind, Project
from scoreline.core.recipe import (
    EvaluateRecipe,
    PythonRecipe,
    Recipe,
    SplitRecipe,
    StandaloneEvaluateRecipe,
    TrainRecipe,
    outputs_of,
)
from scoreline.core.recipe_checks import recipe_spots
from scoreline.core.scenario_checks import scenario_circles, scenario_spots
from scoreline.core.service_checks import service_spots

_CHECKS: Mapping[Kind, Callable[[Any, Known], Iterator[Spot]]] = {
    Kind.CONNECTION: lambda connection, _: connection_spots(connection),
    Kind.DATASET: dataset_spots,
    Kind.RECIPE: recipe_spots,
    Kind.EVALUATION_STORE: lambda store, _: check_spots(store.checks),
    Kind.SERVICE: service_spots,
    Kind.SCENARIO: scenario_spots,
}


def complaints(project: Project, ids: Mapping[Kind, Collection[str]]) -> Iterator[Complaint]:
    """Everything that does not fit together.

    `project` holds the definitions that are sound by themselves; `ids` all ids, so that a reference to an
    unsound definition is not called dangling.
    """
    known = Known(project, ids)
    if not is_id(project.settings.id):
        yield Complaint(None, "", ("id",), f"{shortened(project.settings.id)} cannot be an id: {ID_RULE}")
    yield from _names(ids)
    for kind, check in _CHECKS.items():
        for id_, definition in project.of(kind).items():
            for at, message in check(definition, known):
                yield Complaint(kind, id_, at, message)
    yield from _writers(project.recipes)
    cycle = find_cycle(project.recipes)
    if cycle is not None:
        yield Complaint(Kind.RECIPE, cycle[0], (), f"recipes go round in a circle: {_round(cycle)}")
    yield from scenario_circles(project.scenarios)


def _names(ids: Mapping[Kind, Collection[str]]) -> Iterator[Complaint]:
    """Ids that cannot be one, or are taken: in their kind, or by another item of the flow."""
    taken: dict[tuple[bool, Kind | None, str], tuple[Kind, str]] = {}
    for kind in Kind:
        for id_ in sorted(ids[kind]):
            if not is_id(id_):
                yield Complaint(kind, id_, (), f"{shortened(id_)} cannot be an id: {ID_RULE}")
            in_flow = kind in FLOW_KINDS
            other = taken.setdefault((in_flow, None if in_flow else kind, id_.casefold()), (kind, id_))
            if other != (kind, id_):
                message = f"the id is taken by the {other[0].noun} {shortened(other[1])}; choose another one"
                yield Complaint(kind, id_, (), message)


def _writers(recipes: Mapping[str, Recipe]) -> Iterator[Complaint]:
    """Items that two recipes write."""
    writers: dict[str, str] = {}
    for recipe_id, recipe in recipes.items():
        for position, item in enumerate(outputs_of(recipe)):
            first = writers.setdefault(item, recipe_id)
            if first != recipe_id:
                message = f"{shortened(item)} is written by recipe {shortened(first)} already"
                yield Complaint(Kind.RECIPE, recipe_id, _output_spot(recipe, position), message)


def _output_spot(recipe: Recipe, position: int) -> tuple[str | int, ...]:
    match recipe:
        case PythonRecipe():
            return ("outputs", position)
        case SplitRecipe():
            return ("parts", position, "dataset")
        case TrainRecipe():
            return ("model",)
        case EvaluateRecipe() | StandaloneEvaluateRecipe():
            return ("store",)
        case _:
            return ("output",)


def _round(cycle: tuple[str, ...]) -> str:
    shown = [*cycle[:6], "…", cycle[-1]] if len(cycle) > 8 else [*cycle]
    return " -> ".join(shown)
