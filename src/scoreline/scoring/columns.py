"""What the columns are that a fitted encoder hands to its model, one by one: numbers of slots, or codes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from scoreline.core.model import Feature, Signature
from scoreline.errors import Invalid
from scoreline.scoring.document import CategorySlot, NumericSlot, Slot, Step

Numbers = np.ndarray[Any, np.dtype[np.float64]]

_UNKNOWN = "\x00no such category"
_PROBES_AT_ONCE = 512


@dataclass(frozen=True)
class NumericColumn:
    """A column that is the number of a slot."""

    slot: int


@dataclass(frozen=True)
class CodedColumn:
    """A column whose value hangs on the code of a slot."""

    slot: int
    size: int
    usual: float
    """The value of code 0, and of every code that is not in `others`."""
    others: dict[int, float]

    def values(self) -> Numbers:
        """The value for each code."""
        values = np.full(self.size, self.usual)
        values[list(self.others)] = list(self.others.values())
        return values


Column = NumericColumn | CodedColumn


@dataclass
class Encoding:
    """The slots of a record and the columns made of them, in the model's order."""

    slots: list[Slot] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)


def not_exportable(reason: str) -> Invalid:
    """The error for a model that cannot be written as data."""
    return Invalid(f"the model cannot be exported: {reason}", code="not-exportable")


def read_columns(encoder: Any, signature: Signature) -> Encoding:
    """Slots and columns of a fitted ColumnTransformer.

    Numeric features: any chain of SimpleImputer, StandardScaler and MinMaxScaler. Category features:
    optionally SimpleImputer, then OneHotEncoder or OrdinalEncoder. Raises Invalid (code `not-exportable`),
    naming the step, for anything else.
    """
    if not isinstance(encoder, ColumnTransformer):
        raise not_exportable(f"its encoder is a {type(encoder).__name__}, not a ColumnTransformer")
    if getattr(encoder, "sparse_output_", False):
        raise not_exportable("its encoder makes sparse columns; use sparse_output=False")
    positions = {feature.name: index for index, feature in enumerate(signature.features)}
    encoding = Encoding()
    for name, transformer, selected in encoder.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        names = _names(encoder, selected)
        if names and name == "remainder":
            raise not_exportable("its encoder passes on columns that no branch names (remainder)")
        unknown = [column for column in names if column not in positions]
        if unknown:
            raise not_exportable(f"column {unknown[0]!r} is not in the signature")
        _read_branch(encoding, name, _steps(transformer), [positions[column] for column in names], signature)
    _check_use(encoding, signature)
    return encoding


def _names(encoder: ColumnTransformer, selected: Any) -> list[str]:
    """Names of the columns that a branch takes, however they were given."""
    every = np.asarray(encoder.feature_names_in_, dtype=object)
    if isinstance(selected, slice) and (isinstance(selected.start, str) or isinstance(selected.stop, str)):
        raise not_exportable("a branch of its encoder takes a slice of names; list them")
    if isinstance(selected, str):
        return [selected]
    if isinstance(selected, slice):
        return [str(name) for name in every[selected]]
    chosen = np.asarray(selected)
    if chosen.size == 0:
        return []
    if chosen.dtype.kind in "biu":
        return [str(name) for name in every[chosen]]
    return [str(name) for name in chosen]


def _steps(transformer: Any) -> list[Any]:
    if isinstance(transformer, Pipeline):
        return [step for _, inner in transformer.steps for step in _steps(inner)]
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return []
    # ColumnTransformer fits a "passthrough" as a FunctionTransformer without a function.
    if type(transformer).__name__ == "FunctionTransformer" and transformer.func is None:
        return []
    return [transformer]


def _read_branch(
    encoding: Encoding, name: str, steps: Sequence[Any], features: Sequence[int], signature: Signature
) -> None:
    kinds = {signature.features[index].handling for index in features}
    if len(kinds) > 1:
        raise not_exportable(f"branch {name!r} mixes numeric and category features")
    if kinds == {"numeric"}:
        _read_numbers(encoding, name, steps, features)
    elif kinds:
        _read_categories(encoding, name, steps, [(index, signature.features[index]) for index in features])


# ---- numbers -------------------------------------------------------------------------------------


def _read_numbers(encoding: Encoding, name: str, steps: Sequence[Any], features: Sequence[int]) -> None:
    found: list[list[Step]] = [[] for _ in features]
    for step in steps:
        if isinstance(step, SimpleImputer):
            _fill(step, found)
        elif isinstance(step, StandardScaler):
            _standardize(step, found)
        elif isinstance(step, MinMaxScaler):
            _stretch(step, found)
        else:
            raise not_exportable(
                f"branch {name!r} has a {type(step).__name__}, which is not known for numbers"
            )
    for feature, own in zip(features, found, strict=True):
        encoding.columns.append(NumericColumn(len(encoding.slots)))
        encoding.slots.append(NumericSlot(feature, tuple(own)))


def _fill(imputer: SimpleImputer, found: list[list[Step]]) -> None:
    missing = imputer.missing_values
    if not (isinstance(missing, float) and math.isnan(missing)):
        raise not_exportable("a SimpleImputer of numbers has missing_values other than NaN")
    if imputer.add_indicator:
        raise not_exportable("a SimpleImputer has add_indicator=True")
    for own, value in zip(found, imputer.statistics_, strict=True):
        if not math.isfinite(float(value)):
            raise not_exportable("a SimpleImputer has nothing to fill a column with that was always missing")
        own.append(Step("fill", float(value)))


def _standardize(scaler: StandardScaler, found: list[list[Step]]) -> None:
    for index, own in enumerate(found):
        if scaler.with_mean:
            own.append(Step("subtract", float(scaler.mean_[index])))
        if scaler.with_std:
            own.append(Step("divide", float(scaler.scale_[index])))


def _stretch(scaler: MinMaxScaler, found: list[list[Step]]) -> None:
    for index, own in enumerate(found):
        own.append(Step("multiply", float(scaler.scale_[index])))
        own.append(Step("add", float(scaler.min_[index])))
        if scaler.clip:
            low, high = scaler.feature_range
            own.append(Step("clip", float(low), float(high)))


# ---- categories ----------------------------------------------------------------------------------


def _read_categories(
    encoding: Encoding, name: str, steps: Sequence[Any], features: Sequence[tuple[int, Feature]]
) -> None:
    """Ask the fitted branch itself what it makes of every category, of a missing one and of an unknown one.

    So whatever its options are (drop, infrequent categories, fills, unknown values), they hold.
    """
    encoder = _category_encoder(name, steps)
    known = [_texts(categories) for categories in encoder.categories_]
    probe = _Probe(steps, [feature.name for _, feature in features], known)
    usual = probe.unknown()
    taken = np.zeros(len(usual), dtype=bool)
    added: dict[int, CodedColumn] = {}
    for position, (index, feature) in enumerate(features):
        slot = len(encoding.slots)
        codes, others, size = probe.codes(position, usual)
        encoding.slots.append(CategorySlot(index, codes, size))
        for column, own in others.items():
            if taken[column]:
                raise not_exportable(f"branch {name!r} mixes {feature.name!r} with other features")
            taken[column] = True
            added[column] = CodedColumn(slot, size, float(usual[column]), own)
    for column, value in enumerate(usual):
        # A column that no category changes may hang on any slot.
        constant = CodedColumn(len(encoding.slots) - 1, size, float(value), {})
        encoding.columns.append(added.get(column, constant))


def _category_encoder(name: str, steps: Sequence[Any]) -> Any:
    *before, encoder = steps or [None]
    if not isinstance(encoder, OneHotEncoder | OrdinalEncoder):
        raise not_exportable(
            f"branch {name!r} ends in a {type(encoder).__name__}, not in a one-hot or ordinal encoder"
        )
    if encoder.handle_unknown == "error":
        raise not_exportable(f"branch {name!r} has handle_unknown='error'")
    if isinstance(encoder, OneHotEncoder) and encoder.sparse_output:
        raise not_exportable(f"branch {name!r} makes sparse columns; use sparse_output=False")
    for step in before:
        if not isinstance(step, SimpleImputer) or step.add_indicator:
            raise not_exportable(
                f"branch {name!r} has a {type(step).__name__}, which is not known for categories"
            )
    return encoder


def _texts(categories: Any) -> list[str]:
    texts = [category for category in categories.tolist() if isinstance(category, str) and category.strip()]
    if _UNKNOWN in texts:
        raise not_exportable("a category has the name that stands for unknown ones")
    return texts


@dataclass(frozen=True)
class _Probe:
    """Runs the steps of a branch on made-up rows: one feature takes a value, the others are unknown."""

    steps: Sequence[Any]
    names: list[str]
    known: list[list[str]]

    def unknown(self) -> Numbers:
        row: Numbers = self._run(0, [_UNKNOWN])[0]
        return row

    def codes(self, position: int, usual: Numbers) -> tuple[dict[str, int], dict[int, dict[int, float]], int]:
        """Category -> code; column -> code -> value where it is not the usual one; number of codes."""
        codes: dict[str, int] = {}
        others: dict[int, dict[int, float]] = {}
        seen = {usual.tobytes(): 0}
        values = ["", *self.known[position]]
        for start in range(0, len(values), _PROBES_AT_ONCE):
            chunk = values[start : start + _PROBES_AT_ONCE]
            for value, row in zip(chunk, self._run(position, chunk), strict=True):
                code = codes[value] = seen.setdefault(row.tobytes(), len(seen))
                if code != len(seen) - 1 or code == 0:
                    continue
                for column in np.flatnonzero(~((row == usual) | (np.isnan(row) & np.isnan(usual)))).tolist():
                    others.setdefault(column, {})[code] = float(row[column])
        return codes, others, len(seen)

    def _run(self, position: int, values: list[str]) -> Numbers:
        columns = {
            name: pd.Series(values if index == position else [_UNKNOWN] * len(values), dtype=object)
            for index, name in enumerate(self.names)
        }
        table: Any = pd.DataFrame(columns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that categories are unknown is the point
            for step in self.steps:
                table = step.transform(table)
        made: Numbers = np.array(table, dtype=np.float64)
        made += 0.0  # so that there is no negative zero
        return made


def _check_use(encoding: Encoding, signature: Signature) -> None:
    used = {slot.feature for slot in encoding.slots}
    for index, feature in enumerate(signature.features):
        if index not in used:
            raise not_exportable(
                f"feature {feature.name!r} of the signature goes into no branch of its encoder"
            )
