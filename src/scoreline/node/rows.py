"""Rows: which row of the shared counters counts what."""

from __future__ import annotations

from collections.abc import Iterable

from scoreline.node.counters import ROWS, Totals, Words, clear_row

Series = tuple[str, str, str]
"""Service, generation, endpoint."""
KeySeries = tuple[str, str]
"""Service, label of a key."""


class Rows:
    """Gives each series a row of its own, for as long as there are some."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._rows: dict[Series | KeySeries, int] = {}

    def of(self, series: Series | KeySeries, loaded: set[tuple[str, str]]) -> int:
        """The row of a series. When all are taken it is row 0, that of everything without a name.

        `loaded`: (service, generation) whose rows are in use.
        """
        if series not in self._rows:
            free = set(range(1, ROWS)) - set(self._rows.values()) or self._at_rest(loaded)
            if not free:
                return 0
            self._rows[series] = min(free)
            clear_row(self._words, self._rows[series])
        return self._rows[series]

    def keep(self, known: set[tuple[str, str]]) -> None:
        """Free the rows of all generations but these (service, generation)."""
        services = {service for service, _ in known}
        self._rows = {
            series: row
            for series, row in self._rows.items()
            if (series[:2] in known if len(series) == 3 else series[0] in services)
        }

    def endpoints(self) -> list[tuple[Series, Totals]]:
        """What was counted about each endpoint, sorted."""
        return self._totals(series for series in self._rows if len(series) == 3)  # type: ignore[return-value]

    def service_keys(self) -> list[tuple[KeySeries, Totals]]:
        """What was counted about each service key, sorted."""
        return self._totals(series for series in self._rows if len(series) == 2)  # type: ignore[return-value]

    def _totals(self, wanted: Iterable[Series | KeySeries]) -> list[tuple[Series | KeySeries, Totals]]:
        return [(series, Totals(self._words, self._rows[series])) for series in sorted(wanted)]

    def _at_rest(self, loaded: set[tuple[str, str]]) -> set[int]:
        """Free the row of the endpoint that came first among those whose generation is not loaded."""
        for series in self._rows:
            if len(series) == 3 and series[:2] not in loaded:
                return {self._rows.pop(series)}
        return set()
