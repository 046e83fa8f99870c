"""Runs of scenarios in the catalog: their rows, their steps and what these brought about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from scoreline.core.names import shortened
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import Effect, Fire, RunOutcome, ScenarioRun, StepRun, StepRunOutcome
from scoreline.errors import Conflict
from scoreline.storage import catalog_tables as tables
from scoreline.storage.catalog_audit import audited
from scoreline.storage.catalog_columns import to_text
from scoreline.storage.catalog_triggers import Seen, note_seen
from scoreline.storage.transactions import Transactions

_RUNNING = RunOutcome.RUNNING.value


class CatalogRuns:
    """The history of every scenario. Of each, one run at most has not ended."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(self, run: ScenarioRun, *, cause: str | None = None, seen: Seen | None = None) -> ScenarioRun:
        """Add a run that begins, and what its trigger has seen, in one transaction; gives it its number.

        One of the same `cause` that there is already is given back. Raises Conflict (code `scenario-running`)
        when another run of the scenario goes on.
        """
        with self._transactions.writing() as connection:
            if cause is not None and (known := self._by_cause(connection, cause)) is not None:
                return known
            try:
                inserted = connection.execute(tables.scenario_runs.insert().values(_columns(run, cause)))
            except IntegrityError as error:
                raise Conflict(
                    f"scenario {shortened(run.scenario)} is running already; wait until that run has ended, "
                    "or abort it",
                    code="scenario-running",
                ) from error
            key: Sequence[Any] = inserted.inserted_primary_key or ()
            begun = msgspec.structs.replace(run, id=key[0])
            for step in run.steps:
                connection.execute(tables.scenario_steps.insert().values(_step_columns(begun.id, step)))
            if seen is not None:
                note_seen(connection, run.project, run.scenario, seen)
            audited(connection, "start run", _target(begun), after={"run": begun.id, "fire": run.fire})
            return begun

    def by_cause(self, cause: str) -> ScenarioRun | None:
        """The run that was started by this name, or None."""
        with self._transactions.reading() as connection:
            return self._by_cause(connection, cause)

    def one(self, number: int) -> ScenarioRun | None:
        """One run with its steps, or None."""
        query = sa.select(tables.scenario_runs).where(tables.scenario_runs.c.id == number)
        with self._transactions.reading() as connection:
            found = _whole(connection, connection.execute(query).all())
        return found[0] if found else None

    def newest(
        self,
        *,
        limit: int,
        before: int | None = None,
        project: str | None = None,
        scenario: str | None = None,
        outcome: RunOutcome | None = None,
        finished: bool = False,
        between: tuple[str, str] | None = None,
    ) -> list[ScenarioRun]:
        """The last runs, newest first: of a project, of a scenario, before one of them, that ended so, ended
        ones only, or of those that began between two times."""
        c = tables.scenario_runs.c
        query = sa.select(tables.scenario_runs).order_by(c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(c.id < before)
        if project is not None:
            query = query.where(c.project == project)
        if scenario is not None:
            query = query.where(c.scenario == scenario)
        if outcome is not None:
            query = query.where(c.outcome == outcome.value)
        if finished:
            query = query.where(c.outcome != _RUNNING)
        if between is not None:
            query = query.where(c.started_at >= between[0], c.started_at < between[1])
        with self._transactions.reading() as connection:
            return _whole(connection, connection.execute(query).all())

    def running(self) -> list[ScenarioRun]:
        """The runs that have not ended, the oldest first."""
        c = tables.scenario_runs.c
        query = sa.select(tables.scenario_runs).where(c.outcome == _RUNNING).order_by(c.id)
        with self._transactions.reading() as connection:
            return _whole(connection, connection.execute(query).all())

    def running_of(self, project: str, scenario: str) -> int | None:
        """The number of the run of a scenario that goes on, or None."""
        c = tables.scenario_runs.c
        query = sa.select(c.id).where(c.project == project, c.scenario == scenario, c.outcome == _RUNNING)
        with self._transactions.reading() as connection:
            return connection.execute(query).scalar()

    def ended_after(self, project: str, scenario: str, number: int) -> list[tuple[int, RunOutcome]]:
        """The ended runs of a scenario with a greater number, and how they ended; the oldest first."""
        c = tables.scenario_runs.c
        query = (
            sa.select(c.id, c.outcome)
            .where(c.project == project, c.scenario == scenario, c.id > number, c.outcome != _RUNNING)
            .order_by(c.id)
        )
        with self._transactions.reading() as connection:
            return [(row.id, RunOutcome(row.outcome)) for row in connection.execute(query)]

    def save_step(self, run: int, step: StepRun, *, variables: dict[str, Any] | None = None) -> None:
        """Write how a step fares, with what it brought about and the variables as it left them."""
        row = _step_columns(run, step)
        keys = ("run_id", "position", "attempt")
        c = tables.scenario_steps.c
        where = [c[key] == row[key] for key in keys]
        with self._transactions.writing() as connection:
            changed = connection.execute(tables.scenario_steps.update().where(*where).values(row)).rowcount
            if not changed:
                connection.execute(tables.scenario_steps.insert().values(row))
            if step.effects:
                _note_effects(connection, run, step)
            if variables is not None:
                r = tables.scenario_runs.c
                values = {"variables": to_text(variables)}
                connection.execute(tables.scenario_runs.update().where(r.id == run).values(values))

    def finish(self, run: ScenarioRun, outcome: RunOutcome, message: str, at: str) -> None:
        """End a run. One that has ended already stays as it ended."""
        c = tables.scenario_runs.c
        ended = tables.scenario_runs.update().where(c.id == run.id, c.outcome == _RUNNING)
        with self._transactions.writing() as connection:
            values = {"outcome": outcome.value, "message": message, "finished_at": at}
            if connection.execute(ended.values(values)).rowcount:
                after = {"run": run.id, "outcome": outcome, "message": message}
                audited(connection, "end run", _target(run), after=after)

    def abort(self, run: ScenarioRun, by: str) -> bool:
        """Note that somebody wants a run to end; False when it has ended already."""
        c = tables.scenario_runs.c
        going = tables.scenario_runs.update().where(c.id == run.id, c.outcome == _RUNNING)
        with self._transactions.writing() as connection:
            asked = bool(connection.execute(going.values(abort_by=by)).rowcount)
            if asked:
                audited(connection, "abort run", _target(run), after={"run": run.id})
            return asked

    def decide(self, run: ScenarioRun, step: StepRun, decision: dict[str, Any]) -> bool:
        """Keep what somebody said of a step that waits for it; False when it waits no more."""
        c = tables.scenario_steps.c
        waiting = tables.scenario_steps.update().where(
            c.run_id == run.id,
            c.position == step.position,
            c.attempt == step.attempt,
            c.outcome == StepRunOutcome.WAITING.value,
            c.decision.is_(None),
        )
        with self._transactions.writing() as connection:
            said = bool(connection.execute(waiting.values(decision=to_text(decision))).rowcount)
            if said:
                after = {"run": run.id, "step": step.step, **decision}
                audited(connection, "decide step", _target(run), after=after)
            return said

    def decision(self, run: int, position: int, attempt: int) -> dict[str, Any] | None:
        """What somebody said of a step, or None."""
        c = tables.scenario_steps.c
        query = sa.select(c.decision).where(c.run_id == run, c.position == position, c.attempt == attempt)
        with self._transactions.reading() as connection:
            text = connection.execute(query).scalar()
        return None if text is None else msgspec.json.decode(text, type=dict[str, Any])

    def by_effect(self, project: str, kind: str, target: str) -> tuple[int, int] | None:
        """The run, and the position in it, of the last step that brought something about; or None."""
        c = tables.scenario_effects.c
        query = (
            sa.select(c.run_id, c.position)
            .where(c.project == project, c.kind == kind, c.target == target)
            .order_by(c.run_id.desc())
            .limit(1)
        )
        with self._transactions.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.run_id, row.position)

    def prune(self, project: str, scenario: str, *, keep: int) -> list[int]:
        """Remove all but the newest ended runs of a scenario; gives their numbers."""
        c = tables.scenario_runs.c
        mine = (c.project == project, c.scenario == scenario, c.outcome != _RUNNING)
        old = sa.select(c.id).where(*mine).order_by(c.id.desc()).offset(keep)
        with self._transactions.reading() as connection:
            numbers = list(connection.execute(old).scalars())
        if numbers:
            with self._transactions.writing() as connection:
                connection.execute(tables.scenario_runs.delete().where(c.id.in_(numbers)))
        return numbers

    def _by_cause(self, connection: Connection, cause: str) -> ScenarioRun | None:
        query = sa.select(tables.scenario_runs).where(tables.scenario_runs.c.cause == cause)
        found = _whole(connection, connection.execute(query).all())
        return found[0] if found else None


def _target(run: ScenarioRun) -> str:
    return f"scenario:{run.project}/{run.scenario}"


def _note_effects(connection: Connection, run: int, step: StepRun) -> None:
    c = tables.scenario_effects.c
    project = connection.execute(
        sa.select(tables.scenario_runs.c.project).where(tables.scenario_runs.c.id == run)
    ).scalar()
    mine = (c.run_id == run, c.position == step.position)
    connection.execute(tables.scenario_effects.delete().where(*mine))
    rows = [
        {
            "kind": effect.kind,
            "project": project,
            "target": effect.target,
            "run_id": run,
            "position": step.position,
        }
        for effect in dict.fromkeys(step.effects)
    ]
    connection.execute(tables.scenario_effects.insert(), rows)


def _columns(run: ScenarioRun, cause: str | None) -> dict[str, Any]:
    return {
        "project": run.project,
        "scenario": run.scenario,
        "definition": to_text(run.definition),
        "fire": to_text(run.fire),
        "cause": cause,
        "by": run.by,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "outcome": run.outcome.value,
        "message": run.message,
        "variables": to_text(run.variables),
        "resumed_from": run.resumed_from,
        "abort_by": run.abort_by,
    }


def _step_columns(run: int, step: StepRun) -> dict[str, Any]:
    return {
        "run_id": run,
        "position": step.position,
        "attempt": step.attempt,
        "step": step.step,
        "kind": step.kind,
        "name": step.name,
        "outcome": step.outcome.value,
        "why": step.why,
        "message": step.message,
        "inputs": to_text(step.inputs),
        "outputs": to_text(step.outputs),
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def _whole(connection: Connection, rows: Sequence[Row[Any]]) -> list[ScenarioRun]:
    numbers = [row.id for row in rows]
    effects: dict[tuple[int, int], list[Effect]] = defaultdict(list)
    e = tables.scenario_effects.c
    for row in connection.execute(
        sa.select(tables.scenario_effects).where(e.run_id.in_(numbers)).order_by(e.kind, e.target)
    ):
        effects[row.run_id, row.position].append(Effect(kind=row.kind, target=row.target))
    steps: dict[int, dict[int, StepRun]] = defaultdict(dict)
    s = tables.scenario_steps.c
    for row in connection.execute(
        sa.select(tables.scenario_steps)
        .where(s.run_id.in_(numbers))
        .order_by(s.run_id, s.position, s.attempt)
    ):
        steps[row.run_id][row.position] = _step(row, tuple(effects[row.run_id, row.position]))
    return [_run(row, tuple(steps[row.id].values())) for row in rows]


def _step(row: Any, effects: tuple[Effect, ...]) -> StepRun:
    return StepRun(
        position=row.position,
        step=row.step,
        kind=row.kind,
        name=row.name,
        outcome=StepRunOutcome(row.outcome),
        attempt=row.attempt,
        why=row.why,
        message=row.message,
        inputs=msgspec.json.decode(row.inputs),
        outputs=msgspec.json.decode(row.outputs),
        effects=effects,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _run(row: Any, steps: tuple[StepRun, ...]) -> ScenarioRun:
    return ScenarioRun(
        id=row.id,
        project=row.project,
        scenario=row.scenario,
        definition=msgspec.json.decode(row.definition, type=Scenario),
        fire=msgspec.json.decode(row.fire, type=Fire),
        by=row.by,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=RunOutcome(row.outcome),
        message=row.message,
        variables=msgspec.json.decode(row.variables, type=dict[str, Any]),
        steps=steps,
        resumed_from=row.resumed_from,
        abort_by=row.abort_by,
    )
