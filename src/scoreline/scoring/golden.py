"""Golden rows: records with the answers they had when the scorer was made, asked again before it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from scoreline.core.prediction import Ignored, Prediction
from scoreline.errors import Invalid, NotFound
from scoreline.scoring.scorer import Scorer

GOLDEN = "golden.json"
TOLERANCE = 1e-9
"""Another machine's C library may round the last bit of an exponential differently."""

_LARGEST_FILE = 64 * 2**20


class GoldenRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One record and its answer: a prediction, or why it was not scored, or that it was refused."""

    features: dict[str, object]
    prediction: str | float | None = None
    probas: dict[str, float] | None = None
    ignored: str | None = None
    refused: bool = False


def write_golden(scorer: Scorer, records: Sequence[Mapping[str, object]], folder: Path) -> None:
    """Score records and write them with their answers to `golden.json` in an existing folder."""
    rows = [_ask(scorer, dict(record)) for record in records]
    (folder / GOLDEN).write_bytes(msgspec.json.encode(rows))


def check_golden(scorer: Scorer, folder: Path) -> None:
    """Score the golden rows of a folder again and compare (numbers within 1e-9).

    Raises Invalid (code `golden-mismatch`) if an answer differs, Invalid (code `invalid-scorer`) if the file
    is not one of golden rows, NotFound if it is missing.
    """
    for number, expected in enumerate(_read(folder / GOLDEN), start=1):
        if not _agree(expected, _ask(scorer, expected.features), scorer.signature.threshold):
            raise Invalid(
                f"golden row {number} of the model has another answer here than when it was packaged; "
                "package it again",
                code="golden-mismatch",
            )


def _read(path: Path) -> list[GoldenRow]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise Invalid(f"{path.name} is larger than {_LARGEST_FILE} bytes", code="invalid-scorer")
        return msgspec.json.decode(path.read_bytes(), type=list[GoldenRow])
    except FileNotFoundError as error:
        raise NotFound(f"no {path.name} in this folder: package the model again") from error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} does not hold golden rows: {error}", code="invalid-scorer") from error


def _ask(scorer: Scorer, features: dict[str, object]) -> GoldenRow:
    try:
        answer = scorer.score(features)
    except Invalid:
        return GoldenRow(features=features, refused=True)
    if isinstance(answer, Ignored):
        return GoldenRow(features=features, ignored=answer.reason)
    assert isinstance(answer, Prediction)
    return GoldenRow(features=features, prediction=answer.prediction, probas=answer.probas)


def _agree(expected: GoldenRow, found: GoldenRow, threshold: float | None) -> bool:
    if (expected.ignored, expected.refused) != (found.ignored, found.refused):
        return False
    if isinstance(expected.prediction, float | int) and isinstance(found.prediction, float):
        return math.isclose(expected.prediction, found.prediction, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    first, second = expected.probas or {}, found.probas or {}
    if first.keys() != second.keys() or any(abs(first[name] - second[name]) > TOLERANCE for name in first):
        return False
    return expected.prediction == found.prediction or _undecided(expected, found, threshold)


def _undecided(expected: GoldenRow, found: GoldenRow, threshold: float | None) -> bool:
    """Whether two labels differ only because the last bits of a probability decide between them."""
    probas = found.probas or {}
    if threshold is not None:
        return any(abs(probability - threshold) <= TOLERANCE for probability in [*probas.values()][-1:])
    first, second = (probas.get(str(row.prediction), math.inf) for row in (expected, found))
    return abs(first - second) <= TOLERANCE
