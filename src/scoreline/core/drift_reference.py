"""What a kept evaluation can be compared with anew."""

from __future__ import annotations

from msgspec import Struct


class VersionReference(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="version"
):
    """The test rows of a version of a saved model."""

    model: str
    version: str


class EvaluationReference(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="evaluation"
):
    """The rows that another evaluation has kept."""

    store: str
    evaluation: str


DriftReference = VersionReference | EvaluationReference
