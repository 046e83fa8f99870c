"""FastAPI, a one-row DataFrame, the scikit-learn pipeline: what most teams write first."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI

_folder = Path(os.environ["BENCH_MODEL"])
_pipeline = joblib.load(_folder / "pipeline.joblib")
_facts = json.loads((_folder / "facts.json").read_text())
_cards: dict[str, dict[str, Any]] = json.loads((_folder / "cards.json").read_text())
_names: list[str] = _facts["features"]

app = FastAPI()


@app.post("/predict")
async def predict(body: dict[str, Any]) -> dict[str, Any]:
    record = dict(body["features"])
    record.update(_cards.get(record.get("card_id", ""), {}))
    frame = pd.DataFrame([[record.get(name) for name in _names]], columns=_names)
    for name in _facts["numeric"]:
        frame[name] = frame[name].astype("float64")
    probability = float(_pipeline.predict_proba(frame)[0, 1])
    label = _facts["classes"][int(probability >= _facts["threshold"])]
    return {"result": {"prediction": label, "probas": {"0": 1 - probability, "1": probability}}}
