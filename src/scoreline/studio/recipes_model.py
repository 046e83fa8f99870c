"""Train, score and evaluate recipes: what the flow asks of models."""

from __future__ import annotations

from scoreline.core.recipe import EvaluateRecipe, ScoreRecipe, StandaloneEvaluateRecipe, TrainRecipe
from scoreline.storage.evaluations import Evaluations
from scoreline.storage.models import ModelStore
from scoreline.studio.evaluation import evaluate
from scoreline.studio.evaluation_files import About
from scoreline.studio.evaluation_standalone import evaluate_standalone
from scoreline.studio.recipe_run import RecipeRun
from scoreline.studio.reference_rows import GivenReference
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
    reference = _given(recipe.reference, run) if recipe.reference is not None else None
    table = run.read(recipe.input)
    evaluate(recipe, _store(recipe.model, run), table, _about(recipe, run), reference)
    return {}


def run_standalone_evaluate(recipe: StandaloneEvaluateRecipe, run: RecipeRun) -> dict[str, int]:
    """Compare the input with the reference; the evaluation lands in the store."""
    reference = _given(recipe.reference, run)
    evaluate_standalone(recipe, run.read(recipe.input), reference, _about(recipe, run))
    return {}


def _given(dataset: str, run: RecipeRun) -> GivenReference:
    return GivenReference(dataset, run.read(dataset), run.tables.digest(dataset))


def _about(recipe: EvaluateRecipe | StandaloneEvaluateRecipe, run: RecipeRun) -> About:
    return About(
        recipe=run.recipe_id,
        evaluations=Evaluations(run.workspace.evaluations(recipe.store)),
        dataset_digest=run.tables.digest(recipe.input),
        by=run.by,
        scratch=run.scratch,
        log=run.log,
    )


def _store(model_id: str, run: RecipeRun) -> ModelStore:
    return ModelStore(run.workspace.model(model_id))
