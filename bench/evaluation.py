"""Measures an evaluation of many rows: wall time and peak memory of the whole command.

python -m bench.evaluation [--rows 1000000] [--columns 50] [--rounds 3]

The project has a model of all columns, trained on 50,000 rows. What is measured is `scoreline build` of its
evaluation store: reading the Parquet file, scoring, metrics, drift of every column, the sample.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_LEARNT = 50_000


def main() -> None:
    """Make the project, evaluate, report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--columns", type=int, default=50)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="scoreline-bench-") as name:
        folder = Path(name)
        _project(folder, given.rows, given.columns)
        _run(folder, "build", "m")
        for round_number in range(given.rounds):
            shutil.rmtree(folder / ".scoreline" / "evaluations", ignore_errors=True)
            seconds, megabytes = _run(folder, "build", "s")
            print(f"round {round_number + 1}: {seconds:.1f} s, peak {megabytes:,.0f} MB")
        evaluation = json.loads((folder / ".scoreline/evaluations/s/e1/evaluation.json").read_text())
        compared, auc = len(evaluation["drift"]["columns"]), evaluation["metrics"]["auc"]
        print(f"{evaluation['rows']:,} rows, {compared} columns compared, auc {auc:.4f}")


def _project(folder: Path, rows: int, columns: int) -> None:
    for name in ("datasets", "recipes", "models", "evaluation-stores", "data"):
        (folder / name).mkdir()
    table = _table(np.random.default_rng(1), _LEARNT, columns)
    pq.write_table(table, folder / "data/past.parquet")
    pq.write_table(_table(np.random.default_rng(2), rows, columns), folder / "data/news.parquet")
    features = {
        name: {"handling": "category" if table[name].type == pa.string() else "numeric"}
        for name in table.column_names
        if name != "y"
    }
    recipes = {
        "train": {
            "kind": "train",
            "input": "past",
            "model": "m",
            "task": "binary",
            "target": "y",
            "features": features,
            "algorithms": [{"kind": "gradient_boosting", "trees": 100, "max_depth": 3}],
        },
        "evaluate": {"kind": "evaluate", "input": "news", "model": "m", "store": "s"},
    }
    files = {
        "project.yaml": {"id": "bench"},
        "models/m.yaml": {},
        "evaluation-stores/s.yaml": {},
        **{f"recipes/{name}.yaml": recipe for name, recipe in recipes.items()},
        **{
            f"datasets/{name}.yaml": {"kind": "files", "path": f"data/{name}.parquet", "format": "parquet"}
            for name in ("past", "news")
        },
    }
    for name, definition in files.items():
        (folder / name).write_text(json.dumps(definition))


def _table(generator: np.random.Generator, rows: int, columns: int) -> pa.Table:
    """Of five columns two hold doubles, one whole numbers, two categories (8 and 500); 2 % is missing."""
    found: dict[str, pa.Array] = {}
    risk = np.zeros(rows)
    for place in range(columns):
        kind = place % 5
        if kind in (0, 1):
            values = generator.lognormal(3, 1, rows) if kind == 0 else generator.normal(size=rows)
            risk += 0.1 * (np.log(values) - 3 if kind == 0 else values)
        elif kind == 2:
            values = generator.integers(0, 1_000, rows)
        else:
            codes = generator.integers(0, 8 if kind == 3 else 500, rows)
            values = np.array([f"category {code}" for code in range(500)])[codes]
        mask = generator.random(rows) < 0.02
        found[f"c{place:02}"] = pa.array(values, mask=mask)
    found["y"] = pa.array((risk + generator.logistic(size=rows) > 1).astype(np.int64))
    return pa.table(found)


def _run(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run one command; its wall time, and the greatest resident memory of its process."""
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "scoreline", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"scoreline {' '.join(arguments)} failed; see {folder}/.scoreline/logs")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
