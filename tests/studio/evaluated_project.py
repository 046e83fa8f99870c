"""The small project with an evaluation store that is built: an evaluation on rows that have drifted."""

from __future__ import annotations

import random
from pathlib import Path

from tests.studio.small_project import table, write, write_project

from scoreline.core.evaluation import Evaluation
from scoreline.studio.build import build
from scoreline.studio.evaluation_stores import evaluation_store

STORE = "quality"
FILES = {
    "datasets/news.yaml": """
kind: files
path: data/news.csv
columns:
  - {name: card, type: string}
  - {name: amount, type: double}
  - {name: age, type: int}
  - {name: refused, type: string}
""",
    f"evaluation-stores/{STORE}.yaml": """
name: Quality of fraud
checks:
  - {name: Data drift, metric: data_drift, soft_max: 0.55, max: 0.6}
  - {metric: auc, min: 0.5}
""",
    "recipes/evaluate_fraud.yaml": f"""
kind: evaluate
input: news
model: fraud
store: {STORE}
""",
}


def write_evaluated_project(folder: Path) -> Path:
    """The project with all its definitions; nothing is built. Its services and their tables come with it."""
    write_project(folder)
    for name, text in FILES.items():
        write(folder, name, text)
    write_news(folder, shift=400)
    return folder


def write_news(folder: Path, *, shift: float, seed: int = 1) -> None:
    """The new rows: amounts are greater by `shift`, on a scale of 900."""
    draw = random.Random(seed)
    rows: list[tuple[object, ...]] = []
    for number in range(300):
        amount = round(draw.uniform(1, 900) + shift, 2)
        refused = "yes" if amount + draw.gauss(0, 80) > 500 else "no"
        rows.append((f"C_{number}", amount, draw.randrange(18, 90), refused if number % 3 else ""))
    write(folder, "data/news.csv", table("card,amount,age,refused", rows))


def evaluated(folder: Path) -> Evaluation:
    """The newest evaluation of the store, built anew if it is stale."""
    done = build(folder, (STORE,), by="ann")
    assert done.ok, done.outcomes
    return evaluation_store(folder, STORE).evaluations.read()
