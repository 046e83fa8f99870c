"""What all contenders serve: the template's model, packaged for the node, and as its peers want it."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

import scoreline
from scoreline.core.model import Signature
from scoreline.storage.models import ModelStore
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.build import build
from scoreline.studio.model_files import load_model
from scoreline.studio.packaging import create_version
from scoreline.studio.projects import create_project

MODEL = "predict_authorized_flag"
SENT = ("purchase_amount", "signature_provided", "merchant_subsector_description", "merchant_state")
FOUND = {"fico_score": "card_fico_score", "age": "card_age"}
ROWS = 500
V2_SERVICE = Path(scoreline.__file__).parent / "templates" / "real_time_apis_v2_service.yaml"


@dataclass(frozen=True)
class Prepared:
    """Files for the contenders."""

    package: Path
    """The archive of fraud_detection with the enrichment."""
    model: Path
    """Folder with the peers' model."""
    enriched_bodies: Path
    """One JSON body a line: four features and a card."""
    plain_bodies: Path
    """The same records with all six features."""
    answer: str
    """A text as long as the node's answer, for nginx."""
    fact: str
    """How long building and packaging took, and the most memory that was used."""


def prepare(folder: Path) -> Prepared:
    """Build the template's project at full size and write what the contenders need below `folder`."""
    project = folder / "project"
    create_project(project, template="real-time-apis", size="full")
    started = time.monotonic()
    result = build(project)
    if not result.ok:
        raise SystemExit(f"the build failed; its logs are in {project / result.logs}")
    shutil.copy(V2_SERVICE, project / "services" / "fraud_detection.yaml")
    create_version(project, "fraud_detection", "v2", by="bench", progress=lambda _: None)
    seconds = time.monotonic() - started
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    rows = _records(project)
    enriched, plain = folder / "enriched.jsonl", folder / "plain.jsonl"
    enriched.write_text("".join(_body(row, ("card_id", *SENT)) for row in rows))
    plain.write_text("".join(_body(row, (*SENT, *FOUND.values())) for row in rows))
    return Prepared(
        package=Workspace(project).versions("fraud_detection") / "v2.zip",
        model=_peers_model(project, folder / "model"),
        enriched_bodies=enriched,
        plain_bodies=plain,
        answer="x" * 480,
        fact=f"full size (327,005 transactions): build, train and package in {seconds:.0f} s, "
        f"peak memory {peak / 1024:.0f} MB",
    )


def _records(project: Path) -> list[dict[str, Any]]:
    names = ["card_id", *SENT, *FOUND.values()]
    tables = open_tables(read_project(project), project, os.environ)
    rows = itertools.islice(tables.rows("test", names), ROWS)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _body(row: dict[str, Any], names: tuple[str, ...]) -> str:
    return json.dumps({"features": {name: row[name] for name in names}}) + "\n"


def _peers_model(project: Path, folder: Path) -> Path:
    folder.mkdir()
    store = ModelStore(Workspace(project).model(MODEL))
    version = store.active()
    assert version is not None
    signature = store.signature(version)
    pipeline: Any = load_model(store.path(version))
    joblib.dump(pipeline, folder / "pipeline.joblib")
    _convert(pipeline, signature, folder / "pipeline.onnx")
    numeric = [feature.name for feature in signature.features if feature.handling == "numeric"]
    facts = {
        "features": [feature.name for feature in signature.features],
        "numeric": numeric,
        "classes": signature.classes,
        "threshold": signature.threshold,
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    tables = open_tables(read_project(project), project, os.environ)
    found = tables.rows("cardholder_info", ["internal_card_mapping", *FOUND])
    cards = {card: dict(zip(FOUND.values(), values, strict=True)) for card, *values in found}
    (folder / "cards.json").write_text(json.dumps(cards))
    return folder


def _convert(pipeline: Any, signature: Signature, target: Path) -> None:
    types = [
        (
            feature.name,
            FloatTensorType([None, 1]) if feature.handling == "numeric" else StringTensorType([None, 1]),
        )
        for feature in signature.features
    ]
    model = to_onnx(pipeline, initial_types=types, options={id(pipeline): {"zipmap": False}})
    target.write_bytes(model.SerializeToString())
