"""Records made up to find where a scorer and its original part: each with what is special about it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoreline.core.model import Feature
from scoreline.scoring.columns import Numbers
from scoreline.scoring.document import CategorySlot, NumericSlot, ScorerDocument, Step
from scoreline.scoring.trees import Kind, Trees

Record = dict[str, object]

_MOST_THRESHOLD_ROWS = 40_000
_MOST_CATEGORY_ROWS = 5_000
_BASES = 5

_GREATEST_SINGLE = float(np.finfo(np.float32).max)
_EXTREMES: tuple[object, ...] = (
    0.0,
    -0.0,
    5e-324,
    1e-300,
    1e-35,
    -1e-35,
    1.0000000180025095e-35,
    1e-38,
    0.5,
    1e7,
    16777217,
    2**53 + 1,
    10**30,
    -(10**30),
    _GREATEST_SINGLE,
    3.4028235677973362e38,
    3.4028235677973366e38,
    -3.4028235677973362e38,
    1e39,
    1e300,
    -1e300,
    sys.float_info.max,
    -sys.float_info.max,
)
_NUMBERS_AS_OTHERS: tuple[object, ...] = (
    True,
    False,
    0,
    1,
    -7,
    "12.5",
    " 3 ",
    "-1e3",
    "0",
    "1429",
    ".5",
    "1e-7",
)
_CATEGORIES_AS_OTHERS: tuple[object, ...] = (
    "no such category",
    "\N{SNOWMAN}",
    "x" * 300,
    " leading",
    "NaN",
    "None",
    True,
    False,
    0,
    5,
    5.0,
    0.5,
    -1,
    10**20,
)
_ABSENT: tuple[object, ...] = (None, "", "  ")


@dataclass(frozen=True)
class BuiltRow:
    """A record and what is special about it."""

    record: Record
    about: str


def build_rows(
    document: ScorerDocument, trees: Trees | None, base: Sequence[Record], rng: np.random.Generator
) -> list[BuiltRow]:
    """Records with missing values, unseen categories, every category, every threshold of the trees and its
    neighbours, extremes and values of other types. All others of their values come from the records `base`.
    """
    features = document.signature.features
    rows = [BuiltRow({}, "nothing given")]
    for feature in features:
        rows += _special(feature, base, rng)
    rows += _categories(document, base, rng)
    if trees is not None:
        rows += _thresholds(document, trees, base, rng)
    return rows


def recombine(
    base: Sequence[Record], features: Sequence[Feature], count: int, rng: np.random.Generator
) -> list[Record]:
    """Records whose every value comes from another record of `base`."""
    picks = rng.integers(0, len(base), size=(count, len(features)))
    names = [feature.name for feature in features]
    return [{name: base[row][name] for name, row in zip(names, pick, strict=True)} for pick in picks.tolist()]


def _special(feature: Feature, base: Sequence[Record], rng: np.random.Generator) -> Iterator[BuiltRow]:
    if feature.handling == "numeric":
        values = (*_EXTREMES, *_NUMBERS_AS_OTHERS, *_beyond(feature))
    else:
        values = _CATEGORIES_AS_OTHERS
    for index in rng.integers(0, len(base), size=_BASES).tolist():
        record = base[index]
        left_out = {name: value for name, value in record.items() if name != feature.name}
        yield BuiltRow(left_out, f"{feature.name!r} left out")
        for value in (*_ABSENT, *values):
            yield BuiltRow({**record, feature.name: value}, f"{feature.name!r} is {str(value)[:40]!r}")
        own = record[feature.name]
        if feature.handling == "numeric" and isinstance(own, float):
            yield BuiltRow({**record, feature.name: int(own)}, f"{feature.name!r} as a whole number")
            yield BuiltRow({**record, feature.name: repr(own)}, f"{feature.name!r} as text")


def _beyond(feature: Feature) -> tuple[float, ...]:
    if feature.minimum is None or feature.maximum is None:
        return ()
    width = feature.maximum - feature.minimum
    return (feature.minimum - 10 * width, feature.minimum, feature.maximum, feature.maximum + 10 * width)


def _categories(
    document: ScorerDocument, base: Sequence[Record], rng: np.random.Generator
) -> Iterator[BuiltRow]:
    """Every known category at least once, up to a bound."""
    values: dict[str, list[Any]] = {}
    for slot in document.slots:
        if isinstance(slot, CategorySlot):
            values[document.signature.features[slot.feature].name] = list(slot.codes)[:_MOST_CATEGORY_ROWS]
    yield from _pack(values, base, rng, "known categories")


def _thresholds(
    document: ScorerDocument, trees: Trees, base: Sequence[Record], rng: np.random.Generator
) -> Iterator[BuiltRow]:
    """Every threshold as a value of the record, with its neighbours in float32 and float64."""
    own: dict[int, set[float]] = {}
    for value, _, slot, kind in trees.node_list():
        if kind not in (Kind.LEAF, Kind.EQUAL, Kind.MEMBER):
            own.setdefault(slot, set()).add(value)
    values: dict[str, list[Any]] = {}
    for index, found in sorted(own.items()):
        slot_ = document.slots[index]
        if isinstance(slot_, NumericSlot):
            name = document.signature.features[slot_.feature].name
            values.setdefault(name, []).extend(_neighbours(np.array(sorted(found)), slot_.steps))
    for name, candidates in values.items():
        if len(candidates) > _MOST_THRESHOLD_ROWS:
            chosen = rng.choice(len(candidates), size=_MOST_THRESHOLD_ROWS, replace=False)
            values[name] = [candidates[i] for i in chosen.tolist()]
    yield from _pack(values, base, rng, "at a threshold")


def _neighbours(thresholds: Numbers, steps: Sequence[Step]) -> list[float]:
    with np.errstate(all="ignore"):
        single = thresholds.astype(np.float32)
        wanted = [thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf), single]
        wanted += [np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))]
        plain = [_undo(values.astype(np.float64), steps) for values in wanted]
        if steps:
            plain += [np.nextafter(plain[0], np.inf), np.nextafter(plain[0], -np.inf)]
    together = np.unique(np.concatenate(plain))
    return [float(value) for value in together[np.isfinite(together)]]


def _undo(values: Numbers, steps: Sequence[Step]) -> Numbers:
    """About the number that the steps turn into a value."""
    for step in reversed(steps):
        match step.operation:
            case "subtract":
                values = values + step.a
            case "divide":
                values = values * step.a
            case "multiply":
                values = values / step.a
            case "add":
                values = values - step.a
    return values


def _pack(
    values: dict[str, list[Any]], base: Sequence[Record], rng: np.random.Generator, about: str
) -> Iterator[BuiltRow]:
    """Rows that take the next value of every feature at once; a feature that runs out begins again."""
    count = max(map(len, values.values()), default=0)
    for row, index in enumerate(rng.integers(0, len(base), size=count).tolist()):
        changed = {name: own[row % len(own)] for name, own in values.items() if own}
        yield BuiltRow({**base[index], **changed}, about)
