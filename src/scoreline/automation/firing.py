"""When triggers fire: pure functions of what they have seen before and of what there is to be seen now."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct

from scoreline.core.scenario_run import Fire, RunOutcome
from scoreline.core.scenario_trigger import (
    DatasetTrigger,
    ScenarioTrigger,
    SqlTrigger,
    TimeTrigger,
    Trigger,
    trigger_id,
)
from scoreline.core.schedule import due_between

_LOOKED_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=40), timedelta(days=400))
_MOST_NAMED = 5
_LONGEST = 200


class Firing(Struct, frozen=True):
    """What a trigger fires with, and what it has seen then."""

    fire: Fire
    seen: str


def due_firing(
    trigger: TimeTrigger, missed: Literal["each", "once"], seen: str, now: datetime
) -> Firing | None:
    """The firing for the first due time after the last one that fired; of `once`, for the last one."""
    since = datetime.fromisoformat(seen)
    if missed == "each":
        due = next(due_between(trigger.cron, trigger.zone, since, now), None)
    else:
        due = last_due(trigger, since, now)
    if due is None:
        return None
    at = due.isoformat()
    reason = f"it was due at {at} ({trigger.cron}, {trigger.zone})"
    return Firing(_fire("time", trigger, reason, due_at=at), at)


def last_due(trigger: TimeTrigger, after: datetime, until: datetime) -> datetime | None:
    """The last due time between two times. Long ones are not gone through from their beginning."""
    for back in _LOOKED_BACK:
        since = max(after, until - back)
        found = deque(due_between(trigger.cron, trigger.zone, since, until), maxlen=1)
        if found or since == after:
            return found[0] if found else None
    found = deque(due_between(trigger.cron, trigger.zone, after, until), maxlen=1)
    return found[0] if found else None


def followed_firing(trigger: ScenarioTrigger, ended: Sequence[tuple[int, RunOutcome]]) -> Firing | None:
    """The firing for the first run, of those that ended since, that ended so that it is followed."""
    for number, outcome in ended:
        if outcome.value in trigger.outcomes:
            reason = f"run {number} of {trigger.scenario} ended {outcome.value}"
            return Firing(_fire("after_scenario", trigger, reason, run=number), str(number))
    return None


def changed_firing(trigger: DatasetTrigger | SqlTrigger, seen: str, found: str) -> Firing | None:
    """The firing for what is to be seen now, if that is something else than before."""
    if isinstance(trigger, SqlTrigger):
        if seen == found:
            return None
        reason = f"the query answers {_cut(found)} instead of {_cut(seen)}"
        return Firing(_fire("sql_changed", trigger, reason), found)
    before, after = _digests(seen), _digests(found)
    # A dataset that is not there now is awaited: it may be about to be written.
    changed = [name for name, digest in after.items() if digest is not None and before.get(name) != digest]
    if not changed:
        return None
    known = {name: digest if digest is not None else before.get(name) for name, digest in after.items()}
    named = ", ".join(changed[:_MOST_NAMED]) + (", …" if len(changed) > _MOST_NAMED else "")
    fire = _fire("dataset_changed", trigger, f"the content of {named} has changed")
    return Firing(fire, msgspec.json.encode(known).decode())


def _fire(kind: Any, trigger: Trigger, reason: str, **more: Any) -> Fire:
    return Fire(kind=kind, id=trigger_id(trigger), name=trigger.name, reason=reason, **more)


def _digests(text: str) -> Mapping[str, str | None]:
    return msgspec.json.decode(text, type=dict[str, str | None])


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
