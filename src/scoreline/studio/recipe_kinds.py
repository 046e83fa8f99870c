"""Which code runs which kind of recipe, loaded when the first of its kind runs."""

from __future__ import annotations

from scoreline.core.recipe import (
    EvaluateRecipe,
    PythonRecipe,
    ScoreRecipe,
    SplitRecipe,
    SqlRecipe,
    StandaloneEvaluateRecipe,
    TrainRecipe,
)
from scoreline.studio.recipe_run import RecipeRun


def run_recipe(run: RecipeRun) -> dict[str, int]:
    """Run a recipe, whatever its kind; gives the rows written by dataset."""
    recipe = run.project.recipes[run.recipe_id]
    match recipe:
        case SqlRecipe():
            from scoreline.studio.recipes_sql import run_sql

            return run_sql(recipe, run)
        case SplitRecipe():
            from scoreline.studio.recipes_sql import run_split

            return run_split(recipe, run)
        case PythonRecipe():
            from scoreline.studio.recipes_python import run_python

            return run_python(recipe, run)
        case TrainRecipe():
            from scoreline.studio.recipes_model import run_train

            return run_train(recipe, run)
        case ScoreRecipe():
            from scoreline.studio.recipes_model import run_score

            return run_score(recipe, run)
        case EvaluateRecipe():
            from scoreline.studio.recipes_model import run_evaluate

            return run_evaluate(recipe, run)
        case StandaloneEvaluateRecipe():
            from scoreline.studio.recipes_model import run_standalone_evaluate

            return run_standalone_evaluate(recipe, run)
