"""Triggers of scenarios as clients of Dataiku write them.

Each is written in their types where it can be read back as it is: `temporal`, `ds_modified`, `sql_query`,
`follow_scenariorun`; others are of a type `scoreline_KIND`, whose `params` are those of the project's files.
The time zone SERVER is UTC. `delay` is the time between two looks, `graceDelaySettings.delay` the grace; both
are in seconds. What `params` are called beyond `temporal` is ours: their public sources do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from scoreline.core.names import did_you_mean, shortened
from scoreline.core.scenario_trigger import (
    DatasetTrigger,
    ScenarioTrigger,
    SqlTrigger,
    TimeTrigger,
    Trigger,
    trigger_id,
)
from scoreline.errors import Invalid
from scoreline.wire.dataiku_settings import converted, known_keys, refused
from scoreline.wire.dataiku_temporal import Temporal, temporal_read, temporal_written

_OWN = "scoreline_"
_KINDS = ("time", "dataset_changed", "sql_changed", "after_scenario", "webhook")
Outcome = Literal["SUCCESS", "WARNING", "FAILED", "ABORTED"]


class Grace(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How long a trigger waits between firing and starting."""

    delay: float = 0
    check_again_after_grace_delay: Literal[True] = True
    """Firing with something new begins the delay anew."""


class TriggerSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A trigger."""

    id: str = ""
    """It follows from what the trigger is; what they send is not looked at."""
    type: str
    name: str = ""
    active: bool = True
    delay: float | UnsetType = UNSET
    grace_delay_settings: Grace = Grace()
    params: dict[str, Any] = {}


class DatasetsParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`ds_modified`."""

    datasets: tuple[str, ...]


class QueryParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`sql_query`."""

    connection: str
    sql: str


class FollowParams(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """`follow_scenariorun`."""

    scenario_id: str
    project_key: str | None = None
    outcomes: tuple[Outcome, ...] = ("SUCCESS", "WARNING")


def trigger_written(trigger: Trigger) -> TriggerSettings:
    """A trigger of ours."""
    found = _params_written(trigger)
    if found is not None:
        theirs = _with_common(trigger, *found)
        try:
            if _read(theirs, "") == trigger:
                return theirs
        except Invalid:
            pass  # it says more than their type can
    plain = msgspec.to_builtins(trigger)
    own = {key: one for key, one in plain.items() if key not in ("name", "enabled", "grace", "kind")}
    return _with_common(trigger, _OWN + str(plain["kind"]), own)


def triggers_read(given: Any, project: str, at: datetime) -> tuple[Trigger, ...]:
    """Their triggers in a project, at a time. Raises Invalid, naming trigger and key."""
    if not isinstance(given, list):
        raise refused("triggers must be a list")
    return tuple(_read_at(place, one, project, at) for place, one in enumerate(given))


def trigger_type(kind: str) -> str:
    """What they call a trigger of a kind."""
    return {
        "manual": "manual",
        "resume": "manual",
        "time": "temporal",
        "dataset_changed": "ds_modified",
        "sql_changed": "sql_query",
        "after_scenario": "follow_scenariorun",
    }.get(kind, _OWN + kind)


def _params_written(trigger: Trigger) -> tuple[str, Mapping[str, Any]] | None:
    match trigger:
        case TimeTrigger():
            temporal = temporal_written(trigger.cron, trigger.zone)
            return None if temporal is None else ("temporal", msgspec.to_builtins(temporal))
        case DatasetTrigger():
            return "ds_modified", {"datasets": list(trigger.datasets)}
        case SqlTrigger(connection=str(connection)):
            return "sql_query", {"connection": connection, "sql": trigger.query}
        case ScenarioTrigger():
            return "follow_scenariorun", {
                "scenarioId": trigger.scenario,
                "outcomes": list(trigger.outcomes),
            }
        case _:
            return None


def _with_common(trigger: Trigger, kind: str, params: Mapping[str, Any]) -> TriggerSettings:
    looks = isinstance(trigger, DatasetTrigger | SqlTrigger) and not kind.startswith(_OWN)
    return TriggerSettings(
        id=trigger_id(trigger),
        type=kind,
        name=trigger.name,
        active=trigger.enabled,
        delay=trigger.every if looks and isinstance(trigger, DatasetTrigger | SqlTrigger) else UNSET,
        grace_delay_settings=Grace(delay=trigger.grace),
        params=dict(params),
    )


def _read_at(place: int, given: Any, project: str, at: datetime) -> Trigger:
    where = f"triggers[{place}]"
    settings = converted(known_keys(given, TriggerSettings, where), TriggerSettings)
    try:
        return _read(settings, project, at)
    except Invalid as error:
        raise refused(f"{where}: {error.message}") from error


def _read(given: TriggerSettings, project: str, at: datetime | None = None) -> Trigger:
    common = {"name": given.name, "enabled": given.active, "grace": given.grace_delay_settings.delay}
    own = _params_read(given, project, at)
    if given.delay is not UNSET and "every" in own:  # else it would only say how often to look at the clock
        own["every"] = given.delay
    try:
        trigger: Trigger = msgspec.convert({**own, **common}, Trigger)
    except msgspec.ValidationError as error:
        raise refused(str(error)) from error
    return trigger


def _params_read(given: TriggerSettings, project: str, at: datetime | None) -> dict[str, Any]:
    kind = given.type.removeprefix(_OWN)
    if given.type.startswith(_OWN) and kind in _KINDS:
        return {**given.params, "kind": kind}
    if given.type not in _READERS:
        known = (*_READERS, *(_OWN + one for one in _KINDS))
        raise refused(f"type {shortened(given.type)} cannot be kept here; {did_you_mean(given.type, known)}")
    settings, read = _READERS[given.type]
    return read(converted(known_keys(given.params, settings, "params"), settings), project, at)


def _temporal_read(params: Temporal, _project: str, at: datetime | None) -> dict[str, Any]:
    cron, zone = temporal_read(params, at)
    return {"kind": "time", "cron": cron, "zone": zone}


def _follow_read(params: FollowParams, project: str, _at: datetime | None) -> dict[str, Any]:
    if params.project_key not in (None, "", project):
        raise refused(
            f"projectKey is {shortened(params.project_key)}; only scenarios of the same project count"
        )
    return {"kind": "after_scenario", "scenario": params.scenario_id, "outcomes": params.outcomes}


_READERS: Mapping[str, tuple[type[Struct], Callable[[Any, str, datetime | None], dict[str, Any]]]] = {
    "temporal": (Temporal, _temporal_read),
    "ds_modified": (
        DatasetsParams,
        lambda params, *_: {"kind": "dataset_changed", "datasets": params.datasets, "every": 60},
    ),
    "sql_query": (
        QueryParams,
        lambda params, *_: {
            "kind": "sql_changed",
            "connection": params.connection,
            "query": params.sql,
            "every": 60,
        },
    ),
    "follow_scenariorun": (FollowParams, _follow_read),
}
