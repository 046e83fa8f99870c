"""What cannot be trained on is refused in words: what is wrong, where, and what to do."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from scoreline.core.model import (
    FeatureHandling,
    GradientBoosting,
    Logistic,
    Ridge,
    Task,
)
from scoreline.core.recipe import TrainRecipe
from scoreline.errors import Invalid
from scoreline.storage.models import ModelStore
from scoreline.studio.training import train

NUMERIC = FeatureHandling(handling="numeric")
CATEGORY = FeatureHandling(handling="category")


def refusal(table: pa.Table, folder: Path, **changes) -> str:
    """The message with which the training is refused; nothing may be left of it."""
    fields = {
        "input": "cards",
        "model": "m",
        "task": Task.BINARY,
        "target": "y",
        "features": {"x": NUMERIC},
        "algorithms": (Logistic(),),
    }
    store = ModelStore(folder / "m")
    with pytest.raises(Invalid) as caught:
        train(TrainRecipe(**fields | changes), table, store, by="ann", log=lambda line: None)
    assert store.ids() == ()
    assert store.active() is None
    return caught.value.message


def rows(count: int = 40, **columns) -> pa.Table:
    fields = {"x": [float(n % 7) for n in range(count)], "y": [n % 2 for n in range(count)]}
    return pa.table(fields | columns)


@pytest.mark.parametrize(
    ("table", "changes", "words"),
    [
        (rows(y=[1] * 40), {}, "target 'y' has the same value in every row of dataset 'cards'"),
        (
            rows(y=[1.5] * 40),
            {"task": Task.REGRESSION, "algorithms": (Ridge(),)},
            "target 'y' has the same value in every row",
        ),
        (
            rows(y=["a", "b", "c", "d"] * 10),
            {},
            "has 4 classes, a binary task has 2; choose the task multiclass",
        ),
        (
            rows(y=[str(n) for n in range(40)]),
            {"task": Task.MULTICLASS},
            "class '0' of target 'y' has a single row",
        ),
        (
            rows(240, y=[str(n % 120) for n in range(240)]),
            {"task": Task.MULTICLASS},
            "has 120 classes, at most 100 can be learned",
        ),
        (rows(y=["a"] * 39 + ["b"]), {}, "class 'b' of target 'y' has a single row"),
        (rows(), {"target": "Y"}, "no column 'Y', the target; did you mean 'y'?"),
        (rows(), {"features": {"xx": NUMERIC}}, "no column 'xx', the feature"),
        (rows(), {"features": {"y": NUMERIC}}, "'y' is the target and a feature as well"),
        (rows(), {"features": {}}, "names no feature"),
        (rows(), {"algorithms": ()}, "names no algorithm"),
        (rows(9), {}, "has 9 rows to train on, at least 10 are needed"),
        (rows(0), {}, "has 0 rows to train on"),
        (rows(y=[None] * 40), {}, "of 40, 40 have no 'y'"),
        (
            rows(x=[None] * 35 + [1.0] * 5),
            {"features": {"x": FeatureHandling(handling="numeric", missing="ignore_record")}},
            "35 lack a feature with `missing: ignore_record`",
        ),
        (rows(x=pa.nulls(40, pa.float64())), {}, "feature 'x' of dataset 'cards' is missing in all 40 rows"),
        (
            rows(x=[""] * 40),
            {"features": {"x": CATEGORY}},
            "feature 'x' of dataset 'cards' is missing in all",
        ),
        (
            rows(x=["1", "two", "three", "4"] * 10),
            {},
            "is numeric, but 20 rows hold something else, the first is row 2",
        ),
        (rows(x=[1.0] * 39 + [math.inf]), {}, "row 40 holds a number that is infinite"),
        (
            rows(y=["high", "low"] * 20),
            {"task": Task.REGRESSION, "algorithms": (Ridge(),)},
            "or choose the task binary or multiclass",
        ),
        (rows(), {"positive": "yes"}, "the positive class 'yes' is not among the values of 'y'"),
        (rows(), {"metric": "aucc"}, "did you mean 'auc'?"),
        (rows(), {"task": Task.REGRESSION}, "logistic predicts classes, not numbers"),
        (rows(), {"algorithms": (Ridge(),)}, "ridge predicts numbers; use logistic"),
        (
            rows(),
            {
                "features": {"x": FeatureHandling(handling="numeric", missing="native")},
                "algorithms": (GradientBoosting(),),
            },
            "gradient_boosting cannot handle missing values itself, as feature 'x' asks",
        ),
        (
            rows(),
            {"features": {"x": FeatureHandling(handling="category", missing="median")}},
            "feature 'x' is a category, so `missing: median` cannot be",
        ),
        (
            rows(),
            {"features": {"x": FeatureHandling(handling="numeric", missing="constant")}},
            "feature 'x' has `missing: constant` but no `fill`",
        ),
        (
            rows(),
            {"features": {"x": FeatureHandling(handling="numeric", missing="constant", fill="none")}},
            "feature 'x' is numeric but its `fill` is text",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_words(table, changes, words, tmp_path):
    message = refusal(table, tmp_path, **changes)

    assert words in message
    assert len(message) < 300


WITHOUT_LIBRARY = """
    import sys
    sys.modules[{library!r}] = None  # what an import finds when it is not installed
    import pyarrow as pa, msgspec
    from pathlib import Path
    from scoreline.core.recipe import TrainRecipe
    from scoreline.errors import MissingExtra
    from scoreline.storage.models import ModelStore
    from scoreline.studio.training import train
    recipe = msgspec.convert({{
        "kind": "train", "input": "d", "model": "m", "task": "binary", "target": "y",
        "features": {{"x": {{"handling": "numeric"}}}}, "algorithms": [{{"kind": {library!r}}}],
    }}, TrainRecipe)
    table = pa.table({{"x": [float(n) for n in range(40)], "y": [n % 2 for n in range(40)]}})
    try:
        train(recipe, table, ModelStore(Path({folder!r})), by="ann", log=print)
    except MissingExtra as error:
        print(error.message)
"""


@pytest.mark.slow
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_a_library_that_is_not_installed_is_named_with_the_command_that_installs_it(library, tmp_path):
    code = textwrap.dedent(WITHOUT_LIBRARY).format(library=library, folder=str(tmp_path / "m"))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert f"pip install 'scoreline[{library}]'" in done.stdout
