"""Expectations of test queries: whether an answer is the expected one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOLERANCE = 1e-9


def difference(expected: Any, given: Any, at: str = "result") -> str | None:
    """Where `given` is not as expected, in words; None when it is.

    An object must hold every key that is expected, with an equal value, and may hold more. Numbers are equal
    within 1e-9. Values are named by their place, never shown.
    """
    if isinstance(expected, Mapping):
        if not isinstance(given, Mapping):
            return f"{at} is no object"
        for key, value in expected.items():
            place = f"{at}.{key}"
            if key not in given:
                return f"{place} is not there"
            found = difference(value, given[key], place)
            if found is not None:
                return found
        return None
    if isinstance(expected, list | tuple):
        if not isinstance(given, list | tuple) or len(given) != len(expected):
            return f"{at} is no list of {len(expected)}"
        pairs = enumerate(zip(expected, given, strict=True))
        found_in = (difference(one, other, f"{at}[{index}]") for index, (one, other) in pairs)
        return next((found for found in found_in if found is not None), None)
    return None if _equal(expected, given) else f"{at} differs from what is expected"


def _equal(expected: Any, given: Any) -> bool:
    if _is_number(expected) and _is_number(given):
        return bool(expected == given or abs(expected - given) <= TOLERANCE)
    return type(expected) is type(given) and bool(expected == given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
