"""Triggers: what starts a scenario."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0)]
Period = Annotated[float, Meta(ge=1)]


class _Trigger(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every trigger has."""

    name: str = ""
    enabled: bool = True
    grace: Seconds = 0.0
    """Seconds between firing and starting. What changes again meanwhile begins them anew."""


class TimeTrigger(
    _Trigger, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="time"
):
    """Fires at the times of a cron expression."""

    cron: str
    """Minute, hour, day of the month, month, day of the week: `0 3 * * *`."""
    zone: str = "UTC"
    """Time zone by its IANA name, such as Europe/Paris. A time that a change of clocks skips or repeats is
    due once."""


class DatasetTrigger(
    _Trigger, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="dataset_changed"
):
    """Fires when the content of a dataset is not what it was. One that is gone is awaited."""

    datasets: tuple[str, ...]
    every: Period = 60.0
    """Seconds between two looks."""


class SqlTrigger(
    _Trigger, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="sql_changed"
):
    """Fires when a query answers something else than before. Its first 100 rows count."""

    query: str
    connection: str | None = None
    """The connection that is asked; None: the datasets listed in `inputs`, as tables."""
    inputs: tuple[str, ...] = ()
    every: Period = 60.0
    """Seconds between two looks."""


class ScenarioTrigger(
    _Trigger, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="after_scenario"
):
    """Fires once for each run of another scenario that ends so."""

    scenario: str
    outcomes: tuple[Literal["SUCCESS", "WARNING", "FAILED", "ABORTED"], ...] = ("SUCCESS", "WARNING")


class WebhookTrigger(
    _Trigger, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="webhook"
):
    """Fires when its URL is posted to, with a key of the control plane; the body's fields are parameters."""


Trigger = TimeTrigger | DatasetTrigger | SqlTrigger | ScenarioTrigger | WebhookTrigger


def trigger_id(trigger: Trigger) -> str:
    """The same for as long as the trigger is defined the same, enabled or not."""
    plain: dict[str, Any] = msgspec.to_builtins(trigger)
    plain.pop("enabled")
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:12]
