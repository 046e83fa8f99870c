"""Drift column by column: every statistic of two-sample comparison for numbers and for categories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from scoreline.core.drift import Cell, ColumnDrift
from scoreline.statistics.cells import category_cells, range_bounds, range_cells
from scoreline.statistics.counting import Columns, count_categories, count_ranges, is_category
from scoreline.statistics.two_samples import (
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
    rate_p_value,
    wasserstein,
)
from scoreline.storage.queries import Select, selecting

_MOST_VALUES = 20
_MOST_NEW = 20


def compare_columns(reference: Columns, current: Columns, scratch: Path) -> dict[str, ColumnDrift]:
    """The drift of every column of `reference`; `current` has the same columns, of the same kinds.

    `scratch` is a folder for what does not fit in memory.
    """
    categories = [name for name, values in reference.items() if is_category(values)]
    numbers = [name for name in reference if name not in categories]
    with selecting(scratch) as select:
        found = _compare_categories(_only(reference, categories), _only(current, categories), select)
        found |= _compare_numbers(_only(reference, numbers), _only(current, numbers), select)
    return {name: found[name] for name in reference}


def _compare_categories(reference: Columns, current: Columns, select: Select) -> dict[str, ColumnDrift]:
    if not reference:
        return {}
    before, after = count_categories(reference, select), count_categories(current, select)
    return {name: compare_counts(before[name], after[name]) for name in reference}


def compare_counts(reference: Mapping[str, int], current: Mapping[str, int]) -> ColumnDrift:
    """The drift of categories, from rows by category; those under "" are missing."""
    missing = (reference.get("", 0), current.get("", 0))
    before = {name: count for name, count in reference.items() if name}
    after = {name: count for name, count in current.items() if name}
    names = sorted({*reference, *current})
    tested = chi_square([reference.get(n, 0) for n in names], [current.get(n, 0) for n in names])
    one_value = len(names) == 1 and all(sum(side.values()) for side in (reference, current))
    new = {name: count for name, count in after.items() if name not in before}
    rows = sum(current.values())
    drift = ColumnDrift(
        handling="category",
        p_value=tested[1] if tested else (1.0 if one_value else None),
        js=None,
        psi=None,
        chi_square=tested[0] if tested else None,
        chi_square_p_value=tested[1] if tested else None,
        new_categories=dict(sorted(new.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_NEW]),
        new_category_count=len(new),
        new_category_share=sum(new.values()) / rows if rows else None,
    )
    drift = _with_nulls(drift, missing, (sum(reference.values()), rows))
    return _with_cells(drift, category_cells(before, after, missing))


def _compare_numbers(reference: Columns, current: Columns, select: Select) -> dict[str, ColumnDrift]:
    if not reference:
        return {}
    bounds = {name: range_bounds(values[~np.isnan(values)]) for name, values in reference.items()}
    before, after = count_ranges(reference, bounds, select), count_ranges(current, bounds, select)
    return {
        name: _compare_values(values, current[name], range_cells(bounds[name], before[name], after[name]))
        for name, values in reference.items()
    }


def _compare_values(
    reference: np.ndarray[Any, Any], current: np.ndarray[Any, Any], cells: tuple[Cell, ...]
) -> ColumnDrift:
    # Sorted: SciPy sorts them, several times over, and is quick with what is in order.
    before, after = np.sort(reference[~np.isnan(reference)]), np.sort(current[~np.isnan(current)])
    missing = (len(reference) - len(before), len(current) - len(after))
    drift = ColumnDrift(handling="numeric", p_value=None, js=None, psi=None)
    if len(before) and len(after):
        distance = wasserstein(before, after)
        deviation = float(before.std())
        statistic, p_value = kolmogorov_smirnov(before, after)
        discrete = _chi_square_of_values(before, after)
        drift = msgspec.structs.replace(
            drift,
            p_value=p_value if discrete is None else discrete[1],
            ks=statistic,
            ks_p_value=p_value,
            wasserstein=distance,
            wasserstein_scaled=distance / deviation if deviation > 0 else None,
            chi_square=discrete[0] if discrete else None,
            chi_square_p_value=discrete[1] if discrete else None,
        )
    drift = _with_nulls(drift, missing, (len(reference), len(current)))
    if any(missing) and drift.null_rate_p_value is not None:
        # Two tests, of the values and of how many are missing: the lesser p-value, by Bonferroni.
        least = min(p for p in (drift.p_value, drift.null_rate_p_value) if p is not None)
        drift = msgspec.structs.replace(drift, p_value=min(1.0, 2 * least))
    return _with_cells(drift, cells)


def _chi_square_of_values(
    reference: np.ndarray[Any, Any], current: np.ndarray[Any, Any]
) -> tuple[float, float] | None:
    """By different value where there are few: there the other test sees drift less often than it says."""
    before, before_counts = np.unique(reference, return_counts=True)
    if len(before) > _MOST_VALUES:
        return None
    after, after_counts = np.unique(current, return_counts=True)
    if len(after) > _MOST_VALUES:
        return None
    counts = (dict(zip(before, before_counts, strict=True)), dict(zip(after, after_counts, strict=True)))
    values = np.union1d(before, after)
    return chi_square(*([int(side.get(value, 0)) for value in values] for side in counts))


def _with_nulls(drift: ColumnDrift, missing: tuple[int, int], rows: tuple[int, int]) -> ColumnDrift:
    if not all(rows):
        return drift
    return msgspec.structs.replace(
        drift,
        reference_null_rate=missing[0] / rows[0],
        null_rate=missing[1] / rows[1],
        null_rate_p_value=rate_p_value(missing[0], rows[0], missing[1], rows[1]),
    )


def _with_cells(drift: ColumnDrift, cells: tuple[Cell, ...]) -> ColumnDrift:
    before, after = [cell.reference for cell in cells], [cell.current for cell in cells]
    some = sum(before) > 0 and sum(after) > 0
    return msgspec.structs.replace(
        drift,
        js=jensen_shannon(before, after) if some else None,
        psi=population_stability_index(before, after) if some else None,
        cells=cells,
    )


def _only(columns: Columns, names: list[str]) -> Columns:
    return {name: columns[name] for name in names}
