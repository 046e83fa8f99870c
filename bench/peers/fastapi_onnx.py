"""FastAPI and ONNX Runtime over the whole converted pipeline: what a careful team writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI

_folder = Path(os.environ["BENCH_MODEL"])
_facts = json.loads((_folder / "facts.json").read_text())
_cards: dict[str, dict[str, Any]] = json.loads((_folder / "cards.json").read_text())
_numeric = frozenset(_facts["numeric"])
_options = ort.SessionOptions()
_options.intra_op_num_threads = 1
_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
_session = ort.InferenceSession(str(_folder / "pipeline.onnx"), _options, providers=["CPUExecutionProvider"])

app = FastAPI()


@app.post("/predict")
async def predict(body: dict[str, Any]) -> dict[str, Any]:
    record = dict(body["features"])
    record.update(_cards.get(record.get("card_id", ""), {}))
    feed = {
        name: np.array([[record[name]]], dtype=np.float32 if name in _numeric else object)
        for name in _facts["features"]
    }
    probability = float(_session.run(["probabilities"], feed)[0][0, 1])
    label = _facts["classes"][int(probability >= _facts["threshold"])]
    return {"result": {"prediction": label, "probas": {"0": 1 - probability, "1": probability}}}
