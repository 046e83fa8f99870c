"""A project with a large flow: 300 datasets, and the recipes that make them."""

from __future__ import annotations

import random
from pathlib import Path

from scoreline.studio.projects import create_project


def write_large_flow(folder: Path, datasets: int = 300) -> Path:
    """Write it into a folder that is not there yet. Nothing of it is built."""
    create_project(folder)
    draw = random.Random(1)
    files = {
        "data/a.csv": "n,label\n" + "".join(f"{n},{n % 2}\n" for n in range(40)),
        "datasets/d0.yaml": "kind: files\npath: data/a.csv\n",
    }
    for at in range(1, datasets):
        inputs = sorted({draw.randrange(max(0, at - 40), at) for _ in range(draw.choice([1, 1, 2, 3]))})
        listed = ", ".join(f"d{one}" for one in inputs)
        files[f"datasets/d{at}.yaml"] = "kind: managed\n"
        files[f"recipes/r{at}.yaml"] = f"kind: sql\ninputs: [{listed}]\noutput: d{at}\n"
        files[f"recipes/r{at}.sql"] = f"SELECT * FROM d{inputs[0]}\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder
