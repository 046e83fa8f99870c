"""Models: what is learned, how each feature is handled, and the signature a model version answers to."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from scoreline.core.schema import ColumnType


class Task(Enum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


METRICS: dict[Task, tuple[str, ...]] = {
    Task.BINARY: (
        "auc",
        "average_precision",
        "log_loss",
        "brier",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "mcc",
    ),
    Task.MULTICLASS: ("log_loss", "auc", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc"),
    Task.REGRESSION: ("r2", "rmse", "mae", "median_ae"),
}
"""What is measured of a model; any of them can choose among algorithms, the first does where none is named.
Multiclass: auc (one against the rest), precision, recall and f1 are means over classes."""


class SavedModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trained thing in the flow. Its versions and which of them is active are kept beside it, not in it."""

    name: str = ""
    description: str = ""


class FeatureHandling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one column becomes numbers for the algorithm."""

    handling: Literal["numeric", "category"]
    missing: Literal["median", "mean", "most_frequent", "constant", "native", "ignore_record"] | None = None
    """What a missing value becomes. `native`: the algorithm handles it itself; for categories also: a
    category of its own. `ignore_record`: a record without it is not scored, a row without it not trained on.
    None: `median` (numeric), `native` (category)."""
    fill: float | str | None = None
    """The value for `missing: constant`."""
    scale: Literal["standard", "min_max", "none"] = "none"
    """Numeric only."""
    encode: Literal["one_hot", "ordinal", "native"] = "one_hot"
    """Category only. `native`: the algorithm's own categorical splits, where it has them."""
    max_categories: Annotated[int, Meta(ge=2, le=10_000)] = 200
    """Category only: the most frequent so many; the others are treated as one unknown category."""


class Logistic(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="logistic"
):
    """Logistic regression (binary, multiclass)."""

    c: Annotated[float, Meta(gt=0)] = 1.0
    """Inverse strength of the L2 penalty."""


class Ridge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="ridge"):
    """Ridge regression (regression)."""

    alpha: Annotated[float, Meta(ge=0)] = 1.0


class RandomForest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="random_forest"
):
    """scikit-learn's random forest."""

    trees: Annotated[int, Meta(ge=1, le=5_000)] = 100
    max_depth: Annotated[int, Meta(ge=1, le=64)] | None = 12
    min_leaf: Annotated[int, Meta(ge=1)] = 5


class GradientBoosting(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="gradient_boosting"
):
    """scikit-learn's gradient boosting."""

    trees: Annotated[int, Meta(ge=1, le=5_000)] = 100
    max_depth: Annotated[int, Meta(ge=1, le=64)] = 3
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.1
    subsample: Annotated[float, Meta(gt=0, le=1)] = 1.0


class HistGradientBoosting(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="hist_gradient_boosting",
):
    """scikit-learn's histogram gradient boosting: fast on many rows, native missing values and categories."""

    trees: Annotated[int, Meta(ge=1, le=5_000)] = 100
    max_leaves: Annotated[int, Meta(ge=2, le=4_096)] = 31
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.1


class LightGBM(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="lightgbm"
):
    """LightGBM (extra `lightgbm`)."""

    trees: Annotated[int, Meta(ge=1, le=5_000)] = 100
    max_leaves: Annotated[int, Meta(ge=2, le=4_096)] = 31
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.1


class XGBoost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="xgboost"):
    """XGBoost (extra `xgboost`)."""

    trees: Annotated[int, Meta(ge=1, le=5_000)] = 100
    max_depth: Annotated[int, Meta(ge=1, le=16)] = 6
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 0.1


Algorithm = Logistic | Ridge | RandomForest | GradientBoosting | HistGradientBoosting | LightGBM | XGBoost


class Threshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which probability of the positive class on a binary model predicts it."""

    rule: Literal["f1", "accuracy", "youden", "fixed"] = "f1"
    """`f1`, `accuracy`, `youden`: the value that is best by it on the test rows. `fixed`: `value`."""
    value: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Feature(Struct, frozen=True, kw_only=True):
    """One input of a model version."""

    name: str
    type: ColumnType
    handling: Literal["numeric", "category"]
    missing: str
    """As in FeatureHandling, with the default resolved."""
    minimum: float | None = None
    """Smallest value seen in training (numeric)."""
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    """Values seen in training, as text, the most frequent first (category)."""

    @property
    def required(self) -> bool:
        """Whether a record without this feature is not scored."""
        return self.missing == "ignore_record"


class Signature(Struct, frozen=True, kw_only=True):
    """What a model version takes and gives."""

    task: Task
    target: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] = ()
    """Labels as text, in the order of the model's outputs; for binary the positive class is the last."""
    threshold: float | None = None
    """Binary: the positive class is predicted from this probability on (>=)."""
