"""A small project for tests of packaging: a trained model, a table of cards, a table of merchants."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from scoreline.core.model_version import ModelVersion
from scoreline.core.recipe import TrainRecipe
from scoreline.storage.models import ModelStore
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables
from scoreline.storage.workspace import Workspace
from scoreline.studio.training import train

FILES = {
    "project.yaml": "id: cards\n",
    "models/fraud.yaml": "{}\n",
    "datasets/payments.yaml": """
kind: files
path: data/payments.csv
columns:
  - {name: card, type: string}
  - {name: amount, type: double}
  - {name: age, type: int}
  - {name: refused, type: string}
""",
    "datasets/cards.yaml": """
kind: files
path: data/cards.csv
columns:
  - {name: card, type: string}
  - {name: age, type: int}
  - {name: holder_since, type: date}
""",
    "datasets/merchants.yaml": """
kind: files
path: data/merchants.csv
columns:
  - {name: merchant_id, type: string}
  - {name: state, type: string}
  - {name: stores, type: int}
""",
    "recipes/train_fraud.yaml": """
kind: train
input: payments
model: fraud
task: binary
target: refused
features:
  amount: {handling: numeric}
  age: {handling: numeric}
algorithms:
  - {kind: logistic}
""",
    "services/fraud_detection.yaml": """
endpoints:
  - kind: prediction
    id: predict
    model: fraud
    enrichments:
      - dataset: cards
        keys: [{column: card, name: card_id}]
        columns: [{column: age}]
  - kind: lookup
    id: merchant
    lookups:
      - dataset: merchants
        keys: [{column: merchant_id}]
""",
}


def write_project(folder: Path, **services: str) -> Path:
    """Write the project with its data; `services` are the texts of further services, by id."""
    draw = random.Random(7)
    for name, text in FILES.items():
        write(folder, name, text)
    for name, text in services.items():
        write(folder, f"services/{name}.yaml", text)
    cards = [(f"C_{n}", draw.randrange(18, 90)) for n in range(200)]
    payments = [(*draw.choice(cards), round(draw.uniform(1, 900), 2)) for _ in range(400)]
    write(folder, "data/cards.csv", table("card,age,holder_since", [(*card, "2017-03-01") for card in cards]))
    write(
        folder,
        "data/payments.csv",
        table(
            "card,amount,age,refused",
            [
                (card, amount, age, "yes" if amount + draw.gauss(0, 80) > 500 else "no")
                for card, age, amount in payments
            ],
        ),
    )
    merchants = [("M_1", "Wyoming", 3), ("M_2", "Ohio", ""), ("M_3", "Utah", 1), ("M_3", "Utah", 2)]
    write(folder, "data/merchants.csv", table("merchant_id,state,stores", merchants))
    return folder


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.lstrip("\n"))


def table(heading: str, rows: list[tuple[object, ...]]) -> str:
    return heading + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def trained(folder: Path, *, seed: int | None = None) -> ModelVersion:
    """Train the project's model, as its recipe does, or with another seed."""
    project = read_project(folder)
    recipe = project.recipes["train_fraud"]
    assert isinstance(recipe, TrainRecipe)
    if seed is not None:
        recipe = msgspec.structs.replace(recipe, seed=seed)
    rows = open_tables(project, folder, {}).read("payments")
    return train(
        recipe, rows, ModelStore(Workspace(folder).model("fraud")), by="tester", log=lambda _line: None
    )
