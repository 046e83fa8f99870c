"""Cells: the ranges and categories over which two distributions are compared and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from scoreline.core.drift import Cell

_RANGES = 10
_MOST_VALUES = 20
_MOST_CATEGORIES = 30
_LEAST_SHARE = 0.005
_MISSING = "(missing)"
_OTHERS = "(others)"


def range_bounds(values: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """The upper bounds, ascending, of all ranges but the last, which is open.

    Ten ranges of about as many reference values each. Where there are at most 20 different values: one range
    that ends at each of them, and one below all of them.
    """
    distinct = np.unique(values)
    if len(distinct) <= _MOST_VALUES:
        below = [float(np.nextafter(distinct[0], -np.inf))] if len(distinct) else []
        return (*below, *distinct.tolist())
    inner = np.quantile(values, np.arange(1, _RANGES) / _RANGES, method="inverted_cdf")
    return tuple(bound for bound in np.unique(inner).tolist() if bound < distinct[-1])


def range_cells(
    bounds: Sequence[float], reference: Mapping[int, int], current: Mapping[int, int]
) -> tuple[Cell, ...]:
    """Cells of ranges from counts by the place of a range; the place -1 is that of missing values.

    Cells without rows are left out.
    """
    cells = [
        Cell(label=label, reference=reference.get(place, 0), current=current.get(place, 0))
        for place, label in enumerate(_labels(bounds))
    ]
    found = tuple(cell for cell in cells if cell.reference or cell.current)
    return (*found, *_missing(reference.get(-1, 0), current.get(-1, 0)))


def _labels(bounds: Sequence[float]) -> list[str]:
    if not bounds:
        return ["all"]
    shown = [f"{bound:.6g}" for bound in bounds]
    labels = [f"up to {shown[0]}"]
    labels += [f"({low}, {high}]" for low, high in pairwise(shown)]
    labels += [f"above {shown[-1]}"]
    if len(bounds) > 1 and bounds[0] == np.nextafter(bounds[1], -np.inf):
        labels[:2] = [f"below {shown[1]}", shown[1]]
    return labels


def category_cells(
    reference: Mapping[str, int], current: Mapping[str, int], missing: tuple[int, int]
) -> tuple[Cell, ...]:
    """Cells of the most frequent categories of both sides together; rare ones are one cell at the end."""
    rows = (sum(reference.values()), sum(current.values()))
    shares = {
        name: sum(
            side.get(name, 0) / total for side, total in zip((reference, current), rows, strict=True) if total
        )
        for name in {*reference, *current}
    }
    ordered = sorted(shares, key=lambda name: (-shares[name], name))
    named = [name for name in ordered[:_MOST_CATEGORIES] if shares[name] >= _LEAST_SHARE]
    cells = [
        Cell(label=name, reference=reference.get(name, 0), current=current.get(name, 0)) for name in named
    ]
    left = [
        total - sum(side.get(name, 0) for name in named)
        for side, total in zip((reference, current), rows, strict=True)
    ]
    if any(left):
        cells.append(Cell(label=_OTHERS, reference=left[0], current=left[1]))
    return (*cells, *_missing(*missing))


def _missing(reference: int, current: int) -> tuple[Cell, ...]:
    return (Cell(label=_MISSING, reference=reference, current=current),) if reference or current else ()
