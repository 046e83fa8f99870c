"""A project with dated payments: a quiet one, and ones whose payments change on a day."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from scoreline.studio.build import build

BEGIN = date(2018, 4, 1)
"""The first payments."""
LEARNED = date(2018, 5, 1)
"""The model learns from payments before this day."""
DAYS = 61
ROWS = 400
"""Of each day."""

CHECKS = """
checks:
  - {name: Drift, metric: data_drift, max: 0.65}
  - {name: Columns, metric: column_psi, max: 0.25}
"""
RETRAIN = """
triggers: TRIGGERS
steps:
  - {id: evaluate, kind: evaluate, store: quality}
  - {id: checks, kind: run_checks, store: quality}
  - {id: train, kind: train, model: fraud, when: some_failure, reset_failure: true}
  - id: package
    kind: create_version
    service: fraud_detection
    version: auto
    variable: made
    when: steps.train.outcome == "SUCCESS"
  - id: deploy
    kind: update_deployment
    deployment: fraud_detection-on-local
    version: ${made}
    when: steps.package.outcome == "SUCCESS"
"""
FILES = {
    "project.yaml": "id: payments\nvariables: {learn_until: '2018-05-01'}\n",
    "datasets/payments.yaml": """
kind: files
path: data/payments.csv
columns:
  - {name: paid_at, type: date}
  - {name: amount, type: double}
  - {name: age, type: int}
  - {name: shop, type: string}
  - {name: refused, type: string}
""",
    "datasets/prepared.yaml": "kind: managed\n",
    "datasets/known.yaml": "kind: managed\n",
    "recipes/prepare.yaml": "kind: sql\ninputs: [payments]\noutput: prepared\n",
    "recipes/prepare.sql": "SELECT *, amount > 100 AS large FROM payments\n",
    "recipes/learn_from.yaml": "kind: sql\ninputs: [prepared]\noutput: known\n",
    "recipes/learn_from.sql": "SELECT * FROM prepared WHERE paid_at < ${learn_until}\n",
    "models/fraud.yaml": "{}\n",
    "recipes/train_fraud.yaml": """
kind: train
input: known
model: fraud
task: binary
target: refused
features:
  amount: {handling: numeric}
  age: {handling: numeric}
  shop: {handling: category, encode: one_hot}
algorithms:
  - {kind: logistic}
""",
    "recipes/evaluate_fraud.yaml": "kind: evaluate\ninput: prepared\nmodel: fraud\nstore: quality\n",
    "evaluation-stores/quality.yaml": CHECKS,
    "services/fraud_detection.yaml": "endpoints:\n  - {kind: prediction, id: predict, model: fraud}\n",
    "scenarios/retrain.yaml": RETRAIN.replace("TRIGGERS", "[]"),
}


def write_dated(
    folder: Path,
    *,
    drifted: Collection[date] = (),
    without: Collection[date] = (),
    until: date | None = None,
    rows: int = ROWS,
    seed: int = 1,
    files: Mapping[str, str | None] | None = None,
) -> Path:
    """Write the project, and build it. On `drifted` days payments are in cents, on those `without` none.

    `files` replaces definitions, or leaves them out (None).
    """
    for name, text in {**FILES, **(files or {})}.items():
        if text is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    write_payments(folder, drifted=drifted, without=without, until=until, rows=rows, seed=seed)
    result = build(folder, ["fraud"])
    assert result.ok, result
    return folder


def copy_dated(
    built: Path,
    folder: Path,
    *,
    drifted: Collection[date] = (),
    without: Collection[date] = (),
    until: date | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Copy a built project, with other payments since the model has learned, and other definitions."""
    shutil.copytree(built, folder, dirs_exist_ok=True)
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip("\n"))
    if drifted or without or until is not None:
        write_payments(folder, drifted=drifted, without=without, until=until)
    return folder


def write_payments(
    folder: Path,
    *,
    drifted: Collection[date] = (),
    without: Collection[date] = (),
    until: date | None = None,
    rows: int = ROWS,
    seed: int = 1,
) -> None:
    """Write the payments alone."""
    parts = []
    for number in range(DAYS):
        day = BEGIN + timedelta(days=number)
        if day in without or (until is not None and day > until):
            continue
        # Draws of its own: a day is the same whatever the others are.
        draw = np.random.default_rng([seed, number])
        amount = np.round(draw.lognormal(3.5, 0.8, rows), 2)
        age = draw.integers(18, 90, rows)
        refused = amount / 60 + (age < 25) + draw.normal(0, 1, rows) > 1.8
        parts.append(
            pa.table(
                {
                    "paid_at": pa.array(np.datetime64(day, "s") + np.sort(draw.integers(0, 86_400, rows))),
                    "amount": amount * (100 if day in drifted else 1),
                    "age": age,
                    "shop": draw.choice(["food", "fuel", "travel", "web"], rows, p=(0.4, 0.3, 0.1, 0.2)),
                    "refused": np.where(refused, "yes", "no"),
                }
            )
        )
    path = folder / "data" / "payments.csv"
    path.parent.mkdir(exist_ok=True)
    csv.write_csv(pa.concat_tables(parts), path)


def days(first: date, last: date) -> list[date]:
    """All days from one to another."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file and folder below a folder: a digest of its content, and when it was changed."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.lstat().st_mtime_ns,
        )
        for path in folder.rglob("*")
    }
