"""Source files: which ones hold the rows of a dataset, without reading them."""

from __future__ import annotations

from pathlib import Path

from scoreline.core.dataset import FilesDataset
from scoreline.errors import Invalid, NotFound

_ENDINGS = {"csv": (".csv", ".csv.gz"), "jsonl": (".jsonl", ".jsonl.gz"), "parquet": (".parquet",)}


def files_of(dataset: FilesDataset, dataset_id: str, project: Path) -> list[Path]:
    """The files that hold the rows, sorted by name. Raises NotFound when there is none."""
    place = Path(dataset.path)
    if place.is_absolute() or ".." in place.parts:
        raise Invalid(f"dataset {dataset_id!r}: the path {dataset.path!r} leaves the project")
    found = project / place
    if found.is_dir():
        endings = _ENDINGS[dataset.format]
        files = sorted(f for f in found.iterdir() if f.name.endswith(endings) and f.name[0] not in "._")
        if files:
            return files
        raise NotFound(f"dataset {dataset_id!r}: no {' or '.join(endings)} file in {dataset.path}")
    if found.is_file():
        return [found]
    raise NotFound(f"dataset {dataset_id!r}: there is no file {dataset.path} in the project")
