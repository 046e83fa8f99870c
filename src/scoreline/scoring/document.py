"""What an exported model is as data: `scorer.json`, whose trees, if it has any, stand beside it.

A record becomes a vector with one number per *slot*. A numeric slot is the feature's number after a few
steps of arithmetic. A category slot is a small whole number, the code of the feature's category: everything
that the model's encoder makes of one category hangs on its code. Code 0 stands for every category without
a code.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

from scoreline.core.model import Signature, Task
from scoreline.errors import Invalid
from scoreline.scoring.links import single

FORMAT = 1
"""The scorer format written today."""

_MOST_SLOTS = 65_535
_MOST_OUTPUTS = 10_000
_GREATEST_LEAF = 1e290
_GREATEST_SINGLE_LEAF = 1e30

LinkName = Literal[
    "identity", "sigmoid", "softmax", "pairwise_softmax", "mean", "single_sigmoid", "single_softmax"
]


class Step(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One step of arithmetic on a number, in double."""

    operation: Literal["fill", "subtract", "divide", "multiply", "add", "clip"]
    """`fill`: a missing number becomes `a`. `clip`: to at least `a` and at most `b`."""
    a: float
    b: float = 0.0


class NumericSlot(Struct, frozen=True, tag_field="kind", tag="numeric", forbid_unknown_fields=True):
    """The number of a feature after some steps."""

    feature: int
    """Position in the signature."""
    steps: tuple[Step, ...] = ()


class CategorySlot(Struct, frozen=True, tag_field="kind", tag="category", forbid_unknown_fields=True):
    """The code of a feature's category."""

    feature: int
    codes: dict[str, int]
    """Category -> code. A missing category is "". What is not here has code 0."""
    size: int
    """Codes are smaller than this."""

    @property
    def missing(self) -> int:
        """The code of a missing category."""
        return self.codes.get("", 0)


Slot = NumericSlot | CategorySlot


class Linear(Struct, frozen=True, tag_field="kind", tag="linear", forbid_unknown_fields=True):
    """Raw scores that are sums of one term per slot."""

    link: LinkName
    intercept: tuple[float, ...]
    """One per output."""
    weights: tuple[tuple[tuple[float, ...], ...], ...]
    """Per output, per slot: the factor of a number (one), or the term of each code."""


class Ensemble(Struct, frozen=True, tag_field="kind", tag="trees", forbid_unknown_fields=True):
    """Raw scores that are sums of one leaf per tree; the trees are in `trees.bin`."""

    link: LinkName
    start: tuple[float, ...]
    """Where the sum of each output begins."""
    scale: float = 1.0
    """`sigmoid`: the factor of the raw score. `mean`: the number of trees."""
    single: bool = False
    """Whether sums are rounded to float32 after each tree."""
    width: int = 1
    """Values of a leaf: one, or one per output."""


class ScorerDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exported model."""

    format: int
    signature: Signature
    library: str
    """What trained it, such as `scikit-learn trees`."""
    exact: bool
    """Whether the answers must equal the library's bit for bit."""
    slots: tuple[Slot, ...]
    accepts_missing: bool
    """Whether the model takes a number that is still missing after the steps."""
    limit: float | None = None
    """Greatest magnitude of a number that the model takes; None: any."""
    model: Linear | Ensemble
    percentiles: tuple[float, ...] | None = None
    """Binary: for i from 1 to 100 the smallest probability that at least i percent of the test rows do not
    exceed."""

    @property
    def outputs(self) -> int:
        """How many raw scores the model has."""
        return len(self.model.intercept if isinstance(self.model, Linear) else self.model.start)


def check_document(document: ScorerDocument) -> None:
    """Check what the types cannot say. Raises Invalid (code `invalid-scorer`)."""
    _check_signature(document)
    if len(document.slots) > _MOST_SLOTS:
        _refuse("it has more than 65535 slots")
    for slot in document.slots:
        _check_slot(document, slot)
    if document.limit is not None and not document.limit > 0:
        _refuse("its limit is not positive")
    if not 1 <= document.outputs <= _MOST_OUTPUTS:
        _refuse("it has no outputs, or more than 10000")
    if isinstance(document.model, Linear):
        _check_linear(document, document.model)
    else:
        _check_ensemble(document, document.model)
    if document.percentiles is not None:
        _check_percentiles(document.percentiles)


def _check_signature(document: ScorerDocument) -> None:
    signature, link = document.signature, document.model.link
    names = [feature.name for feature in signature.features]
    if len(set(names)) != len(names):
        _refuse("two features have one name")
    regression = signature.task is Task.REGRESSION
    if regression != (link == "identity" or (link == "mean" and not signature.classes)):
        _refuse("its task and its link do not fit")
    answers = 2 if link in ("sigmoid", "single_sigmoid") else document.outputs
    classes = len(set(signature.classes))
    if classes != len(signature.classes) or (classes if classes else 1) != answers:
        _refuse("its classes are not one per output")
    if signature.task is Task.BINARY and (classes != 2 or signature.threshold is None):
        _refuse("a binary model has two classes and a threshold")


def _check_slot(document: ScorerDocument, slot: Slot) -> None:
    if not 0 <= slot.feature < len(document.signature.features):
        _refuse("a slot belongs to no feature")
    if isinstance(slot, NumericSlot):
        for step in slot.steps:
            if not math.isfinite(step.a) or not math.isfinite(step.b):
                _refuse("a step holds no finite number")
            if step.operation == "divide" and step.a == 0:
                _refuse("a step divides by zero")
        return
    if not 1 <= slot.size < 2**31:
        _refuse("a category slot has no codes")
    if any(not 0 <= code < slot.size for code in slot.codes.values()):
        _refuse("a code is out of range")


def _check_linear(document: ScorerDocument, linear: Linear) -> None:
    if linear.link not in ("identity", "sigmoid", "softmax"):
        _refuse("a linear model has no such link")
    if linear.link == "sigmoid" and document.outputs != 1:
        _refuse("a sigmoid has one output")
    if len(linear.weights) != document.outputs:
        _refuse("its weights are not one row per output")
    widths = [slot.size if isinstance(slot, CategorySlot) else 1 for slot in document.slots]
    for row in linear.weights:
        if [len(terms) for terms in row] != widths:
            _refuse("its weights do not fit its slots")
        if not all(math.isfinite(term) for terms in row for term in terms):
            _refuse("a weight is not finite")
    if not all(map(math.isfinite, linear.intercept)):
        _refuse("a weight is not finite")


def _check_ensemble(document: ScorerDocument, ensemble: Ensemble) -> None:
    if ensemble.width not in (1, document.outputs):
        _refuse("a leaf has one value, or one per output")
    if ensemble.link in ("sigmoid", "single_sigmoid") and document.outputs != 1:
        _refuse("a sigmoid has one output")
    if not 0 < abs(ensemble.scale) <= 1e6:
        _refuse("its scale is out of range")
    if ensemble.link == "mean" and (ensemble.scale < 1 or not ensemble.scale.is_integer()):
        _refuse("it is the mean of no trees")
    if not all(fine_leaf(value, single=ensemble.single) for value in ensemble.start):
        _refuse("a start is out of range")
    if ensemble.single and any(single(value) != value for value in ensemble.start):
        _refuse("a start is no float32")


def _check_percentiles(percentiles: tuple[float, ...]) -> None:
    if len(percentiles) != 100 or any(not 0 <= value <= 1 for value in percentiles):
        _refuse("its percentiles are not 100 probabilities")
    if list(percentiles) != sorted(percentiles):
        _refuse("its percentiles are not in order")


def fine_leaf(value: float, *, single: bool) -> bool:
    """Whether sums of very many such values stay finite."""
    return abs(value) <= (_GREATEST_SINGLE_LEAF if single else _GREATEST_LEAF)


def _refuse(reason: str) -> None:
    raise Invalid(f"the scorer cannot be used: {reason}; export the model again", code="invalid-scorer")
