"""The time of day as the catalog keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """ISO 8601, UTC, to the millisecond: texts that sort as the times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def now_after(moment: str) -> str:
    """Now, but later than a moment in any case: clocks can be set back."""
    next_moment = datetime.fromisoformat(moment) + timedelta(milliseconds=1)
    return max(now(), next_moment.isoformat(timespec="milliseconds"))
