"""Where on a form the message of an error belongs."""

from __future__ import annotations

from collections.abc import Mapping

from scoreline.errors import ScorelineError

Complaints = Mapping[str, str]
"""Name of a field -> what is wrong with it; under the empty name what belongs to none."""


def complaints(error: ScorelineError, places: Mapping[str, str]) -> Complaints:
    """An error beside its field. `places`: code of an error -> name of the field."""
    return {places.get(error.code, ""): error.message}
