"""Models are read from files that hold data, and anything else in them is refused unread."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from scoreline.core.model import (
    FeatureHandling,
    HistGradientBoosting,
    LightGBM,
    Logistic,
    Task,
    XGBoost,
)
from scoreline.core.model_version import ModelVersion, RowCounts, TrainingData
from scoreline.errors import Invalid
from scoreline.storage.file_digests import list_files
from scoreline.storage.models import ModelStore
from scoreline.studio.model_files import load_model, save_model
from scoreline.studio.pipelines import fit_pipeline
from scoreline.studio.predicting import predict

HANDLINGS = {
    "x": FeatureHandling(handling="numeric", missing="native"),
    "kind": FeatureHandling(handling="category", missing="native", encode="native"),
}
PLAIN = {
    "x": FeatureHandling(handling="numeric", missing="median"),
    "kind": FeatureHandling(handling="category", missing="native"),
}


def rows(count: int = 200) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(5)
    x = generator.normal(size=count)
    x[::9] = np.nan
    kind = pd.Series(np.array(["a", "b", ""], dtype=object)[generator.integers(0, 3, count)], dtype=object)
    target = (np.nan_to_num(x) + (kind == "a") > 0.5).to_numpy().astype(np.int64)
    return pd.DataFrame({"x": x, "kind": kind}), target


def version_folder(tmp_path: Path, algorithm, pipeline: Pipeline) -> Path:
    """A version's folder as far as reading a model needs it."""
    store = ModelStore(tmp_path / "m")
    counts = RowCounts(given=1, without_target=0, ignored=0, train=1, test=0)
    version = ModelVersion(
        id="",
        digest="d",
        created_at="2026-01-02T03:04:05+00:00",
        created_by="ann",
        task=Task.BINARY,
        target="y",
        algorithm=algorithm,
        metric="auc",
        metrics={},
        threshold=0.5,
        classes=("0", "1"),
        candidates=(),
        data=TrainingData(dataset="rows", digest="d", rows=counts),
        seed=1,
        libraries={},
        scorer=None,
    )
    with store.draft() as draft:
        save_model(pipeline, draft.folder)
        draft.keep(version)
    return store.path("t1")


def fitted(algorithm, handlings) -> Pipeline:
    frame, target = rows()
    return fit_pipeline(algorithm, frame, target, handlings, task=Task.BINARY, classes=2, seed=1)


def seal(folder: Path) -> None:
    """Make the digests those of the files as they are now: somebody who can write files can do that too."""
    path = folder / "version.json"
    version = json.loads(path.read_bytes())
    version["files"] = msgspec.to_builtins(
        {name: entry for name, entry in list_files(folder).items() if name != "version.json"}
    )
    path.write_bytes(json.dumps(version).encode())


@pytest.mark.parametrize(
    ("algorithm", "handlings", "files"),
    [
        (Logistic(), PLAIN, {"model.skops"}),
        (HistGradientBoosting(trees=5), HANDLINGS, {"model.skops"}),
        (LightGBM(trees=5), HANDLINGS, {"encoder.skops", "model.lightgbm.txt"}),
        (XGBoost(trees=5), HANDLINGS, {"encoder.skops", "model.xgboost.json"}),
    ],
    ids=["logistic", "hist_gradient_boosting", "lightgbm", "xgboost"],
)
def test_a_model_reads_back_with_the_same_predictions_to_the_last_bit(algorithm, handlings, files, tmp_path):
    pipeline = fitted(algorithm, handlings)
    frame, _ = rows()

    folder = version_folder(tmp_path, algorithm, pipeline)
    again = predict(load_model(folder), frame, Task.BINARY, classes=2, threshold=0.5)

    first = predict(pipeline, frame, Task.BINARY, classes=2, threshold=0.5)
    assert {path.name for path in folder.iterdir()} == files | {"version.json"}
    np.testing.assert_array_equal(again.probas, first.probas)
    np.testing.assert_array_equal(again.values, first.values)


def test_a_changed_byte_is_refused(tmp_path):
    folder = version_folder(tmp_path, Logistic(), fitted(Logistic(), PLAIN))
    data = bytearray((folder / "model.skops").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "model.skops").write_bytes(data)

    with pytest.raises(Invalid, match="is not what was written") as caught:
        load_model(folder)

    assert caught.value.code == "damaged"


def test_a_model_that_holds_a_function_of_the_system_is_refused(tmp_path):
    frame, target = rows()
    encoder = ColumnTransformer([("f", FunctionTransformer(np.nan_to_num), ["x"])])
    honest = Pipeline([("encode", encoder), ("model", LogisticRegression())]).fit(frame, target)
    folder = version_folder(tmp_path, Logistic(), honest)
    _point_function_at(folder / "model.skops", "os", "system")
    seal(folder)

    with pytest.raises(Invalid, match="holds types that are not loaded: os") as caught:
        load_model(folder)

    assert caught.value.code == "untrusted-model"


def _point_function_at(path: Path, module: str, name: str) -> None:
    """Rewrite the schema of a skops file so that its function is another one."""
    with zipfile.ZipFile(path) as archive:
        contents = {entry: archive.read(entry) for entry in archive.namelist()}
    schema = contents["schema.json"].decode().replace("nan_to_num", name)
    tree = json.loads(schema)

    def visit(node: object) -> None:
        if isinstance(node, dict):
            if node.get("__class__") == name:
                node["__module__"] = module
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)

    visit(tree)
    contents["schema.json"] = json.dumps(tree).encode()
    assert f'"__class__": "{name}"'.encode() in contents["schema.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in contents.items():
            archive.writestr(entry, data)


def test_a_type_of_another_library_is_refused(tmp_path):
    folder = version_folder(tmp_path, Logistic(), fitted(Logistic(), PLAIN))
    skops.io.dump(Path("anything"), folder / "model.skops")
    seal(folder)

    with pytest.raises(Invalid, match="holds types that are not loaded"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_model_is_refused(content, tmp_path):
    folder = version_folder(tmp_path, Logistic(), fitted(Logistic(), PLAIN))
    (folder / "model.skops").write_bytes(content)
    seal(folder)

    with pytest.raises(Invalid, match=r"model\.skops cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [(LightGBM(trees=5), "model.lightgbm.txt"), (XGBoost(trees=5), "model.xgboost.json")],
    ids=["lightgbm", "xgboost"],
)
def test_a_booster_that_cannot_be_read_is_refused(algorithm, name, tmp_path):
    folder = version_folder(tmp_path, algorithm, fitted(algorithm, HANDLINGS))
    (folder / name).write_bytes(b"no booster")
    seal(folder)

    with pytest.raises(Invalid, match=f"{name} cannot be read"):
        load_model(folder)
