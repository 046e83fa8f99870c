"""The kernel and its twin give the same answers, bit for bit, whatever the trees, the nodes and the link."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.core.model import Feature, Signature, Task
from scoreline.core.schema import ColumnType
from scoreline.errors import Invalid, Unavailable
from scoreline.scoring.document import (
    CategorySlot,
    Ensemble,
    NumericSlot,
    ScorerDocument,
    Step,
    check_document,
)
from scoreline.scoring.kernel import KERNEL_IS_BUILT, make_forest
from scoreline.scoring.scorer import make_scorer
from scoreline.scoring.trees import Kind, Trees, pack_node
from scoreline.scoring.twin import make_twin

needs_kernel = pytest.mark.skipif(not KERNEL_IS_BUILT, reason="no kernel is built")

NUMBERS = [0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 0.5, 1.0, -1.0, 2.5, 1e300]
NUMBERS += [math.inf, -math.inf, math.nan]
CATEGORIES = ["", "a", "b", "c", "ü", "it's", "no such", " "]
VALUES: list[object] = [None, "", " ", "2.5", True, 1, -3, 10**400, 2**53 + 1, [], "x", math.nan, 1e39]
VALUES += CATEGORIES
OPERATIONS = ["fill", "subtract", "divide", "multiply", "add", "clip"]
SEVERAL = ["softmax", "pairwise_softmax", "single_softmax", "mean"]
# Trees of so many nodes are walked by the twin, smaller ensembles are written as a function.
MANY_NODES = 16_001


def random_document(rng: np.random.Generator) -> tuple[ScorerDocument, Ensemble]:
    outputs = int(rng.choice([1, 1, 2, 3, 9, 17, 150]))
    link = str(rng.choice(["identity", "sigmoid", "single_sigmoid", "mean"] if outputs == 1 else SEVERAL))
    ensemble = Ensemble(
        link,  # type: ignore[arg-type]
        tuple(rng.normal(size=outputs).astype(np.float32).tolist()),
        scale=float(rng.choice([1.0, 2.0, 5.0])),
        single=link.startswith("single"),
        width=outputs if link == "mean" else 1,
    )
    slots: list[Any] = [random_slot(rng, index) for index in range(rng.choice([1, 3, 6, 140]))]
    classes = 2 if "sigmoid" in link else outputs
    regression = classes == 1
    features = tuple(
        Feature(
            name=f"f{index}'\"\n\\",
            type=ColumnType.DOUBLE,
            handling="numeric" if isinstance(slot, NumericSlot) else "category",
            missing=str(rng.choice(["native", "ignore_record"])),
        )
        for index, slot in enumerate(slots)
    )
    signature = Signature(
        task=Task.REGRESSION if regression else Task.BINARY if classes == 2 else Task.MULTICLASS,
        target="y",
        features=features,
        classes=() if regression else tuple(f"c{i}" for i in range(classes)),
        threshold=0.5 if classes == 2 else None,
    )
    document = ScorerDocument(
        format=1,
        signature=signature,
        library="none",
        exact=True,
        slots=tuple(slots),
        accepts_missing=bool(rng.integers(0, 2)),
        limit=[None, 3.4e38][rng.integers(0, 2)],
        model=ensemble,
    )
    check_document(document)
    return document, ensemble


def random_slot(rng: np.random.Generator, index: int) -> NumericSlot | CategorySlot:
    if rng.random() < 0.5:
        names = rng.choice(OPERATIONS, size=rng.integers(0, 4)).tolist()
        numbers = rng.choice([1.0, -2.5, 3.0], size=len(names)).tolist()
        return NumericSlot(index, tuple(Step(name, a, 4.0) for name, a in zip(names, numbers, strict=True)))
    size = int(rng.choice([1, 2, 5, 64, 65, 200]))
    return CategorySlot(index, {name: int(rng.integers(0, size)) for name in CATEGORIES[:6]}, size)


def random_trees(rng: np.random.Generator, document: ScorerDocument, ensemble: Ensemble, nodes: int) -> Trees:
    """Trees of at least so many nodes together."""
    made: list[tuple[float, int, int, int]] = []
    roots: list[int] = []
    while len(made) < nodes:
        roots.append(len(made))
        grow(rng, made, document, ensemble, depth=int(rng.integers(0, 8)))
    rows = [float(x) for x in rng.normal(size=3 * ensemble.width)] if ensemble.width > 1 else []
    targets = rng.integers(0, document.outputs, size=len(roots)).tolist()
    return Trees(
        struct.pack(f"<{len(roots)}I", *roots),
        struct.pack(f"<{len(roots)}I", *targets),
        b"".join(pack_node(*node) for node in made),
        struct.pack(f"<{len(rows)}d", *rows),
        rng.bytes(8 * 8),
    )


def grow(
    rng: np.random.Generator, made: list[Any], document: ScorerDocument, ensemble: Ensemble, depth: int
) -> None:
    if depth == 0 or rng.random() < 0.1:
        made.append((float(np.float32(rng.normal())), int(rng.integers(0, 3)), 0, Kind.LEAF))
        return
    index, slot = len(made), int(rng.integers(0, len(document.slots)))
    own = document.slots[slot]
    size = own.size if isinstance(own, CategorySlot) else 0
    kind = int(rng.integers(1, 7 if size else 6))
    value = float(rng.choice([rng.normal(), *NUMBERS[:-1]]))
    if kind == Kind.MEMBER:
        value = float(rng.integers(0, 8 * 64 - size + 1))
    elif size:
        value = float(rng.choice([rng.integers(0, size), rng.integers(0, size) + 0.5]))
    made.append(None)
    grow(rng, made, document, ensemble, depth - 1)
    made[index] = (value, len(made), slot, kind)
    grow(rng, made, document, ensemble, depth - 1)


def random_number(rng: np.random.Generator, slot: Any) -> float:
    if isinstance(slot, CategorySlot):
        return int(rng.integers(0, slot.size))
    return float(rng.choice([rng.normal(), *NUMBERS]))


def bits(answer: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(answer)}d", *answer)


@needs_kernel
@pytest.mark.parametrize("nodes", [1, 200, pytest.param(MANY_NODES, marks=pytest.mark.slow)])
def test_vectors_have_the_same_outputs(nodes: int, repetitions: Callable[..., int]) -> None:
    @settings(max_examples=repetitions(quick=5 if nodes == MANY_NODES else 40, whole=500))
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        rng = np.random.default_rng(seed)
        document, ensemble = random_document(rng)
        trees = random_trees(rng, document, ensemble, nodes)
        forest, twin = make_forest(document, ensemble, trees), make_twin(document, ensemble, trees)
        walker = make_twin(document, ensemble, trees, always_walk=True)

        for _ in range(20):
            vector = tuple(random_number(rng, slot) for slot in document.slots)
            assert bits(forest.outputs(vector)) == bits(walker(vector))
            assert bits(twin(vector)) == bits(walker(vector))

    check()


@needs_kernel
def test_records_have_the_same_answers_and_the_same_refusals(repetitions: Callable[..., int]) -> None:
    @settings(max_examples=repetitions(quick=60, whole=2000))
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        rng = np.random.default_rng(seed)
        document, ensemble = random_document(rng)
        trees = random_trees(rng, document, ensemble, 50)
        scorers = [make_scorer(document, trees, kernel=kernel) for kernel in (True, False)]
        names = [feature.name for feature in document.signature.features]

        for _ in range(20):
            record: dict[str, object] = {}
            for name, feature in zip(names, document.signature.features, strict=True):
                usual = float(rng.normal()) if feature.handling == "numeric" else str(rng.choice(CATEGORIES))
                if rng.random() < 0.97:
                    record[name] = usual if rng.random() < 0.9 else VALUES[rng.integers(0, len(VALUES))]
            first, second = (outcome(scorer, record) for scorer in scorers)
            assert first == second

    check()


def outcome(scorer: Any, record: dict[str, object]) -> str:
    try:
        return repr(scorer.score(record))
    except Invalid as refusal:
        return refusal.message


@pytest.mark.skipif(KERNEL_IS_BUILT, reason="the kernel is built")
def test_asking_for_a_kernel_that_is_not_built_says_so() -> None:
    document, ensemble = random_document(np.random.default_rng(0))

    with pytest.raises(Unavailable, match="compiler"):
        make_forest(document, ensemble, random_trees(np.random.default_rng(0), document, ensemble, 1))
