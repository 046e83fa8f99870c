"""The process of a look at a dataset: `python -m scoreline.studio.dataset_look FOLDER DATASET WHAT`.

`sample`: the first rows. `statistics`: of each column. The answer is JSON on the standard output.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa

from scoreline.core.dataset_sample import DatasetSample
from scoreline.errors import ScorelineError, Unavailable
from scoreline.storage.columns import schema_of
from scoreline.storage.project_files import read_project
from scoreline.storage.tables import open_tables, plain_values
from scoreline.studio.column_statistics import column_statistics
from scoreline.studio.dataset_looks import MOST_SAMPLE_ROWS, Look
from scoreline.wire.problems import problem_of

_MOST_MEMORY = 6 << 30
_LARGEST = 8_000_000  # bytes of a sample


def main(folder: Path, dataset_id: str, what: str) -> int:
    """Write what is asked for, or why it cannot be, to the standard output; returns the exit status."""
    return answer(f"dataset {dataset_id!r}", lambda: _found(folder, dataset_id, what))


def answer(named: str, found: Callable[[], msgspec.Raw]) -> int:
    """Write what is found, or why nothing is, to the standard output; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    try:
        look = Look(found=found())
    except ScorelineError as error:
        look = Look(problem=problem_of(error))
    except MemoryError:
        too_large = Unavailable(f"{named} is too large to be looked at here", code="too-large")
        look = Look(problem=problem_of(too_large))
    sys.stdout.buffer.write(msgspec.json.encode(look))
    return 0


def _found(folder: Path, dataset_id: str, what: str) -> msgspec.Raw:
    table = open_tables(read_project(folder), folder, os.environ).read(dataset_id)
    if what == "sample":
        return sample_of(dataset_id, table)
    with tempfile.TemporaryDirectory(prefix="scoreline-") as scratch:
        return msgspec.Raw(msgspec.json.encode(column_statistics(dataset_id, table, Path(scratch))))


def sample_of(dataset_id: str, table: pa.Table) -> msgspec.Raw:
    """The first rows of a table, or as many of them as are not too much, as a DatasetSample."""
    rows, names = MOST_SAMPLE_ROWS, table.column_names
    while True:
        columns = [plain_values(column) for column in table.slice(0, rows).combine_chunks().columns]
        sample = DatasetSample(
            id=dataset_id,
            columns=schema_of(table),
            rows=len(table),
            sample=tuple(dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)),
        )
        encoded = msgspec.json.encode(sample)
        if len(encoded) <= _LARGEST or rows == 1:
            return msgspec.Raw(encoded)
        rows //= 2


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
