"""From a record to the vector of numbers that a model takes, one function made for each model."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from scoreline.core.model import Feature
from scoreline.errors import Invalid
from scoreline.scoring.document import CategorySlot, NumericSlot, ScorerDocument, Step
from scoreline.scoring.values import to_category, to_number

_EXACT = 2**53
"""Whole numbers up to here are doubles, too."""
_MOST_SOURCES = 32

Vector = tuple[float, ...]
Encode = Callable[[Mapping[str, object]], Vector]


class RequiredMissing(Exception):
    """A feature without which a record is not scored is missing."""

    def __init__(self, feature: str) -> None:
        super().__init__(feature)
        self.feature = feature


@dataclass(frozen=True)
class NumberReader:
    """Reads one numeric slot, whatever the value is."""

    feature: Feature
    steps: tuple[Step, ...]
    accepts_missing: bool
    limit: float

    def __call__(self, value: object) -> float:
        number = to_number(value, self.feature.name)
        if math.isnan(number) and self.feature.required:
            raise RequiredMissing(self.feature.name)
        for step in self.steps:
            number = _STEPS[step.operation](number, step.a, step.b)
        if math.isnan(number):
            if not self.accepts_missing:
                raise _invalid(self.feature, "a number; the model cannot do without it")
        elif abs(number) > self.limit:
            raise _invalid(self.feature, "a smaller number; the model cannot hold one as large")
        return number


@dataclass(frozen=True)
class CategoryReader:
    """Reads one category slot, whatever the value is."""

    feature: Feature
    codes: Mapping[str, int]

    def __call__(self, value: object) -> int:
        category = to_category(value, self.feature.name)
        if not category and self.feature.required:
            raise RequiredMissing(self.feature.name)
        return self.codes.get(category, 0)


def make_encoder(document: ScorerDocument) -> Encode:
    """The function from record to vector. It raises Invalid (code `invalid-record`) and RequiredMissing.

    Its source is written here for the slots of one model, so that the usual values cost a comparison each;
    unusual ones go through a reader. Nothing of the document is in it, so that models of one shape share it.
    """
    names: dict[str, object] = {"most": sys.float_info.max}
    names["least"], names["limit"] = -_limit(document), _limit(document)
    lines = ["def encode(record):", " get = record.get"]
    for index, slot in enumerate(document.slots):
        feature = document.signature.features[slot.feature]
        names[f"name{index}"] = feature.name
        if isinstance(slot, NumericSlot):
            names[f"read{index}"] = NumberReader(
                feature, slot.steps, document.accepts_missing, _limit(document)
            )
            lines += _number_lines(index, slot.steps, names)
        else:
            names[f"read{index}"] = CategoryReader(feature, slot.codes)
            names[f"codes{index}"] = usual_codes(slot)
            lines += _category_lines(index)
    lines.append(f" return ({''.join(f'x{index}, ' for index in range(len(document.slots)))})")
    return compile_function("\n".join(lines), "encode", names)


def usual_codes(slot: CategorySlot) -> dict[str, int]:
    """The codes of the categories that are not missing."""
    return {category: code for category, code in slot.codes.items() if category.strip()}


def compile_function(
    source: str, name: str, names: dict[str, object], constants: Mapping[str, object] | None = None
) -> Callable[..., Vector]:
    """The function `name` in a source that the scorer wrote itself, with values for its names.

    `constants`: what stands for a text of the source; it is found faster than by a name. A source is compiled
    once for all models of its shape: nothing else runs while Python compiles.
    """
    code = _compiled(source, name)
    known: Mapping[Any, object] = constants or {}
    # A copy in any case, because the interpreter notes in the code where it has found the names.
    code = code.replace(co_consts=tuple(known.get(each, each) for each in code.co_consts))
    return FunctionType(code, names, name)


@lru_cache(_MOST_SOURCES)
def _compiled(source: str, name: str) -> CodeType:
    module = compile(source, f"<scoreline {name}>", "exec")
    return next(code for code in module.co_consts if isinstance(code, CodeType))


def _number_lines(index: int, steps: Sequence[Step], names: dict[str, object]) -> list[str]:
    expression = "v"
    lines = [
        f" v = get(name{index})",
        f" if v.__class__ is int and -{_EXACT} <= v <= {_EXACT}: v = float(v)",
        " if v.__class__ is float and -most <= v <= most:",
    ]
    for number, step in enumerate(steps):
        a, b = f"a{index}_{number}", f"b{index}_{number}"
        names[a], names[b] = step.a, step.b
        if step.operation == "clip":
            lines.append(f"  v = {expression}")
            expression = f"({a} if v < {a} else {b} if v > {b} else v)"
        elif step.operation != "fill":
            expression = f"({expression} {_OPERATORS[step.operation]} {a})"
    lines.append(f"  x{index} = {expression}")
    if steps or names["limit"] != math.inf:
        lines.append(f"  if not least <= x{index} <= limit: x{index} = read{index}(get(name{index}))")
    return [*lines, f" else: x{index} = read{index}(v)"]


def _category_lines(index: int) -> list[str]:
    return [
        f" v = get(name{index})",
        f" x{index} = codes{index}.get(v) if v.__class__ is str else None",
        f" if x{index} is None: x{index} = read{index}(v)",
    ]


def _limit(document: ScorerDocument) -> float:
    return math.inf if document.limit is None else document.limit


def _invalid(feature: Feature, expected: str) -> Invalid:
    return Invalid(f"feature {feature.name!r}: expected {expected}", code="invalid-record")


_OPERATORS = {"subtract": "-", "divide": "/", "multiply": "*", "add": "+"}
_STEPS: dict[str, Callable[[float, float, float], float]] = {
    "fill": lambda x, a, _: a if math.isnan(x) else x,
    "subtract": lambda x, a, _: x - a,
    "divide": lambda x, a, _: x / a,
    "multiply": lambda x, a, _: x * a,
    "add": lambda x, a, _: x + a,
    "clip": lambda x, a, b: a if x < a else b if x > b else x,
}
