"""What one value of a record means: as a number, as a category, or as missing.

Training reads the columns of its tables by the same rules, so that a model sees in a query what it saw then.
"""

from __future__ import annotations

import math
import re

from scoreline.errors import Invalid

MISSING_NUMBER = math.nan
MISSING_CATEGORY = ""

_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def is_missing(value: object) -> bool:
    """Whether a value counts as not given: None, or text that is empty or only white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def to_number(value: object, feature: str | None = None) -> float:
    """The value of a numeric feature; NaN when it is missing.

    Whole numbers, decimal numbers, booleans (true is 1) and text that holds a plain number are numbers.
    Raises Invalid (code `invalid-record`), naming `feature` if given, for anything else and for numbers that
    a double cannot hold.
    """
    if is_missing(value):
        return MISSING_NUMBER
    number = _as_float(value)
    if number is None:
        raise _invalid(feature, "a number, or text that holds one")
    if not math.isfinite(number):
        raise _invalid(feature, "a finite number of at most 1.79e308")
    return number


def to_category(value: object, feature: str | None = None) -> str:
    """The value of a category feature as text; "" when it is missing.

    Booleans become `true` and `false`; whole numbers lose their decimal point (5.0 is "5").
    Raises Invalid (code `invalid-record`), naming `feature` if given, for lists, objects and numbers that are
    not finite.
    """
    if isinstance(value, str):
        return value if value.strip() else MISSING_CATEGORY
    if value is None:
        return MISSING_CATEGORY
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else float.__repr__(value)
    if isinstance(value, int) and value.bit_length() <= 1024:
        return str(int(value))
    raise _invalid(feature, "text, a number or a boolean")


def _as_float(value: object) -> float | None:
    """The number that a value holds, infinite when it is too large for a double; None when it holds none."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _PLAIN_NUMBER.fullmatch(text) else None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return None


def _invalid(feature: str | None, expected: str) -> Invalid:
    what = f"feature {feature!r}" if feature is not None else "value"
    return Invalid(f"{what}: expected {expected}", code="invalid-record")
