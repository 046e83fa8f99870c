"""Labels as lines of a text field: `name: value`, one a line."""

from __future__ import annotations

from collections.abc import Mapping

from scoreline.errors import Invalid


def lines_of(labels: Mapping[str, str]) -> str:
    """The labels as lines."""
    return "\n".join(f"{name}: {value}" for name, value in labels.items())


def labels_of(lines: str) -> dict[str, str]:
    """The labels that lines say. Raises Invalid (code `labels`)."""
    labels: dict[str, str] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Invalid(f"line {number}: write a label as name: value", code="labels")
        labels[name.strip()] = value.strip()
    return labels
