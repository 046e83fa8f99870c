"""Notes on model versions and evaluations, as clients of Dataiku read and write them (`userMeta`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from scoreline.core.notes import Notes
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown


class Label(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A label."""

    key: str
    value: str


class UserMeta(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people say of it."""

    name: str
    description: str = ""
    labels: tuple[Label, ...] = ()


def notes_written(notes: Notes, id_: str) -> UserMeta:
    """Notes on the thing of this id, which is its name while it has none."""
    labels = tuple(Label(key=key, value=value) for key, value in notes.labels.items())
    return UserMeta(name=notes.name or id_, description=notes.description, labels=labels)


def notes_read(given: Any, id_: str) -> Notes:
    """What such an object says. Raises Invalid, naming what cannot be kept here."""
    known = known_keys(given, UserMeta, "the user meta")
    said = {name: value for name, value in known.items() if value is not None}
    meta = converted({"name": id_, **said}, UserMeta)
    return Notes(
        name="" if meta.name == id_ else meta.name,
        description=meta.description,
        labels=labels_read(meta.labels),
    )


def labels_read(labels: Iterable[Label]) -> dict[str, str]:
    """Labels by key. Raises Invalid for one that is there twice."""
    found: dict[str, str] = {}
    for label in labels:
        if label.key in found:
            raise refused(f"two labels have the key {shown(label.key)}")
        found[label.key] = label.value
    return found
