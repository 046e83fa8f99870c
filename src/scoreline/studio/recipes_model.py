"""Train, score and evaluate recipes: what the flow asks of models."""

from __future__ import annotations

from scoreline.core.recipe import EvaluateRecipe, ScoreRecipe, TrainRecipe
from scoreline.storage.models import ModelStore
from scoreline.studio.evaluation import evaluate
from scoreline.studio.recipe_run import RecipeRun
from scoreline.studio.scoring_rows import score_table
from scoreline.studio.training import train


def run_train(recipe: TrainRecipe, run: RecipeRun) -> dict[str, int]:
    """Train a new version of the model and make it the active one."""
    train(recipe, run.read(recipe.input), _store(recipe.model, run), by=run.by, log=run.log)
    return {}


def run_score(recipe: ScoreRecipe, run: RecipeRun) -> dict[str, int]:
    """Write the input with the predictions of the model's active version."""
    scored = score_table(_store(recipe.model, run), run.read(recipe.input), dataset=recipe.input)
    return {recipe.output: run.write(recipe.output, scored)}


def run_evaluate(recipe: EvaluateRecipe, run: RecipeRun) -> dict[str, int]:
    """Measure the model's active version; the evaluation lands in the store."""
    folder = run.workspace.evaluations(recipe.store)
    table = run.read(recipe.input)
    digest = run.tables.digest(recipe.input)
    evaluate(
        recipe,
        _store(recipe.model, run),
        table,
        folder,
        dataset_digest=digest,
        by=run.by,
        log=run.log,
    )
    return {}


def _store(model_id: str, run: RecipeRun) -> ModelStore:
    return ModelStore(run.workspace.model(model_id))
