"""Recipes: the steps of a flow, each from inputs to outputs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from scoreline.core.drift import DriftSettings
from scoreline.core.model import Algorithm, FeatureHandling, Task, Threshold

Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
"""Where a draw of random numbers starts."""


class SqlRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="sql"):
    """One SELECT over the inputs, each visible as a table of its own id. The text is in `<id>.sql`; it may
    name variables of the project as `${NAME}`."""

    inputs: tuple[str, ...]
    output: str
    description: str = ""


class PythonRecipe(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="python"
):
    """A function in `<id>.py`: called with the inputs by name, returns the output, or a dict by output id."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    function: str = "run"
    frames: Literal["arrow", "pandas"] = "pandas"
    """What the function takes and returns: pyarrow.Table or pandas.DataFrame."""
    description: str = ""


class SplitPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of a split: the rows where a condition holds, or a share of the rows that are left."""

    dataset: str
    where: str | None = None
    """A SQL condition on the input's columns; it may name variables of the project as `${NAME}`. Rows go to
    the first part whose condition holds."""
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Share of the rows that no condition took. Shares sum to at most 1. A part with neither `where`
    nor `share` takes whatever is left."""


class SplitRecipe(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="split"
):
    """Deals the rows of one dataset to several; every row goes to at most one of them."""

    input: str
    parts: tuple[SplitPart, ...]
    seed: Seed = 0
    description: str = ""


class TrainRecipe(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="train"
):
    """Trains one or several algorithms on a dataset; the best becomes the model's new active version."""

    input: str
    model: str
    task: Task
    target: str
    features: dict[str, FeatureHandling]
    """By column name, in this order. Columns not named here are not used."""
    algorithms: tuple[Algorithm, ...]
    metric: str | None = None
    """Which metric decides; None: auc (binary), log_loss (multiclass), r2 (regression)."""
    threshold: Threshold = Threshold()
    """Binary only: from which probability of the positive class on it is predicted."""
    positive: str | None = None
    """Binary only: the positive class; None: the greater of the two, in the order of the target's type."""
    test_share: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    seed: Seed = 42
    description: str = ""


class ScoreRecipe(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="score"
):
    """Adds `prediction` (and `proba_<class>`) columns by the active version of a model."""

    input: str
    model: str
    output: str
    description: str = ""


class EvaluateRecipe(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="evaluate"
):
    """Measures the active version of a model on a dataset, and how far its rows and predictions have drifted.
    The result lands in an evaluation store. Without the target there are no metrics, but there is drift."""

    input: str
    model: str
    store: str
    reference: str | None = None
    """The dataset that drift is measured against; None: the test rows of the model version."""
    drift: DriftSettings = DriftSettings()
    seed: Seed = 42
    """Of the rows that are drawn for the domain classifier and for the sample."""
    description: str = ""


class StandaloneEvaluateRecipe(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="standalone_evaluate",
):
    """Measures how far the rows of a dataset have drifted from those of another one, without a model.
    Predictions that stand in a column are compared, too, and measured where the truth is known."""

    input: str
    reference: str
    """The dataset that drift is measured against."""
    store: str
    task: Task | None = None
    """What the predictions are; needed with `prediction`."""
    prediction: str | None = None
    """The column of the predicted classes or numbers."""
    probas: dict[str, str] = {}
    """Class -> column of its probability. Binary: the positive class last; its column is enough."""
    target: str | None = None
    """The column of the truth."""
    drift: DriftSettings = DriftSettings()
    seed: Seed = 42
    """Of the rows that are drawn for the domain classifier and for the sample."""
    description: str = ""


Recipe = (
    SqlRecipe
    | PythonRecipe
    | SplitRecipe
    | TrainRecipe
    | ScoreRecipe
    | EvaluateRecipe
    | StandaloneEvaluateRecipe
)


def inputs_of(recipe: Recipe) -> tuple[str, ...]:
    """Ids of the datasets and models that a recipe reads."""
    match recipe:
        case SqlRecipe() | PythonRecipe():
            return recipe.inputs
        case SplitRecipe() | TrainRecipe():
            return (recipe.input,)
        case ScoreRecipe():
            return (recipe.input, recipe.model)
        case EvaluateRecipe():
            given = (recipe.reference,) if recipe.reference is not None else ()
            return (recipe.input, *given, recipe.model)
        case StandaloneEvaluateRecipe():
            return (recipe.input, recipe.reference)


def outputs_of(recipe: Recipe) -> tuple[str, ...]:
    """Ids of the datasets, models and evaluation stores that a recipe writes."""
    match recipe:
        case SqlRecipe() | ScoreRecipe():
            return (recipe.output,)
        case PythonRecipe():
            return recipe.outputs
        case SplitRecipe():
            return tuple(part.dataset for part in recipe.parts)
        case TrainRecipe():
            return (recipe.model,)
        case EvaluateRecipe() | StandaloneEvaluateRecipe():
            return (recipe.store,)
