"""Scorers: from a record to a prediction, without the library that trained the model."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from scoreline.core.model import Signature, Task
from scoreline.core.prediction import Ignored, Prediction
from scoreline.errors import Invalid
from scoreline.scoring.document import CategorySlot, Ensemble, Linear, ScorerDocument
from scoreline.scoring.encoder import Encode, RequiredMissing, Vector, make_encoder
from scoreline.scoring.kernel import KERNEL_IS_BUILT, make_forest
from scoreline.scoring.links import link_for
from scoreline.scoring.trees import Trees
from scoreline.scoring.twin import make_twin

Record = Mapping[str, object]
Outputs = Callable[[Vector], Vector]
Score = Callable[[Record], Prediction | Ignored]


class Scorer(Protocol):
    """Scores records. Safe to share between threads."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""

    @property
    def kind(self) -> str:
        """linear or trees."""

    def score(self, features: Record) -> Prediction | Ignored:
        """The prediction for one record; Ignored when a required feature is missing.

        Features that the model does not know are passed over. Raises Invalid (code `invalid-record`) for a
        value that is not what its feature takes.
        """

    def score_many(self, records: Sequence[Record]) -> list[Prediction | Ignored]:
        """One answer per record, in order. Raises as `score` does, at the first wrong record."""


class ExportedScorer:
    """Scores with an exported model: linear, or trees with the kernel or its twin."""

    def __init__(self, document: ScorerDocument, trees: Trees | None, *, kernel: bool) -> None:
        """`document` is checked; `trees` is not. Raises Invalid (code `invalid-scorer`) if they are wrong."""
        self.document = document
        self.trees = trees
        self.signature = document.signature
        self.encode: Encode = make_encoder(document)
        self.outputs: Outputs
        self.uses_kernel = False
        self._plain: Callable[[Record], Vector | None] | None = None
        if isinstance(document.model, Linear):
            self.kind = "linear"
            self.outputs = _linear_outputs(document, document.model)
        else:
            self.kind = "trees"
            self._use_trees(document.model, kernel=kernel)
        # Not a method: what a query calls should not look up what it needs.
        self.score: Score = _make_score(self.encode, self.outputs, _make_answer(document), self._plain)
        """See Scorer."""

    def _use_trees(self, ensemble: Ensemble, *, kernel: bool) -> None:
        if self.trees is None:
            raise Invalid("the scorer cannot be used: trees.bin is missing", code="invalid-scorer")
        self.uses_kernel = kernel
        if kernel:
            forest = make_forest(self.document, ensemble, self.trees)
            self.outputs, self._plain = forest.outputs, forest.score
        else:
            self.outputs = make_twin(self.document, ensemble, self.trees)

    def with_kernel(self, kernel: bool) -> ExportedScorer:
        """The same model scored by the kernel, or by its twin."""
        return ExportedScorer(self.document, self.trees, kernel=kernel)

    def score_many(self, records: Sequence[Record]) -> list[Prediction | Ignored]:
        """See Scorer."""
        return [self.score(record) for record in records]


def make_scorer(
    document: ScorerDocument, trees: Trees | None, *, kernel: bool | None = None
) -> ExportedScorer:
    """The scorer of a checked document. `kernel` None: with the kernel where it is built."""
    return ExportedScorer(document, trees, kernel=KERNEL_IS_BUILT if kernel is None else kernel)


def _make_score(
    encode: Encode,
    outputs: Outputs,
    answer: Callable[[Vector], Prediction],
    outputs_of_plain: Callable[[Record], Vector | None] | None,
) -> Score:
    """`outputs_of_plain` gives the outputs of most records in one go, and None for the others."""

    def score(features: Record) -> Prediction | Ignored:
        try:
            return answer(outputs(encode(features)))
        except RequiredMissing as missing:
            return Ignored("IGNORED_BY_MODEL", missing.feature)

    if outputs_of_plain is None:
        return score

    def score_plain(features: Record) -> Prediction | Ignored:
        found = outputs_of_plain(features)
        return score(features) if found is None else answer(found)

    return score_plain


def _linear_outputs(document: ScorerDocument, linear: Linear) -> Outputs:
    link = link_for(linear.link, scale=1.0)
    rows = [
        (
            intercept,
            [(i, terms[0]) for i, terms in enumerate(row) if not _is_category(document, i)],
            [(i, terms) for i, terms in enumerate(row) if _is_category(document, i)],
        )
        for intercept, row in zip(linear.intercept, linear.weights, strict=True)
    ]

    def outputs(vector: Vector) -> Vector:
        raw = []
        for score, factors, terms in rows:
            for index, factor in factors:
                score += vector[index] * factor
            for index, term in terms:
                score += term[vector[index]]  # type: ignore[call-overload]  # codes are whole numbers
            raw.append(score)
        answers = link(raw)
        if not all(map(math.isfinite, answers)):
            raise Invalid("the record's numbers are too large for the model", code="invalid-record")
        return answers

    return outputs


def _is_category(document: ScorerDocument, slot: int) -> bool:
    return isinstance(document.slots[slot], CategorySlot)


def _make_answer(document: ScorerDocument) -> Callable[[Vector], Prediction]:
    signature = document.signature
    if signature.task is Task.REGRESSION:
        return lambda outputs: Prediction(outputs[0])
    if signature.task is Task.BINARY:
        return _binary_answer(signature, document.percentiles)
    classes = signature.classes

    def most_probable(outputs: Vector) -> Prediction:
        return Prediction(classes[outputs.index(max(outputs))], dict(zip(classes, outputs, strict=True)))

    return most_probable


def _binary_answer(
    signature: Signature, percentiles: tuple[float, ...] | None
) -> Callable[[Vector], Prediction]:
    negative, positive = signature.classes
    threshold = signature.threshold

    def answer(outputs: Vector) -> Prediction:
        other, probability = outputs
        return Prediction(
            positive if probability >= threshold else negative,  # type: ignore[operator]  # checked to be there
            {negative: other, positive: probability},
            None if percentiles is None else bisect_right(percentiles, probability),
        )

    return answer
