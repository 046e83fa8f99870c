"""What is to be built, as the recipes that make it."""

from __future__ import annotations

from collections.abc import Sequence

from scoreline.core.flow import makers
from scoreline.core.names import did_you_mean
from scoreline.core.project import Project
from scoreline.core.recipe import EvaluateRecipe, ScoreRecipe, StandaloneEvaluateRecipe, TrainRecipe
from scoreline.errors import Invalid, NotFound

_OF_MODELS = (EvaluateRecipe, ScoreRecipe, StandaloneEvaluateRecipe, TrainRecipe)


def is_heavy(project: Project, names: Sequence[str]) -> bool:
    """Whether making what is named loads the libraries that models need. Raises as `recipes_for`."""
    return any(isinstance(project.recipes[name], _OF_MODELS) for name in recipes_for(project, names))


def recipes_for(project: Project, names: Sequence[str]) -> tuple[str, ...]:
    """The recipes that make what is named; all when nothing is. Items come before recipes of one name."""
    if not names:
        return tuple(project.recipes)
    made = makers(project.recipes)
    items = {*project.datasets, *project.models, *project.evaluation_stores}
    found: dict[str, None] = {}
    for name in names:
        if name in made:
            found[made[name]] = None
        elif name in items:
            raise Invalid(f"nothing builds {name!r}: no recipe writes it", code="not-made")
        elif name in project.recipes:
            found[name] = None
        else:
            known = did_you_mean(name, {*made, *project.recipes})
            raise NotFound(f"there is no dataset, model, evaluation store or recipe {name!r}; {known}")
    return tuple(found)
