"""Which triggers of a scenario would fire on a virtual day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from scoreline.automation.data_steps import answered
from scoreline.automation.dry_tables import DryTables
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_run import Fire
from scoreline.core.scenario_trigger import DatasetTrigger, SqlTrigger, TimeTrigger, Trigger, trigger_id
from scoreline.core.schedule import due_between
from scoreline.storage.queries import select_rows
from scoreline.storage.workspace import Workspace

_INSTANT = timedelta(microseconds=1)


class DryTriggers:
    """The triggers of one scenario, day after day. Where none can be told beforehand, it runs once a day."""

    def __init__(self, scenario: Scenario, tables: DryTables, scratch: Workspace) -> None:
        self._tables = tables
        self._scratch = scratch
        self._enabled = [trigger for trigger in scenario.triggers if trigger.enabled]
        self._told = [trigger for trigger in self._enabled if _is_told(trigger)]
        self._answers: dict[str, str] = {}

    @property
    def notes(self) -> list[str]:
        """What is to be said of triggers that cannot be told."""
        left = sorted({str(one.__struct_config__.tag) for one in self._enabled if one not in self._told})
        told = [f"triggers of kind {kind} are left out: what they wait for is not known" for kind in left]
        return told if self._told else [*told, "it is run once a day, since no trigger says when"]

    def begin(self) -> None:
        """See what there is on the day before the first one."""
        for trigger in self._told:
            if isinstance(trigger, SqlTrigger):
                self._answers[trigger_id(trigger)] = self._answer(trigger)

    def fired(self, day: date) -> list[Fire]:
        """What fires on a day."""
        if not self._told:
            return [Fire(kind="time", reason="once a day")]
        return [fire for trigger in self._told if (fire := self._fires(trigger, day)) is not None]

    def _fires(self, trigger: Trigger, day: date) -> Fire | None:
        match trigger:
            case TimeTrigger():
                return _due(trigger, day)
            case DatasetTrigger():
                return self._changed(trigger, day)
            case SqlTrigger():
                before, after = self._answers[trigger_id(trigger)], self._answer(trigger)
                self._answers[trigger_id(trigger)] = after
                return (
                    None
                    if before == after
                    else _fire("sql_changed", trigger, "the query answers something new")
                )
            case _:
                return None

    def _changed(self, trigger: DatasetTrigger, day: date) -> Fire | None:
        new = {name: rows.count(day, day) for name, rows in self._tables.dated.items()}
        changed = [
            name for name in trigger.datasets if any(new[one] for one in self._tables.dated_behind(name))
        ]
        return (
            _fire("dataset_changed", trigger, f"the content of {', '.join(changed)} has changed")
            if changed
            else None
        )

    def _answer(self, trigger: SqlTrigger) -> str:
        inputs = {name: self._tables.made(name, None).table for name in trigger.inputs}
        table = select_rows(trigger.query, inputs, self._scratch.root / "tmp")
        return str(answered(table, lambda _line: None).outputs["rows"])


def _is_told(trigger: Trigger) -> bool:
    """Whether dated rows tell when a trigger fires."""
    return isinstance(trigger, TimeTrigger | DatasetTrigger) or (
        isinstance(trigger, SqlTrigger) and trigger.connection is None
    )


def _due(trigger: TimeTrigger, day: date) -> Fire | None:
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1)
    due = list(due_between(trigger.cron, trigger.zone, begin - _INSTANT, end - _INSTANT))
    if not due:
        return None
    more = f", the last of {len(due)} times" if len(due) > 1 else ""
    at = due[-1].isoformat()
    return _fire("time", trigger, f"it was due at {at} ({trigger.cron}, {trigger.zone}){more}", due_at=at)


def _fire(kind: str, trigger: Trigger, reason: str, *, due_at: str | None = None) -> Fire:
    return Fire(kind=kind, id=trigger_id(trigger), name=trigger.name, reason=reason, due_at=due_at)  # type: ignore[arg-type]
