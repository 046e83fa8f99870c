"""Rows are encoded as scikit-learn encodes them, bit for bit, and in parts as at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoreline.core.model import FeatureHandling, HistGradientBoosting, Logistic, Task
from scoreline.studio.encoding import EncodedRows
from scoreline.studio.pipelines import fit_pipeline
from scoreline.studio.predicting import predict

HANDLINGS = {
    "plain": FeatureHandling(handling="numeric", missing="native"),
    "scaled": FeatureHandling(handling="numeric", missing="mean", scale="standard"),
    "one_hot": FeatureHandling(handling="category", max_categories=4),
    "filled": FeatureHandling(handling="category", missing="most_frequent"),
    "codes": FeatureHandling(handling="category", encode="ordinal", missing="constant", fill="?"),
}


def frame(rows: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(2, rows))
    numbers[generator.random((2, rows)) < 0.1] = np.nan
    texts = [
        np.array(["", "a", "b", "c", "d", "e", f"only {seed}"], dtype=object)[generator.integers(0, 7, rows)]
        for _ in range(3)
    ]
    columns = [*numbers, *texts]
    return pd.DataFrame(
        {name: pd.Series(values, dtype=values.dtype) for name, values in zip(HANDLINGS, columns, strict=True)}
    )


@pytest.fixture(scope="module")
def pipeline():
    target = np.random.default_rng(0).integers(0, 2, 400)
    return fit_pipeline(
        HistGradientBoosting(trees=10), frame(400, 1), target, HANDLINGS, task=Task.BINARY, classes=2, seed=3
    )


@pytest.mark.parametrize("rows", [1, 7, 500])
def test_the_matrix_is_scikit_learns_own(pipeline, rows):
    encoder = pipeline.named_steps["encode"]
    given = frame(rows, 2)

    encoded = EncodedRows(encoder, given)

    whole = encoded.matrix()
    expected = encoder.transform(given)
    assert whole.tobytes() == np.ascontiguousarray(expected).tobytes()
    parts = [encoded.matrix(start, start + 3) for start in range(0, rows, 3)]
    assert b"".join(part.tobytes() for part in parts) == whole.tobytes()


def test_predictions_are_those_of_the_pipeline(pipeline):
    given = frame(2_000, 4)

    scored = predict(pipeline, given, Task.BINARY, classes=2, threshold=0.5)

    assert scored.probas.tobytes() == pipeline.predict_proba(given).tobytes()


def test_a_model_of_one_category_predicts_many_rows():
    handling = {"one_hot": HANDLINGS["one_hot"]}
    given = frame(50, 5)[["one_hot"]]
    model = fit_pipeline(Logistic(), given, np.arange(50) % 2, handling, task=Task.BINARY, classes=2, seed=1)

    np.testing.assert_allclose(
        predict(model, given, Task.BINARY, classes=2, threshold=None).probas, model.predict_proba(given)
    )
