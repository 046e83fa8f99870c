"""Numbers in paths."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
"""The number of a row; greater ones are more than the catalog can hold."""
