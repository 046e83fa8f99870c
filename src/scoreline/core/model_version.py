"""Model versions: what is kept of one training of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from scoreline.core.model import Algorithm, Task
from scoreline.core.package import FileEntry
from scoreline.core.parity import ParityReport


class RowCounts(Struct, frozen=True, kw_only=True):
    """Where the rows of the training dataset went."""

    given: int
    without_target: int
    """Dropped: the target was missing."""
    ignored: int
    """Dropped: a feature with `missing: ignore_record` was missing."""
    train: int
    test: int


class TrainingData(Struct, frozen=True, kw_only=True):
    """Which data a version was trained on."""

    dataset: str
    digest: str
    """SHA-256 over the target and the features, as the algorithm saw them."""
    rows: RowCounts


class Candidate(Struct, frozen=True, kw_only=True):
    """One algorithm that was tried."""

    algorithm: Algorithm
    metrics: dict[str, float]
    """On the test rows."""
    threshold: float | None
    seconds: float
    """What fitting and measuring took."""


class ModelVersion(Struct, frozen=True, kw_only=True):
    """One training of a model. Its signature, report, scorer and files stand beside it in its folder."""

    id: str
    digest: str
    """Over signature, algorithm, data, seed, libraries, test predictions and scorer; not over times."""
    created_at: str
    """ISO 8601, UTC."""
    created_by: str
    task: Task
    target: str
    algorithm: Algorithm
    metric: str
    """The one by which this algorithm was chosen."""
    metrics: dict[str, float]
    """On the test rows."""
    threshold: float | None
    classes: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    """All that were tried, in the recipe's order."""
    data: TrainingData
    seed: int
    libraries: dict[str, str]
    """Name -> version."""
    scorer: str | None
    """Kind of the exported scorer; None: there is none, so the version cannot be packaged."""
    scorer_problem: str = ""
    """Why there is no scorer."""
    parity: ParityReport | None = None
    """None: the pipeline could not be exported at all."""
    files: dict[str, FileEntry] = {}
    """Every other file of the version's folder, by path with forward slashes."""


def algorithm_name(algorithm: Algorithm) -> str:
    """The name of an algorithm, as in a recipe: `gradient_boosting`."""
    return str(algorithm.__struct_config__.tag)


def next_model_version_id(taken: Iterable[str]) -> str:
    """The id of the next version: t1, t2, … the first number above all that are taken."""
    numbers = [int(match[1]) for name in taken if (match := re.fullmatch(r"t(\d{1,9})", name))]
    return f"t{max(numbers, default=0) + 1}"
