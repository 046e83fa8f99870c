"""Notes on disk: a file beside what they are about."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scoreline.core.notes import Notes
from scoreline.errors import Invalid
from scoreline.storage.atomic import write_file

NOTES = "notes.json"


def read_notes(folder: Path) -> Notes:
    """The notes in a folder; empty ones while there are none. Raises Invalid (code `damaged`)."""
    try:
        return msgspec.json.decode((folder / NOTES).read_bytes(), type=Notes)
    except FileNotFoundError:
        return Notes()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"{folder.name}/{NOTES} cannot be read; remove it", code="damaged") from error


def write_notes(folder: Path, notes: Notes) -> None:
    """Replace the notes in a folder, which is there."""
    encoded = msgspec.json.format(msgspec.json.encode(notes), indent=2)
    write_file(folder / NOTES, encoded + b"\n")
