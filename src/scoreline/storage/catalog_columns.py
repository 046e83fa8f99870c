"""Values in columns of the catalog: small structures as JSON text."""

from __future__ import annotations

from typing import Any

import msgspec


def to_text(value: Any) -> str | None:
    """A value as it stands in a column; None stays None."""
    return None if value is None else msgspec.json.encode(value).decode()
