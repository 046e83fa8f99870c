"""Ids and names: which are allowed, and which known one was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from itertools import islice

from scoreline.errors import Invalid

# Ids go into URLs, file names and object stores unquoted, so they are the same text in all of them.
ID_PATTERN = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_-])?$"
ID_RULE = "use 1 to 128 letters, digits, '_', '-' and '.', starting with a letter, a digit or '_'"
"""The rule in words, for messages."""
_ID = re.compile(ID_PATTERN)
_MOST_CANDIDATES = 2_000
# Some systems take these for devices, whatever follows the dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def is_id(text: str) -> bool:
    """Whether `text` can be an id: 1 to 128 of A–Z a–z 0–9 _ - . that neither starts nor ends with a dot,
    does not start with a dash, has no two dots in a row and is not the name of a device (`con`, `nul`, …)."""
    return _ID.fullmatch(text) is not None and ".." not in text and _DEVICE.fullmatch(text) is None


def check_id(text: str, what: str) -> str:
    """Return `text` if it can be an id, else raise `Invalid` naming `what` it was to be the id of."""
    if is_id(text):
        return text
    raise Invalid(
        f"{shortened(text)} cannot be the id of {what}: {ID_RULE}",
        code="bad-id",
    )


def shortened(text: str) -> str:
    """`text` in quotes for a message, cut after 40 characters."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name most like `name`, None when none is like it (by a ratio of `cutoff`, 0 to 1)."""
    by_folded = {candidate.casefold(): candidate for candidate in islice(known, _MOST_CANDIDATES)}
    found = difflib.get_close_matches(name.casefold()[:200], by_folded, n=1, cutoff=cutoff)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the nearest known name, else the first few known ones."""
    choices = sorted(known)
    close = nearest(name, choices)
    if close is not None:
        return f"did you mean {close!r}?"
    if not choices:
        return "there is none yet"
    listed = ", ".join(choices[:8]) + (", …" if len(choices) > 8 else "")
    return f"there is: {listed}"


def next_version_id(taken: Iterable[str]) -> str:
    """The version id offered next: v1, v2, … the first number above all that are taken."""
    numbers = [int(match[1]) for name in taken if (match := re.fullmatch(r"v(\d{1,9})", name))]
    return f"v{max(numbers, default=0) + 1}"
