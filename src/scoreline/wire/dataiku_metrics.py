"""Numbers of model versions and evaluations under the names by which clients of Dataiku know them.

`data_drift` is `dataDrift` to them, and so on; a number that was given under a code of its own keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from scoreline.core.evaluation import COLUMN_NUMBERS, CUSTOM, NUMBERS
from scoreline.core.model import Task
from scoreline.wire.dataiku_settings import refused, shown

PREDICTION_TYPES = {
    Task.BINARY: "BINARY_CLASSIFICATION",
    Task.MULTICLASS: "MULTICLASS",
    Task.REGRESSION: "REGRESSION",
}


class MetricId(Struct, frozen=True, kw_only=True):
    """Which number."""

    id: str


class LastValue(Struct, frozen=True, kw_only=True, rename="camel"):
    """Its value, as text."""

    partition: str = "NP"
    """As they say that there are none."""
    data_type: str = "DOUBLE"
    value: str
    computed: int
    """Milliseconds since 1970."""


class MetricValue(Struct, frozen=True, kw_only=True, rename="camel"):
    """One number with its value."""

    metric: MetricId
    last_values: tuple[LastValue, ...]


class ComputedMetrics(Struct, frozen=True, kw_only=True):
    """All numbers of one thing."""

    metrics: tuple[MetricValue, ...]


class HistoryValue(Struct, frozen=True, kw_only=True, rename="camel"):
    """The value of a number in one evaluation."""

    evaluation_id: str
    time: int
    value: float


class MetricHistory(Struct, frozen=True, kw_only=True, rename="camel"):
    """A number in all evaluations that have it, the oldest first. The names but `metric` are ours."""

    metric: MetricId
    value_type: str = "DOUBLE"
    values: tuple[HistoryValue, ...]


def camel(name: str) -> str:
    """`balanced_accuracy` as `balancedAccuracy`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_OURS = {camel(name): name for name in (*NUMBERS, *COLUMN_NUMBERS)}


def their_name(number: str) -> str:
    """What one of our numbers is called there."""
    return number.removeprefix(CUSTOM) if number.startswith(CUSTOM) else camel(number)


def our_name(name: str) -> str:
    """Which of our numbers is meant; one that we do not have was given under that code."""
    return _OURS.get(name) or (name if name in _OURS.values() else f"{CUSTOM}{name}")


def written(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers by their names."""
    return {their_name(name): value for name, value in numbers.items()}


def computed(numbers: Mapping[str, float], at: int) -> ComputedMetrics:
    """Numbers as metrics, computed at a time in milliseconds."""
    return ComputedMetrics(
        metrics=tuple(
            MetricValue(
                metric=MetricId(id=their_name(name)),
                last_values=(LastValue(value=repr(float(value)), computed=at),),
            )
            for name, value in numbers.items()
        )
    )


def looked_up(text: str) -> str:
    """The number that a lookup means: its name, or a metric as JSON. Raises Invalid."""
    if not text.startswith("{"):
        return our_name(text)
    try:
        given = msgspec.json.decode(text)
        named = given.get("metric", given)["id"]
    except (msgspec.MsgspecError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise refused(f"{shown(text)} is no metric; give its name") from error
    if not isinstance(named, str):
        raise refused(f"{shown(text)} is no metric; give its name")
    return our_name(named)
