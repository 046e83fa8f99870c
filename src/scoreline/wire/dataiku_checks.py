"""Checks of evaluation stores, and their results, as clients of Dataiku read and write them.

A check is a `numericRange` on a metric: `meta.label`, `metricId`, and `minimum`, `maximum`, `softMinimum`,
`softMaximum`, each with its `…Enabled`. `columns` of a check on numbers of columns is ours. The result of
running checks has the shape that it has for datasets there: `results` of `check` and `value` with `outcome`
and `message`; `evaluationId`, `outcome` of the whole, `value.value` and `value.columns` are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from scoreline.core.evaluation_check import CheckRun, EvaluationCheck, check_spots
from scoreline.core.names import did_you_mean, shortened
from scoreline.errors import NotFound
from scoreline.wire.dataiku_metrics import our_name, their_name
from scoreline.wire.dataiku_settings import converted, known_keys, refused, shown

RANGE = "numericRange"
_NO_RULE = ("id", "computeOnBuildMode")


class CheckMeta(Struct, frozen=True, kw_only=True):
    """What a check is called."""

    label: str = ""
    name: str = "Value in range"


class CheckSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A check."""

    type: str = RANGE
    meta: CheckMeta = CheckMeta()
    metric_id: str
    enabled: bool = True
    minimum: float = 0.0
    minimum_enabled: bool = False
    soft_minimum: float = 0.0
    soft_minimum_enabled: bool = False
    soft_maximum: float = 0.0
    soft_maximum_enabled: bool = False
    maximum: float = 0.0
    maximum_enabled: bool = False
    columns: tuple[str, ...] | None = None


class CheckValue(Struct, frozen=True, kw_only=True):
    """What a check found."""

    outcome: str
    message: str
    value: float | None
    columns: dict[str, float]


class CheckOutcome(Struct, frozen=True, kw_only=True):
    """A check and what it found."""

    check: CheckSettings
    value: CheckValue


class ChecksReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """What came of all checks on one evaluation."""

    evaluation_id: str
    partition: str = "NP"
    outcome: str
    results: tuple[CheckOutcome, ...]
    start_time: int
    end_time: int


def check_written(check: EvaluationCheck) -> CheckSettings:
    """A check of ours."""
    return CheckSettings(
        meta=CheckMeta(label=check.label),
        metric_id=their_name(check.metric),
        minimum=check.min or 0.0,
        minimum_enabled=check.min is not None,
        soft_minimum=check.soft_min or 0.0,
        soft_minimum_enabled=check.soft_min is not None,
        soft_maximum=check.soft_max or 0.0,
        soft_maximum_enabled=check.soft_max is not None,
        maximum=check.max or 0.0,
        maximum_enabled=check.max is not None,
        columns=check.columns,
    )


def check_read(given: Any) -> EvaluationCheck:
    """What such an object says. Raises Invalid for another kind of check, and for what cannot be kept."""
    if isinstance(given, Mapping):
        given = {name: value for name, value in given.items() if name not in _NO_RULE}
        kind = given.get("type", RANGE)
        if kind != RANGE:
            raise refused(f"a check is of type {shown(kind)}; {RANGE!r} can be kept here")
    read = converted(known_keys(given, CheckSettings, "a check"), CheckSettings)
    if not read.enabled:
        raise refused(f"check {shown(read.meta.label)} is not enabled; leave it out")
    metric = our_name(read.metric_id)
    return EvaluationCheck(
        metric=metric,
        name="" if read.meta.label == metric else read.meta.label,
        min=read.minimum if read.minimum_enabled else None,
        soft_min=read.soft_minimum if read.soft_minimum_enabled else None,
        soft_max=read.soft_maximum if read.soft_maximum_enabled else None,
        max=read.maximum if read.maximum_enabled else None,
        columns=read.columns,
    )


def chosen_checks(given: Any, known: Sequence[EvaluationCheck]) -> tuple[EvaluationCheck, ...]:
    """The checks to run: nothing means all; a list, those labels; `{"checks": […]}`, whole ones.

    Raises NotFound for a label that no check has, Invalid for checks that cannot be.
    """
    if given is None or given == {}:
        return tuple(known)
    if isinstance(given, list):
        return tuple(_labelled(label, known) for label in given)
    if not isinstance(given, Mapping) or not isinstance(given.get("checks"), list):
        raise refused("give the labels of checks as a list, or whole checks as {'checks': […]}")
    found = tuple(check_read(one) for one in given["checks"])
    for place, problem in check_spots(found):
        raise refused(f"{'.'.join(map(str, place))}: {problem}")
    return found


def report_written(run: CheckRun, checks: Sequence[EvaluationCheck], *, start: int, end: int) -> ChecksReport:
    """What came of checks that were run in this order."""
    results = zip(checks, run.results, strict=True)
    return ChecksReport(
        evaluation_id=run.evaluation,
        outcome=run.outcome.value,
        results=tuple(
            CheckOutcome(
                check=check_written(check),
                value=CheckValue(
                    outcome=found.outcome.value,
                    message=found.message,
                    value=found.value,
                    columns=found.columns,
                ),
            )
            for check, found in results
        ),
        start_time=start,
        end_time=end,
    )


def _labelled(label: Any, known: Sequence[EvaluationCheck]) -> EvaluationCheck:
    by_label = {check.label: check for check in known}
    if not isinstance(label, str):
        raise refused(f"{shown(label)} is no label of a check")
    if label not in by_label:
        raise NotFound(f"no check {shortened(label)}; {did_you_mean(label, by_label)}", code="no-such-check")
    return by_label[label]
