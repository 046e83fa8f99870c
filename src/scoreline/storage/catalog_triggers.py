"""What the triggers of scenarios have seen last, in the catalog, so that what they fire for next is new."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy import Connection

from scoreline.storage import catalog_tables as tables
from scoreline.storage.transactions import Transactions


class Seen(Struct, frozen=True):
    """A trigger of a scenario, and what it has seen."""

    trigger: str
    seen: str


TriggerKey = tuple[str, str, str]
"""Project, scenario, and the trigger's id."""


class CatalogTriggers:
    """One row for each trigger that has looked. Of one that fires it is written with the row of the run."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def seen(self, project: str, scenario: str) -> dict[str, str]:
        """By trigger, what it has seen last."""
        c = tables.scenario_triggers.c
        query = sa.select(c.trigger, c.seen).where(c.project == project, c.scenario == scenario)
        with self._transactions.reading() as connection:
            return {row.trigger: row.seen for row in connection.execute(query)}

    def note(self, project: str, scenario: str, seen: Seen) -> None:
        """Keep what a trigger has seen, without a run."""
        with self._transactions.writing() as connection:
            note_seen(connection, project, scenario, seen)

    def all(self) -> set[TriggerKey]:
        """Every trigger that has looked."""
        c = tables.scenario_triggers.c
        with self._transactions.reading() as connection:
            found = connection.execute(sa.select(c.project, c.scenario, c.trigger))
            return {(row.project, row.scenario, row.trigger) for row in found}

    def forget(self, triggers: Iterable[TriggerKey]) -> None:
        """Forget what triggers have seen: they begin anew."""
        c = tables.scenario_triggers.c
        with self._transactions.writing() as connection:
            for project, scenario, trigger in triggers:
                mine = (c.project == project, c.scenario == scenario, c.trigger == trigger)
                connection.execute(tables.scenario_triggers.delete().where(*mine))


def note_seen(connection: Connection, project: str, scenario: str, seen: Seen) -> None:
    """Keep what a trigger has seen, in a transaction that does more."""
    row = {"project": project, "scenario": scenario, "trigger": seen.trigger, "seen": seen.seen}
    c = tables.scenario_triggers.c
    mine = [c[key] == row[key] for key in ("project", "scenario", "trigger")]
    if not connection.execute(tables.scenario_triggers.update().where(*mine).values(seen=seen.seen)).rowcount:
        connection.execute(tables.scenario_triggers.insert().values(row))
