"""Managed datasets: Parquet in a folder of its own, replaced whole by one pointer.

<dataset>/current.json                 Current: which folder counts
<dataset>/<folder>/part-0.parquet      the rows
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet

from scoreline.errors import Invalid
from scoreline.storage.atomic import new_folder, write_file
from scoreline.storage.columns import schema_of
from scoreline.storage.written_rows import Current, current, not_built

_PART = "part-0.parquet"
_READ_ATTEMPTS = 5


def read_managed(dataset: Path) -> pa.Table:
    """The rows. A writer may replace them meanwhile: a reader has the old ones or the new ones."""
    for _ in range(_READ_ATTEMPTS):
        pointer = current(dataset)
        if pointer is None:
            break
        try:
            # Not memory-mapped: the file may go away while the rows are in use.
            return pyarrow.parquet.read_table(dataset / pointer.folder / _PART, memory_map=False)
        except FileNotFoundError:
            continue  # replaced between the two reads: the pointer names another folder now
        except pa.ArrowInvalid as error:
            raise Invalid(f"dataset {dataset.name!r} is damaged; build it again") from error
    raise not_built(dataset.name)


def write_managed(dataset: Path, table: pa.Table) -> Current:
    """Replace the rows. Killed at any point, the old ones stay; what it left is swept by the next write.

    One writer at a time (the project's lock).
    """
    folder = uuid.uuid4().hex[:12]
    with new_folder(dataset / folder) as draft:
        pyarrow.parquet.write_table(
            table.combine_chunks(), draft / _PART, compression="zstd", row_group_size=1 << 17
        )
        with (draft / _PART).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    pointer = Current(folder=folder, rows=len(table), digest=digest, columns=schema_of(table))
    write_file(dataset / "current.json", msgspec.json.encode(pointer))
    for other in dataset.iterdir():
        if other.is_dir() and other.name != folder:
            shutil.rmtree(other, ignore_errors=True)
        elif other.name.startswith(".unfinished-"):
            other.unlink(missing_ok=True)
    return pointer
