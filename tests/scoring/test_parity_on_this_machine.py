"""Parity on the machine as it is: with AVX-512, NumPy computes the exponential in its own way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CHECK = """
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from scoreline.core.model import Feature, Signature, Task
from scoreline.core.schema import ColumnType
from scoreline.scoring.export import export_model
from scoreline.scoring.files import load_scorer
from scoreline.scoring.parity import check_parity

draw = np.random.default_rng(7)
frame = pd.DataFrame({name: draw.normal(size=600) for name in "ab"})
labels = np.digitize(frame["a"] + frame["b"] * draw.normal(size=600), [-0.5, 0.5])
encoder = ColumnTransformer([("numbers", StandardScaler(), ["a", "b"])])
model = GradientBoostingClassifier(n_estimators=20, random_state=0)
pipeline = Pipeline([("encode", encoder), ("model", model)]).fit(frame, labels)
features = tuple(
    Feature(name=name, type=ColumnType.DOUBLE, handling="numeric", missing="ignore_record") for name in "ab"
)
signature = Signature(
    task=Task.MULTICLASS, target="y", features=features, classes=("low", "middle", "high"), threshold=None
)
export_model(pipeline, signature, Path(sys.argv[1]))
report = check_parity(pipeline, load_scorer(Path(sys.argv[1])), frame, seed=3)
print(report.exact_required, report.passed, report.max_difference < 1e-15, report.first_failures)
"""


def test_several_classes_pass_the_parity_check_whatever_the_exponential_of_the_machine(
    tmp_path: Path,
) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "NPY_DISABLE_CPU_FEATURES"}

    done = subprocess.run(
        [sys.executable, "-c", _CHECK, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.stdout == "True True True ()\n", done.stderr
