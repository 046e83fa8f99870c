"""Search: what is there under which names, and how well each thing fits what somebody typed. Pure."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain

from msgspec import Struct

LONGEST_QUERY = 200
_MOST_WORDS = 8
_MOST_MEANT = 5
_ALIKE = 0.7
_WORD = re.compile(r"[^\W_]+")
_NO_RANK = 99


class FoundKind(Enum):
    """What can be found, in the order in which things that fit equally well are shown."""

    PROJECT = "project"
    SERVICE = "service"
    """In a project."""
    ENDPOINT = "endpoint"
    """Of a service in a project."""
    MODEL = "model"
    DATASET = "dataset"
    SCENARIO = "scenario"
    PUBLISHED_SERVICE = "published-service"
    """On the deployer."""
    DEPLOYMENT = "deployment"
    INFRASTRUCTURE = "infrastructure"
    RECIPE = "recipe"
    EVALUATION_STORE = "evaluation-store"
    VERSION = "version"
    """Of a published service."""
    USER = "user"
    GROUP = "group"


_ORDER = {kind: place for place, kind in enumerate(FoundKind)}


class Entry(Struct, frozen=True, kw_only=True):
    """One thing that can be found."""

    kind: FoundKind
    id: str
    name: str = ""
    description: str = ""
    project: str = ""
    """What it is in; empty: in none, as all that is on the deployer."""
    service: str = ""
    infrastructure: str = ""


class Index:
    """Entries, prepared to be searched."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.rows = [_Row(entry) for entry in entries]

    def only(self, sees: Callable[[Entry], bool]) -> Index:
        """The entries that somebody may see. What he may not see does not change what he finds, either."""
        part = Index(())
        part.rows = [row for row in self.rows if sees(row.entry)]
        return part

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """All words of ids and names."""
        return frozenset(chain.from_iterable(row.own for row in self.rows))


class _Row:
    """An entry with its texts as they are compared."""

    __slots__ = ("around", "entry", "id", "name", "own", "text", "words")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.id = entry.id.casefold()
        self.name = entry.name.casefold()
        around = f"{entry.project} {entry.service} {entry.infrastructure}".casefold()
        self.own = tuple(_WORD.findall(f"{self.id} {self.name}"))
        self.words = (*self.own, *_WORD.findall(around))
        self.around = f"{self.id} {self.name} {around}"
        self.text = f"{self.around} {entry.description.casefold()}"

    def rank(self, query: str, words: Sequence[str]) -> int:
        """How well it fits, 0 best: the id itself, its beginning, its words, those around it, the rest."""
        if query in (self.id, self.name):
            return 0
        if self.id.startswith(query) or self.name.startswith(query):
            return 1
        if not all(word in self.text for word in words):
            return _NO_RANK
        if all(any(one.startswith(word) for one in self.own) for word in words):
            return 2
        if all(word in self.id or word in self.name for word in words):
            return 3
        if all(any(one.startswith(word) for one in self.words) for word in words):
            return 4
        return 5 if all(word in self.around for word in words) else 6


def search(indexes: Sequence[Index], text: str) -> Iterator[Entry]:
    """Everything that fits, best first; then what fits words that are spelled like the unknown ones."""
    query = " ".join(text[:LONGEST_QUERY].casefold().split())
    words = _WORD.findall(query)[:_MOST_WORDS]
    if not words:
        return
    seen: set[int] = set()
    for spelling in chain([words], _spellings(indexes, words)):
        whole = query if spelling is words else " ".join(spelling)
        for row in _ranked(indexes, whole, spelling):
            if id(row) not in seen:
                seen.add(id(row))
                yield row.entry


def _ranked(indexes: Sequence[Index], query: str, words: Sequence[str]) -> list[_Row]:
    first = words[0]
    found = [
        (rank, row)
        for index in indexes
        for row in index.rows
        if first in row.text and (rank := row.rank(query, words)) < _NO_RANK
    ]
    found.sort(key=lambda one: (one[0], _ORDER[one[1].entry.kind], len(one[1].id), one[1].around))
    return [row for _, row in found]


def _spellings(indexes: Sequence[Index], words: Sequence[str]) -> Iterator[list[str]]:
    """The words, with known ones that are most like those that are not known in their places."""
    known = frozenset[str]().union(*(index.words for index in indexes))
    choices: list[list[str]] = []
    for word in words:
        if any(word in one for one in known):
            choices.append([word])
        else:
            choices.append(difflib.get_close_matches(word, known, n=_MOST_MEANT, cutoff=_ALIKE))
    most = max(map(len, choices))
    if not all(choices) or choices == [[word] for word in words]:
        return
    for place in range(most):
        yield [one[min(place, len(one) - 1)] for one in choices]
