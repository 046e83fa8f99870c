"""Figures as people read them: as many digits as tell something, with their unit."""

from __future__ import annotations

import math


def number(value: float | int | None, digits: int = 4) -> str:
    """A number with so many significant digits, thousands apart; whole numbers whole. `None` is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.{digits - 1}e}"
    if abs(value) < 1e-4:
        return f"{value:.{max(1, digits - 2)}e}"
    decimals = (
        max(0, digits - 1 - math.floor(math.log10(abs(value))))
        if abs(value) < 1
        else digits - len(str(int(abs(value))))
    )
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as a percentage."""
    if value is None:
        return "–"
    return (
        f"{value * 100:.{decimals}f}".rstrip("0").rstrip(".") + " %" if decimals else f"{value * 100:.0f} %"
    )


def size(count: int | None) -> str:
    """Bytes."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def seconds(value: float | None) -> str:
    """How long something took."""
    if value is None:
        return "–"
    if value < 0.95:
        return f"{value * 1000:.0f} ms" if value >= 0.001 else f"{value * 1000:.2g} ms"
    if value < 59.5:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def milliseconds(value: float | None) -> str:
    """How long something took, given in milliseconds."""
    return "–" if value is None else f"{number(value, 3)} ms"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 version`, `2 versions`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def initials(name: str) -> str:
    """Two letters that stand for a person."""
    parts = [part for part in name.replace("_", " ").replace(".", " ").replace("-", " ").split() if part]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[1][0] if len(parts) > 1 else parts[0][1:2])).upper()
