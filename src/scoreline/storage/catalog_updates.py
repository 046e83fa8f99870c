"""Updates of deployments in the catalog: their rows, their steps and the lines of their log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from scoreline.core.deployment import (
    GenerationsMapping,
    StepOutcome,
    Update,
    UpdateKind,
    UpdateOutcome,
    UpdateStep,
    brought_live,
)
from scoreline.errors import Conflict, NotFound
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import Actor, acting, audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.deployment_rows import deployment_of, mapping_of
from scoreline.storage.transactions import Transactions

_RUNNING = UpdateOutcome.RUNNING.value


class CatalogUpdates:
    """The history of every deployment. Of each, one update at most has not ended."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(self, update: Update) -> Update:
        """Add a running update; the answer has its number. Raises Conflict when another one runs."""
        with self._transactions.writing() as connection:
            return insert_update(connection, update)

    def one(self, number: int) -> Update | None:
        """One update with its steps and its log, or None."""
        query = sa.select(tables.updates).where(tables.updates.c.id == number)
        with self._transactions.reading() as connection:
            found = _whole(connection, connection.execute(query).all())
        return found[0] if found else None

    def by_cause(self, cause: str) -> Update | None:
        """The update that was started for a step of a scenario's run, without steps and log, or None."""
        query = sa.select(tables.updates).where(tables.updates.c.cause == cause)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _update(row)

    def of(self, deployment: str, *, limit: int, before: int | None = None) -> list[Update]:
        """The last updates of a deployment with their steps and logs, newest first; `before`: older ones."""
        c = tables.updates.c
        query = sa.select(tables.updates).where(c.deployment == deployment).order_by(c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(c.id < before)
        with self._transactions.reading() as connection:
            return _whole(connection, connection.execute(query).all())

    def newest(self, *, limit: int, before: int | None = None) -> list[Update]:
        """The last updates of all deployments with steps and logs, newest first; `before`: older ones."""
        c = tables.updates.c
        query = sa.select(tables.updates).order_by(c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(c.id < before)
        with self._transactions.reading() as connection:
            return _whole(connection, connection.execute(query).all())

    def last_success(self, deployment: str) -> Update | None:
        """The newest update of a deployment that has succeeded, without steps and log, or None."""
        c = tables.updates.c
        succeeded = (c.deployment == deployment, c.outcome == UpdateOutcome.SUCCESS.value)
        query = sa.select(tables.updates).where(*succeeded).order_by(c.id.desc()).limit(1)
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _update(row)

    def last(self, *deployments: str) -> dict[str, Update]:
        """By deployment (of all, unless some are named), its newest update without steps and log."""
        c = tables.updates.c
        newest = sa.select(sa.func.max(c.id)).group_by(c.deployment)
        if deployments:
            newest = newest.where(c.deployment.in_(deployments))
        with self._transactions.reading() as connection:
            rows = connection.execute(sa.select(tables.updates).where(c.id.in_(newest))).all()
            return {row.deployment: _update(row) for row in rows}

    def running(self) -> list[Update]:
        """The updates that have not ended, oldest first, without steps and log."""
        c = tables.updates.c
        query = sa.select(tables.updates).where(c.outcome == _RUNNING).order_by(c.id)
        with self._transactions.reading() as connection:
            return [_update(row) for row in connection.execute(query)]

    def begin_step(self, update: int, node: str, name: str, at: str) -> int:
        """Add a step that begins; gives its number."""
        c = tables.update_steps.c
        with self._transactions.writing() as connection:
            last = sa.select(sa.func.max(c.number)).where(c.update_id == update)
            number = (connection.execute(last).scalar() or 0) + 1
            values = {
                "update_id": update,
                "number": number,
                "node": node,
                "name": name,
                "started_at": at,
                "outcome": StepOutcome.RUNNING.value,
            }
            connection.execute(tables.update_steps.insert().values(values))
            return number

    def end_step(self, update: int, number: int, outcome: StepOutcome, at: str) -> None:
        """End a step."""
        c = tables.update_steps.c
        row = tables.update_steps.update().where(c.update_id == update, c.number == number)
        with self._transactions.writing() as connection:
            connection.execute(row.values(outcome=outcome.value, finished_at=at))

    def log(self, update: int, line: str, step: int | None = None) -> None:
        """Add one line to the log of an update, and of one of its steps."""
        values = {"update_id": update, "step": step, "line": line}
        with self._transactions.writing() as connection:
            connection.execute(tables.update_lines.insert().values(values))

    def finish(self, update: Update, outcome: UpdateOutcome, message: str, at: str) -> None:
        """End an update and the steps that still run. On success what it brought is live, in one transaction.

        An update that has ended already stays as it ended.
        """
        c, s = tables.updates.c, tables.update_steps.c
        ended = tables.updates.update().where(c.id == update.id, c.outcome == _RUNNING)
        steps = tables.update_steps.update().where(
            s.update_id == update.id, s.outcome == StepOutcome.RUNNING.value
        )
        with self._transactions.writing() as connection:
            ended = ended.values(outcome=outcome.value, message=message, finished_at=at)
            if not connection.execute(ended).rowcount:
                return
            connection.execute(steps.values(outcome=StepOutcome.FAILED.value, finished_at=at))
            if outcome is UpdateOutcome.SUCCESS:
                _bring_live(connection, update)
            with acting(Actor(name=update.by)):
                _audit_update(connection, "end update", update, outcome=outcome, message=message)


def insert_update(connection: Connection, update: Update) -> Update:
    """Add a running update in a transaction; the answer has its number. Raises Conflict when another runs."""
    d = tables.deployments.c
    row = connection.execute(sa.select(d.service, d.leaving).where(d.id == update.deployment)).one_or_none()
    if row is None:
        raise gone(update.deployment)
    if row.leaving:
        raise Conflict(f"deployment {update.deployment!r} is being deleted", code="deployment-leaving")
    check_versions(connection, row.service, update.to_mapping)
    values = {
        "deployment": update.deployment,
        "kind": update.kind.value,
        "rolling": update.rolling,
        "enabled": update.enabled,
        "from_mapping": to_text(update.from_mapping),
        "to_mapping": to_text(update.to_mapping),
        "by": update.by,
        "started_at": update.started_at,
        "finished_at": None,
        "outcome": update.outcome.value,
        "message": "",
        "cause": update.cause,
    }
    try:
        inserted = connection.execute(tables.updates.insert().values(values))
    except IntegrityError as error:
        raise Conflict(
            f"another update of {update.deployment!r} is running; wait until it has ended",
            code="update-running",
        ) from error
    key: Sequence[Any] = inserted.inserted_primary_key or ()
    begun = msgspec.structs.replace(update, id=key[0])
    _audit_update(connection, "start update", begun)
    return begun


def _audit_update(connection: Connection, what: str, update: Update, **more: Any) -> None:
    after = {
        "update": update.id,
        "kind": update.kind,
        "rolling": update.rolling,
        "enabled": update.enabled,
        "to": update.to_mapping,
        **more,
    }
    on = f"deployment:{update.deployment}"
    audited(connection, what, on, before={"live": update.from_mapping}, after=after)


def check_versions(connection: Connection, service: str, mapping: GenerationsMapping | None) -> None:
    """Raise NotFound when a version of a mapping is not published, as one that was just deleted."""
    wanted = set(mapping.generations) if mapping else set()
    v = tables.versions.c
    query = sa.select(v.version).where(v.service == service, v.version.in_(wanted))
    if wanted and (missing := wanted - set(connection.execute(query).scalars())):
        raise NotFound(f"{service} {min(missing)!r} is not published", code="no-such-version")


def gone(deployment: str) -> NotFound:
    """For a deployment that was deleted meanwhile."""
    return NotFound(f"deployment {deployment!r} is not there any more", code="no-such-deployment")


def _bring_live(connection: Connection, update: Update) -> None:
    mine = tables.deployments.c.id == update.deployment
    row = connection.execute(sa.select(tables.deployments).where(mine)).one_or_none()
    if row is None:
        return
    after = brought_live(deployment_of(row), update)
    values = {
        "live": to_text(after.live),
        "live_enabled": after.live_enabled,
        "former": to_text(after.former),
    }
    connection.execute(tables.deployments.update().where(mine).values(values))


def _whole(connection: Connection, rows: Sequence[Row[Any]]) -> list[Update]:
    numbers = [row.id for row in rows]
    lines: dict[int, list[str]] = defaultdict(list)
    of_step: dict[tuple[int, int], list[str]] = defaultdict(list)
    c = tables.update_lines.c
    for row in connection.execute(
        sa.select(c.update_id, c.step, c.line).where(c.update_id.in_(numbers)).order_by(c.id)
    ):
        lines[row.update_id].append(row.line)
        of_step[row.update_id, row.step].append(row.line)
    steps: dict[int, list[UpdateStep]] = defaultdict(list)
    s = tables.update_steps.c
    for row in connection.execute(
        sa.select(tables.update_steps).where(s.update_id.in_(numbers)).order_by(s.update_id, s.number)
    ):
        steps[row.update_id].append(_step(row, tuple(of_step[row.update_id, row.number])))
    return [_update(row, tuple(steps[row.id]), tuple(lines[row.id])) for row in rows]


def _step(row: Any, log: tuple[str, ...]) -> UpdateStep:
    return UpdateStep(
        number=row.number,
        node=row.node,
        name=row.name,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=StepOutcome(row.outcome),
        log=log,
    )


def _update(row: Row[Any], steps: tuple[UpdateStep, ...] = (), log: tuple[str, ...] = ()) -> Update:
    to_mapping = mapping_of(row.to_mapping)
    assert to_mapping is not None  # the column is never null
    return Update(
        id=row.id,
        deployment=row.deployment,
        kind=UpdateKind(row.kind),
        rolling=row.rolling,
        from_mapping=mapping_of(row.from_mapping),
        to_mapping=to_mapping,
        enabled=row.enabled,
        by=row.by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=UpdateOutcome(row.outcome),
        message=row.message,
        cause=row.cause,
        steps=steps,
        log=log,
    )
