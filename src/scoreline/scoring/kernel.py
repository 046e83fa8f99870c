"""The tree kernel, if it is built: an ensemble as an object in C."""

from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING

from scoreline.errors import Invalid, Unavailable
from scoreline.scoring.document import CategorySlot, Ensemble, ScorerDocument, Slot
from scoreline.scoring.encoder import usual_codes
from scoreline.scoring.trees import Trees

if TYPE_CHECKING:
    from scoreline.scoring._kernel import Forest

try:
    from scoreline.scoring import _kernel
except ImportError:
    KERNEL_IS_BUILT = False
else:
    KERNEL_IS_BUILT = sys.byteorder == "little"
"""Whether this installation has the kernel. Without it, the twin gives the same answers, more slowly."""

# In the order of the kernel's enumerations.
_LINKS = ("identity", "sigmoid", "softmax", "pairwise_softmax", "mean", "single_sigmoid", "single_softmax")
_OPERATIONS = ("fill", "subtract", "divide", "multiply", "add", "clip")


def make_forest(document: ScorerDocument, ensemble: Ensemble, trees: Trees) -> Forest:
    """The ensemble for the kernel: `score(record)` gives the outputs, or None if the encoder must read the
    record; `outputs(vector)` gives the outputs for an encoded record.

    Raises Invalid (code `invalid-scorer`) if the arrays are wrong, Unavailable if the kernel is not built.
    """
    if not KERNEL_IS_BUILT:
        raise Unavailable("the tree kernel is not built here; install Scoreline with a C compiler at hand")
    try:
        return _kernel.Forest(
            tuple(_slot(document, slot) for slot in document.slots),
            trees.roots,
            trees.outputs,
            trees.nodes,
            trees.leaves,
            trees.bits,
            struct.pack(f"<{len(ensemble.start)}d", *ensemble.start),
            ensemble.width,
            _LINKS.index(ensemble.link),
            ensemble.scale,
            ensemble.single,
            math.inf if document.limit is None else document.limit,
            document.accepts_missing,
        )
    except ValueError as error:
        raise Invalid(
            f"the scorer cannot be used: {error}; export the model again", code="invalid-scorer"
        ) from error


def _slot(document: ScorerDocument, slot: Slot) -> tuple[str, dict[str, int] | None, int, int, bool, bytes]:
    feature = document.signature.features[slot.feature]
    if isinstance(slot, CategorySlot):
        return feature.name, usual_codes(slot), slot.size, slot.missing, feature.required, b""
    steps = b"".join(
        struct.pack("<3d", _OPERATIONS.index(step.operation), step.a, step.b) for step in slot.steps
    )
    return feature.name, None, 0, 0, feature.required, steps
