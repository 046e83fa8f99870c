"""The exported scorer of a model version, with the proof that it agrees with the original."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from msgspec.structs import replace
from sklearn.pipeline import Pipeline

from scoreline.core.model import Signature
from scoreline.core.parity import ParityReport
from scoreline.errors import Invalid
from scoreline.scoring.export import export_model
from scoreline.scoring.files import load_scorer
from scoreline.scoring.golden import write_golden
from scoreline.scoring.parity import check_parity
from scoreline.studio.frames import record_value
from scoreline.studio.threads import one_thread

_GOLDEN_ROWS = 40
_MOST_BUILT_FEATURES = 10


@dataclass(frozen=True)
class ScorerOutcome:
    """What became of the export. Without a kind there is no scorer, and `problem` says why."""

    kind: str | None
    problem: str
    parity: ParityReport | None


def write_scorer(
    pipeline: Pipeline,
    signature: Signature,
    frame: pd.DataFrame,
    records: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    seed: int,
    test_probabilities: Sequence[float] | None,
) -> ScorerOutcome:
    """Export a pipeline into `folder`, if the scorer agrees with it on the rows of `frame` and on built ones.

    `records` become the golden rows. When the pipeline cannot be exported or the scorer differs, the folder
    is not there afterwards.
    """
    folder.mkdir()
    try:
        kind = export_model(pipeline, signature, folder, test_probabilities=test_probabilities)
    except Invalid as error:
        shutil.rmtree(folder)
        return ScorerOutcome(kind=None, problem=error.message, parity=None)
    scorer = load_scorer(folder)
    with one_thread():
        parity = check_parity(pipeline, scorer, frame, seed=seed)
    if not math.isfinite(parity.max_difference):
        parity = replace(parity, max_difference=sys.float_info.max)  # JSON has no infinity
    if not parity.passed:
        shutil.rmtree(folder)
        first = parity.first_failures[0] if parity.first_failures else "no further detail"
        return ScorerOutcome(
            kind=None, problem=f"the {kind} scorer differs from the original: {first}", parity=parity
        )
    write_golden(scorer, records, folder)
    return ScorerOutcome(kind=kind, problem="", parity=parity)


def golden_records(table: pa.Table, signature: Signature, places: Sequence[int]) -> list[dict[str, Any]]:
    """Records to prove a scorer by: rows of the table, and the first of them made difficult.

    `places` are rows of the table; at most 40 of them are taken, evenly.
    """
    names = [feature.name for feature in signature.features]
    step = max(1, len(places) // _GOLDEN_ROWS)
    chosen = list(places)[::step][:_GOLDEN_ROWS]
    rows = table.select(names).take(pa.array(chosen, pa.int64())).to_pylist()
    records = [{name: record_value(value) for name, value in row.items()} for row in rows]
    first = records[0]
    built: list[dict[str, Any]] = [{}, dict.fromkeys(names)]
    for feature in signature.features[:_MOST_BUILT_FEATURES]:
        odd: Any = "never seen in training" if feature.handling == "category" else -1e9
        built.extend(({**first, feature.name: None}, {**first, feature.name: odd}))
    return [*records, *built]
