"""The flow: which recipe makes what, in which order, and what stands downstream of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scoreline.core.recipe import Recipe, inputs_of, outputs_of


def makers(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    """Item id -> id of the recipe that writes it. If two do, the first in the mapping is given."""
    made: dict[str, str] = {}
    for recipe_id, recipe in recipes.items():
        for output in outputs_of(recipe):
            made.setdefault(output, recipe_id)
    return made


def upstream(recipes: Mapping[str, Recipe], recipe_id: str) -> tuple[str, ...]:
    """Ids of the recipes whose outputs this recipe reads, each once, in the order of its inputs."""
    return _above(makers(recipes), recipes[recipe_id])


def upstreams(recipes: Mapping[str, Recipe]) -> dict[str, tuple[str, ...]]:
    """For every recipe what `upstream` gives."""
    made = makers(recipes)
    return {recipe_id: _above(made, recipe) for recipe_id, recipe in recipes.items()}


def find_cycle(recipes: Mapping[str, Recipe]) -> tuple[str, ...] | None:
    """Recipe ids that go round in a circle, the first one again at the end; None when there is no cycle."""
    done: set[str] = set()
    above = upstreams(recipes)
    for start in recipes:
        path: list[str] = []
        stack = [(start, iter(above[start]))] if start not in done else []
        if stack:
            path.append(start)
        while stack:
            _, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                done.add(path.pop())
            elif following in path:
                circle = path[path.index(following) :]
                return tuple(reversed([*circle, following]))
            elif following not in done:
                path.append(following)
                stack.append((following, iter(above[following])))
    return None


def build_order(recipes: Mapping[str, Recipe], wanted: Iterable[str]) -> tuple[str, ...]:
    """The recipes to run so that the wanted recipes can run: those and all upstream, inputs before outputs.

    The flow has no cycle (`find_cycle`). Deterministic: ties stand in the order of the mapping.
    """
    wanted_set = set(wanted)
    needed = upstreams(recipes)
    order: dict[str, None] = {}
    for start in recipes:
        if start not in wanted_set:
            continue
        stack = [start]
        while stack:
            current = stack[-1]
            waiting = [above for above in needed[current] if above not in order]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                order.setdefault(stack.pop())
    return tuple(order)


def _above(made: Mapping[str, str], recipe: Recipe) -> tuple[str, ...]:
    return tuple(dict.fromkeys(made[item] for item in inputs_of(recipe) if item in made))
