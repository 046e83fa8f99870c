"""The rows that an evaluation has kept, as text: `python -m scoreline.studio.sample_rows FOLDER WHAT`.

`rows`: gzip of tab-separated values without a heading, missing values empty. `columns`: their names and
types as JSON. The compared columns stand first, then `prediction`, `proba_<class>`, `truth`, and `row`, the
place in the dataset.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scoreline.storage.models import FEATURES, PREDICTIONS

_AT_ONCE = 2_000


def main(folder: Path, what: str) -> int:
    """Write what is asked for to the standard output; returns the exit status."""
    table = _table(folder)
    if what == "columns":
        columns = [{"name": name, "type": _type(table[name].type)} for name in table.column_names]
        sys.stdout.buffer.write(msgspec.json.encode(columns))
        return 0
    with gzip.GzipFile(fileobj=sys.stdout.buffer, mode="wb", compresslevel=6, mtime=0) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows(_rows(table))
        text.flush()
    return 0


def _table(folder: Path) -> pa.Table:
    table = pq.read_table(folder / FEATURES)
    if (folder / PREDICTIONS).is_file():
        predictions = pq.read_table(folder / PREDICTIONS)
        ordered = [name for name in predictions.column_names if name not in ("row", "truth")]
        for name in (*ordered, "truth", "row"):
            free = name
            while free in table.column_names:
                free += "_"
            table = table.append_column(free, predictions[name])
    return table


def _rows(table: pa.Table) -> Iterator[tuple[object, ...]]:
    for batch in table.to_batches(_AT_ONCE):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "bigint"
    return "double" if pa.types.is_floating(kind) else "string"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
