"""What is counted about answers: numbers in memory that all processes of a node share.

Each worker writes its own region and nobody else's, so there are no locks; readers add the regions up. A
*series* is one row in every region: an endpoint of a generation. Row 0 belongs to the worker itself and to
queries that reach no endpoint. The number of rows is fixed, so labels cannot grow without bound.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

ROWS = 512

BOUNDS_US = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000)
"""Upper bounds of the histogram of durations, in microseconds."""
STATUSES = (200, 400, 401, 404, 405, 500, 503, 0)
"""What is counted apart; 0 stands for any other."""
REASONS = (
    "IGNORED_BY_MODEL",
    "INVALID_RECORD",
    "LOOKUP_KEY_MISSING",
    "NO_LOOKUP_MATCH",
    "MULTIPLE_LOOKUP_MATCHES",
)

# The words of a row, each 64 bits.
_STATUS = 0
_BUCKET = _STATUS + len(STATUSES)
_SUM_NS = _BUCKET + len(BOUNDS_US) + 1
_RECORDS = _SUM_NS + 1
_REASON = _RECORDS + 1
# Of row 0 only: the worker's connections.
_OPEN = _REASON + len(REASONS)
_ACCEPTED = _OPEN + 1
_REFUSED = _OPEN + 2
_WORDS = _REFUSED + 1

_BOUNDS_NS = tuple(bound * 1000 for bound in BOUNDS_US)
_FIRST = _BOUNDS_NS[0]
_STATUS_PLACE = {status: place for place, status in enumerate(STATUSES)}
_REASON_PLACE = {reason: _REASON + place for place, reason in enumerate(REASONS)}

_MASK = 2**64 - 1

Words: TypeAlias = "memoryview[int]"


def make_memory(workers: int) -> int:
    """A file descriptor of zeroed memory for so many workers; it has no name and goes with its last user."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("scoreline-counters")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, workers * ROWS * _WORDS * 8)
    return descriptor


def map_memory(descriptor: int) -> Words:
    """The shared numbers behind a descriptor of `make_memory`."""
    return memoryview(mmap.mmap(descriptor, 0)).cast("Q")


class Series:
    """Counts the answers of one series in one worker's region."""

    __slots__ = ("_base", "_buckets", "_sum", "_words")

    def __init__(self, words: Words, worker: int, row: int) -> None:
        self._words = words
        self._base = (worker * ROWS + row) * _WORDS
        self._buckets = self._base + _BUCKET
        self._sum = self._base + _SUM_NS

    def count_one(self, nanoseconds: int) -> None:
        """Count the usual answer: status 200, one record, not ignored. As `count`, in fewer steps."""
        words = self._words
        # Most answers are quick: of those no search is needed.
        bucket = 0 if nanoseconds <= _FIRST else bisect_left(_BOUNDS_NS, nanoseconds, 1)
        words[self._buckets + bucket] += 1
        words[self._sum] += nanoseconds

    def count(self, status: int, nanoseconds: int, records: int, ignored: Sequence[str] = ()) -> None:
        """Count one answer."""
        words, base = self._words, self._base
        if status != 200:
            words[base + _STATUS_PLACE.get(status, _STATUS_PLACE[0])] += 1
        self.count_one(nanoseconds)
        # Above one an answer; a word wraps around below zero.
        words[base + _RECORDS] = (words[base + _RECORDS] + records - 1) & _MASK
        for reason in ignored:
            words[base + _REASON_PLACE[reason]] += 1


class Connections:
    """Counts the connections of one worker."""

    def __init__(self, words: Words, worker: int) -> None:
        self._words = words
        self._base = worker * ROWS * _WORDS
        words[self._base + _OPEN] = 0

    @property
    def open(self) -> int:
        """How many are open."""
        return self._words[self._base + _OPEN]

    def opened(self) -> None:
        """One more is open."""
        self._words[self._base + _OPEN] += 1
        self._words[self._base + _ACCEPTED] += 1

    def closed(self) -> None:
        """One less is open."""
        self._words[self._base + _OPEN] -= 1

    def refused(self) -> None:
        """One was turned away because too many were open."""
        self._words[self._base + _REFUSED] += 1


class Totals:
    """One row, added up over all workers."""

    def __init__(self, words: Words, row: int) -> None:
        step = ROWS * _WORDS
        regions = range(row * _WORDS, len(words), step)
        self._words = [sum(words[start + place] for start in regions) for place in range(_WORDS)]
        self.buckets = tuple(self._words[_BUCKET:_SUM_NS])
        self.nanoseconds = self._words[_SUM_NS]
        self.requests = sum(self.buckets)
        """Answers of any status."""
        self.statuses = dict(zip(STATUSES, self._words[_STATUS:_BUCKET], strict=True))
        self.statuses[200] = self.requests - sum(self.statuses.values())
        self.records = (self._words[_RECORDS] + self.requests) & _MASK
        self.ignored = dict(zip(REASONS, self._words[_REASON:_OPEN], strict=True))
        self.connections_open = self._words[_OPEN]
        self.connections_accepted = self._words[_ACCEPTED]
        self.connections_refused = self._words[_REFUSED]


def clear_row(words: Words, row: int) -> None:
    """Set one row to zero in all regions, before another series gets it."""
    for start in range(row * _WORDS, len(words), ROWS * _WORDS):
        words[start : start + _WORDS] = memoryview(bytes(_WORDS * 8)).cast("Q")


def clear_connections(words: Words, worker: int) -> None:
    """A worker is gone and its connections with it."""
    words[worker * ROWS * _WORDS + _OPEN] = 0
