"""Dispatch: which of several generations answers a query.

Without a key each query draws. With one, equal keys get the same generation, on every node and after every
restart, by *weighted rendezvous*: each generation gets a waiting time for the key, a hash of service,
generation and key that is made the shorter the larger the generation's share, and the shortest wins. The
order in which generations are written down plays no part in it. That moves as few keys as a rule can that
knows nothing of the mapping before:

- between two generations a share moved from 30 % to 40 % moves 10 % of the keys, all to the one that grew;
- a generation that comes takes its share of keys and moves no others, when the others shrink in proportion;
- a generation that goes gives its keys away and moves no others, when the others grow in proportion.

(Points on a line, cut in the order of the entries, would move twice as many where the generations that
change do not stand side by side.)
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from scoreline.core.deployment import MappingEntry


class Dispatch:
    """The generations of one service between which queries are divided. Shares need not add up to 1."""

    def __init__(self, service: str, entries: Sequence[MappingEntry]) -> None:
        self._generations = tuple(entry.generation for entry in entries)
        self._bounds = tuple(accumulate(entry.proba for entry in entries))
        self._racers = tuple(
            (entry.generation, entry.proba, hashlib.blake2b(_salt(service, entry), digest_size=8))
            for entry in entries
        )

    def drawn(self, draw: Callable[[], float]) -> str:
        """The generation for a query without a key; `draw` gives a number from 0 up to, not including, 1."""
        if len(self._generations) == 1:
            return self._generations[0]
        place = bisect_right(self._bounds, draw() * self._bounds[-1])
        return self._generations[min(place, len(self._generations) - 1)]

    def keyed(self, key: str) -> str:
        """The generation for a key."""
        if len(self._generations) == 1:
            return self._generations[0]
        return min((_wait(hasher, key) / share, generation) for generation, share, hasher in self._racers)[1]


def _salt(service: str, entry: MappingEntry) -> bytes:
    # Ids hold no line ends, so no two pairs have the same salt.
    return f"{service}\n{entry.generation}\n".encode()


def _wait(salted: hashlib.blake2b, key: str) -> float:
    """A waiting time, exponentially distributed over all keys with mean 1."""
    hasher = salted.copy()
    hasher.update(key.encode("utf-8", "surrogatepass"))
    # Of 52 bits, so that it is never 0 and the number is exact.
    point = ((int.from_bytes(hasher.digest(), "big") >> 12) + 0.5) / 2**52
    return -math.log(point)
