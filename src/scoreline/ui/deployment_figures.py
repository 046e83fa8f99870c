"""Small pictures of traffic and mappings, as attributes of SVG: pages have no style attributes. And times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from scoreline.core.deployment import GenerationsMapping

_SLIM = 1.5
"""Room above and below a line, so that it is not cut."""


class Part(Struct, frozen=True):
    """One generation in a bar."""

    generation: str
    share: float
    """From 0 to 1."""
    begin: float
    """Where it begins, from 0 to 1."""


def bar(mapping: GenerationsMapping | None) -> list[Part]:
    """The generations of a mapping side by side, as wide as their shares."""
    parts: list[Part] = []
    begin = 0.0
    for entry in mapping.entries if mapping else ():
        parts.append(Part(entry.generation, entry.proba, begin))
        begin += entry.proba
    return parts


def line(values: Sequence[float], width: float, height: float) -> str:
    """The points of a line through values, from 0 at the bottom to the largest at the top."""
    top = max((*values, 0.0)) or 1.0
    step = width / max(len(values) - 1, 1)
    room = height - 2 * _SLIM
    return " ".join(
        f"{place * step:.1f},{height - _SLIM - room * value / top:.1f}" for place, value in enumerate(values)
    )


def took(started_at: str, finished_at: str | None) -> float:
    """Seconds from one time to another; None: until now."""
    end = datetime.fromisoformat(finished_at) if finished_at else datetime.now(UTC)
    return max((end - datetime.fromisoformat(started_at)).total_seconds(), 0.0)
