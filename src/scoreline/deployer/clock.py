"""The time of day as the catalog keeps it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """ISO 8601, UTC, to the millisecond: texts that sort as the times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
