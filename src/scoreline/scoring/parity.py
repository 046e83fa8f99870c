"""The parity check: whether a scorer answers like the pipeline that it was exported from."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from scoreline.core.model import Feature, Task
from scoreline.core.parity import ParityReport
from scoreline.core.prediction import Ignored, Prediction
from scoreline.errors import Invalid
from scoreline.scoring.built_rows import BuiltRow, Record, build_rows, recombine
from scoreline.scoring.columns import Numbers
from scoreline.scoring.scorer import ExportedScorer
from scoreline.scoring.values import to_category, to_number

TOLERANCE = 1e-9
"""Greatest difference of a probability, or of a value relative to its size if that is above 1."""

_MOST_FAILURES = 10
_MOST_REFUSALS = 40
"""About so many refused rows are tried on the original, one by one."""
_TWIN_SECONDS = 5.0
_FEWEST_TWIN_ROWS = 500
_LAST_BITS = 4 * 2.0**-53

_Answer = Prediction | Ignored | Invalid


def check_parity(
    pipeline: Any, scorer: ExportedScorer, frame: pd.DataFrame, *, seed: int, rows: int = 10_000
) -> ParityReport:
    """Compare a scorer with the fitted pipeline on `rows` rows of `frame`, recombined if there are fewer, and
    on built rows.

    `frame` has the columns of the signature, as in training or plainer; other columns do not matter. It must
    have rows. The report says whether the scorer may be used; nothing is raised when it may not.
    """
    started = time.perf_counter()
    rng = np.random.default_rng(seed)
    compared_rows = _rows(scorer, frame, rows, rng)
    answers = [_ask(scorer, row.record) for row in compared_rows]
    findings = _Findings(scorer, compared_rows)
    findings.compare_answers(_Original(pipeline, scorer), answers)
    agree, compared = _compare_twin(scorer, compared_rows, rng)
    if agree is False:
        findings.fail(None, "kernel and twin differ")
    return ParityReport(
        rows=rows,
        built_rows=len(compared_rows) - rows,
        refused=sum(not isinstance(answer, Prediction) for answer in answers),
        max_difference=findings.max_difference,
        tolerance=TOLERANCE,
        exact_required=scorer.document.exact,
        unequal=findings.unequal,
        label_mismatches=findings.label_mismatches,
        kernel_equals_twin=agree,
        twin_rows=compared,
        passed=not findings.failures,
        first_failures=tuple(findings.failures),
        seconds=round(time.perf_counter() - started, 3),
    )


def _rows(
    scorer: ExportedScorer, frame: pd.DataFrame, count: int, rng: np.random.Generator
) -> list[BuiltRow]:
    """The rows to compare: `count` from the data, then those that are made up."""
    features = scorer.signature.features
    records = frame_records(frame.iloc[rng.permutation(len(frame))[:count]], features)
    if not records:
        raise Invalid("the parity check needs rows; the training data has none")
    records += recombine(records, features, count - len(records), rng)
    from_data = [BuiltRow(record, f"data row {number}") for number, record in enumerate(records)]
    return from_data + build_rows(scorer.document, scorer.trees, records, rng)


def frame_records(frame: pd.DataFrame, features: Sequence[Feature]) -> list[Record]:
    """The rows of a frame as records; what pandas takes for missing is None."""
    columns = []
    for feature in features:
        column = frame[feature.name]
        values, missing = column.tolist(), column.isna().tolist()
        columns.append([None if gone else value for value, gone in zip(values, missing, strict=True)])
    names = [feature.name for feature in features]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def records_frame(records: Sequence[Record], features: Sequence[Feature]) -> pd.DataFrame:
    """Records as the frame that a pipeline is trained on: float64 with NaN, and text with "" for missing."""
    columns: dict[str, Any] = {}
    for feature in features:
        name = feature.name
        if feature.handling == "numeric":
            columns[name] = np.array([to_number(record.get(name)) for record in records], dtype=np.float64)
        else:
            columns[name] = pd.Series([to_category(record.get(name)) for record in records], dtype=object)
    return pd.DataFrame(columns)


def _ask(scorer: ExportedScorer, record: Record) -> _Answer:
    try:
        return scorer.score(record)
    except Invalid as refusal:
        return refusal


class _Original:
    """The pipeline, asked in batches."""

    def __init__(self, pipeline: Any, scorer: ExportedScorer) -> None:
        model = copy.copy(pipeline.named_steps["model"])
        if type(model).__name__.startswith("RandomForest"):
            model.n_jobs = 1  # several threads add up the trees in no fixed order
        self._pipeline = Pipeline([("encode", pipeline.named_steps["encode"]), ("model", model)])
        self._features = scorer.signature.features
        self._regression = scorer.signature.task is Task.REGRESSION

    def outputs(self, records: Sequence[Record]) -> Numbers:
        """One row per record: its probabilities, or its value. Raises what the pipeline raises."""
        frame = records_frame(records, self._features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that categories are unknown
            answers = (self._pipeline.predict if self._regression else self._pipeline.predict_proba)(frame)
        return np.asarray(answers, dtype=np.float64).reshape(len(records), -1)

    def refuses(self, record: Record) -> bool:
        """Whether the pipeline raises, or answers with something that is not a number."""
        try:
            return not np.isfinite(self.outputs([record])).all()
        except Exception:
            return True


@dataclass
class _Findings:
    """What differs, counted; the first failures in words."""

    scorer: ExportedScorer
    rows: Sequence[BuiltRow]

    def __post_init__(self) -> None:
        self.failures: list[str] = []
        self.max_difference = 0.0
        self.unequal = 0
        self.label_mismatches = 0

    def fail(self, row: int | None, what: str) -> None:
        """Note a failure, unless there are enough."""
        if len(self.failures) < _MOST_FAILURES:
            self.failures.append(what if row is None else f"{self.rows[row].about}: {what}")

    def compare_answers(self, original: _Original, answers: Sequence[_Answer]) -> None:
        """Compare all answers with the original's."""
        scored = [row for row, answer in enumerate(answers) if isinstance(answer, Prediction)]
        self._compare_refusals(original, answers)
        if not scored:
            self.fail(None, "the scorer answers no row")
            return
        try:
            expected = original.outputs([self.rows[row].record for row in scored])
        except Exception as error:
            self.fail(None, f"the original refuses rows that the scorer answers ({type(error).__name__})")
            return
        predictions = [answers[row] for row in scored]
        found = np.array([_numbers(prediction) for prediction in predictions], dtype=np.float64)
        if found.shape != expected.shape:
            self.fail(None, f"the scorer has {found.shape[1]} outputs, the original {expected.shape[1]}")
            return
        self._compare_numbers(scored, found, expected)
        self._compare_labels(scored, predictions, expected)

    def _compare_refusals(self, original: _Original, answers: Sequence[_Answer]) -> None:
        refused = [row for row, answer in enumerate(answers) if isinstance(answer, Invalid)]
        for row in refused[:: max(1, len(refused) // _MOST_REFUSALS)]:
            if not original.refuses(self.rows[row].record):
                self.fail(row, "the scorer refuses what the original answers")
        for row, answer in enumerate(answers):
            if isinstance(answer, Invalid):
                continue
            if isinstance(answer, Ignored) != self._lacks_required(self.rows[row].record):
                self.fail(row, "a record is left out that has all it needs, or scored without it")

    def _lacks_required(self, record: Record) -> bool:
        for feature in self.scorer.signature.features:
            if feature.required:
                value = record.get(feature.name)
                missing = (
                    math.isnan(to_number(value)) if feature.handling == "numeric" else not to_category(value)
                )
                if missing:
                    return True
        return False

    def _compare_numbers(self, scored: Sequence[int], found: Numbers, expected: Numbers) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
        difference[np.isnan(difference)] = math.inf
        worst = difference.max(axis=1)
        unequal = (found != expected).any(axis=1)
        self.max_difference = float(worst.max())
        self.unequal = int(unequal.sum())
        allowed = (_exact_tolerance() if self.scorer.document.exact else TOLERANCE) * np.ones(len(worst))
        for index in np.flatnonzero(worst > allowed).tolist():
            self.fail(scored[index], f"differs by {worst[index]:.3g}")

    def _compare_labels(self, scored: Sequence[int], predictions: Sequence[Any], expected: Numbers) -> None:
        signature = self.scorer.signature
        if signature.task is Task.REGRESSION:
            return
        for row, prediction, probabilities in zip(scored, predictions, expected.tolist(), strict=True):
            position = signature.classes.index(prediction.prediction)
            if not _is_label(position, probabilities, signature.threshold):
                self.label_mismatches += 1
                self.fail(row, "another class")


def _is_label(position: int, probabilities: list[float], threshold: float | None) -> bool:
    """Whether a class is the one to predict, or one that only the tolerance decides about."""
    if threshold is None:
        return probabilities[position] >= max(probabilities) - TOLERANCE
    distance = probabilities[1] - threshold
    return abs(distance) <= TOLERANCE or position == int(distance >= 0)


def _numbers(prediction: Any) -> list[float]:
    return [prediction.prediction] if prediction.probas is None else list(prediction.probas.values())


def _exact_tolerance() -> float:
    """0, unless NumPy's exponential, which scikit-learn uses for several classes, is not the C library's.

    With AVX-512 it differs in the last bit.
    """
    values = np.linspace(-30.0, 0.0, 4001)
    same = all(map(float.__eq__, np.exp(values).tolist(), map(math.exp, values.tolist())))
    return 0.0 if same else _LAST_BITS


def _compare_twin(
    scorer: ExportedScorer, rows: Sequence[BuiltRow], rng: np.random.Generator
) -> tuple[bool | None, int]:
    """Whether kernel and twin give the same answers, and on how many rows that was seen."""
    if not scorer.uses_kernel:
        return None, 0
    twin = scorer.with_kernel(False)
    deadline = time.perf_counter() + _TWIN_SECONDS
    compared = 0
    for row in rng.permutation(len(rows)).tolist():
        if _text(_ask(scorer, rows[row].record)) != _text(_ask(twin, rows[row].record)):
            return False, compared
        compared += 1
        if compared >= _FEWEST_TWIN_ROWS and time.perf_counter() > deadline:
            break
    return True, compared


def _text(answer: _Answer) -> str:
    """An answer as text that tells every bit of its numbers."""
    return answer.message if isinstance(answer, Invalid) else repr(answer)
