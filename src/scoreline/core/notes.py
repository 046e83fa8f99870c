"""Notes: what people say of an evaluation or of a model version, beside what was measured."""

from __future__ import annotations

from msgspec import Struct


class Notes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name, a description and labels. They change nothing else, and may be changed at any time."""

    name: str = ""
    description: str = ""
    labels: dict[str, str] = {}
