"""Guesses at passwords: after a few wrong ones the next has to wait, longer each time."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from scoreline.errors import NotAllowed

_MOST = 10_000  # counts that are remembered
_FORGOTTEN_AFTER = 900.0  # seconds without a wrong one
_LONGEST_WAIT = 300.0
# One person from one address, anyone from one address, one person from anywhere: how many are free.
_FREE = {"both": 5, "address": 20, "user": 50}


@dataclass
class _Count:
    wrong: int
    last: float

    def wait(self, free: int, now: float) -> float:
        """How many seconds the next one has to wait."""
        if self.wrong < free:
            return 0.0
        pause = min(2.0 ** min(self.wrong - free, 20), _LONGEST_WAIT)
        return max(0.0, self.last + pause - now)


class Guesses:
    """Counts by user and address, within a bounded memory. `clock` runs evenly, not by the time of day."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._guard = threading.Lock()

    def begin(self, user: str, address: str) -> None:
        """Count a guess as a wrong one until it `was_right`. Raises NotAllowed when it comes too soon."""
        with self._guard:
            now = self._clock()
            wait = max(self._wait(kind, name, now) for kind, name in _names(user, address))
            if wait > 0:
                raise NotAllowed(
                    f"too many wrong passwords; try again in {int(wait) + 1} seconds",
                    code="too-many-attempts",
                )
            for key in _names(user, address):
                count = self._counts.setdefault(key, _Count(0, now))
                count.wrong, count.last = count.wrong + 1, now
                self._counts.move_to_end(key)
            while len(self._counts) > _MOST:
                self._counts.popitem(last=False)

    def was_right(self, user: str, address: str) -> None:
        """The guess that was begun is no wrong one, and this person is known at this address."""
        with self._guard:
            for kind, name in _names(user, address):
                count = self._counts.get((kind, name))
                if count is None:
                    continue
                count.wrong -= 1
                if kind == "both" or count.wrong <= 0:
                    del self._counts[kind, name]

    def _wait(self, kind: str, name: str, now: float) -> float:
        count = self._counts.get((kind, name))
        if count is None:
            return 0.0
        if now - count.last > _FORGOTTEN_AFTER:
            del self._counts[kind, name]
            return 0.0
        return count.wait(_FREE[kind], now)


def _names(user: str, address: str) -> tuple[tuple[str, str], ...]:
    place = _network(address)
    shortened = user[:200]
    return ("both", f"{place} {shortened}"), ("address", place), ("user", shortened)


def _network(address: str) -> str:
    """An address; of IPv6 the network, since one machine has as many addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
