"""Checks of an evaluation store: rules on the numbers of its evaluations, and their outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from scoreline.core.evaluation import COLUMN_NUMBERS, CUSTOM, NUMBERS, Evaluation, column_numbers, numbers
from scoreline.core.names import did_you_mean, is_id, shortened

_MOST_NAMED = 5


class Outcome(Enum):
    """What a check says; the later, the worse."""

    OK = "OK"
    EMPTY = "EMPTY"
    """There is no such number."""
    WARNING = "WARNING"
    """Beyond a soft bound."""
    ERROR = "ERROR"
    """Beyond a hard bound."""


class EvaluationCheck(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one number of an evaluation: beyond a hard one is an ERROR, beyond a soft one a WARNING."""

    metric: str
    """A metric of the model or a number of drift; a `column_…` number is looked at in every column. `custom_`
    and a code: a number that was measured elsewhere and added to the store."""
    name: str = ""
    min: float | None = None
    soft_min: float | None = None
    soft_max: float | None = None
    max: float | None = None
    columns: tuple[str, ...] | None = None
    """For a `column_…` number: only in these columns; None: in all that were compared. P-values are adjusted
    for how many columns there are (Holm): the bound is the rate of false alarms of the check as a whole."""

    @property
    def label(self) -> str:
        """Its name, or what it looks at."""
        return self.name or self.metric


class CheckResult(Struct, frozen=True, kw_only=True):
    """What a check found."""

    check: str
    """The check's label."""
    metric: str
    outcome: Outcome
    value: float | None
    """The number; of several columns, that of the worst."""
    column: str | None
    """The worst column."""
    columns: dict[str, float]
    """Columns beyond a bound, the worst first."""
    message: str


class CheckRun(Struct, frozen=True, kw_only=True):
    """All checks of a store held against one of its evaluations."""

    store: str
    evaluation: str
    outcome: Outcome
    """The worst; EMPTY where the store has no checks."""
    results: tuple[CheckResult, ...]


def run_check(check: EvaluationCheck, evaluation: Evaluation) -> CheckResult:
    """Hold a check against an evaluation."""
    if check.metric in COLUMN_NUMBERS:
        return _run_on_columns(check, evaluation)
    value = numbers(evaluation).get(check.metric)
    if value is None:
        return _result(check, Outcome.EMPTY, None, f"evaluation {evaluation.id} has no {check.metric}")
    outcome, bound = _judged(check, value)
    told = f"{check.metric} {value:.4g}{bound}"
    if outcome is not Outcome.OK and check.metric.startswith("data_drift"):
        told += _by_which_columns(evaluation)
    return _result(check, outcome, value, told)


def run_checks(checks: Sequence[EvaluationCheck], evaluation: Evaluation) -> tuple[CheckResult, ...]:
    """Hold all checks against an evaluation, in their order."""
    return tuple(run_check(check, evaluation) for check in checks)


def worst(results: Sequence[CheckResult]) -> Outcome:
    """The worst outcome; EMPTY where there are no checks."""
    order = list(Outcome)
    return max((result.outcome for result in results), key=order.index, default=Outcome.EMPTY)


def adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values by Holm: the least of them is below a level, without any drift, as often as the level says."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    found: dict[str, float] = {}
    greatest = 0.0
    for place, name in enumerate(ordered):
        greatest = max(greatest, min(1.0, (len(ordered) - place) * p_values[name]))
        found[name] = greatest
    return found


def check_spots(
    checks: Sequence[EvaluationCheck],
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong in the checks of a store: where, and what."""
    labels: set[str] = set()
    for position, check in enumerate(checks):
        at = ("checks", position)
        if check.label in labels:
            yield at, f"two checks are called {shortened(check.label)}; give them names"
        labels.add(check.label)
        known = (*NUMBERS, *COLUMN_NUMBERS)
        if check.metric not in known and not _is_custom(check.metric):
            hint = did_you_mean(check.metric, known)
            yield (*at, "metric"), f"{shortened(check.metric)} is no number of an evaluation; {hint}"
        elif check.columns is not None and check.metric not in COLUMN_NUMBERS:
            yield (*at, "columns"), f"is for column numbers only, such as {COLUMN_NUMBERS[2]!r}"
        if check.columns == ():
            yield (*at, "columns"), "must list at least one column; leave the key out for all"
        yield from _bound_spots(check, at)


def _is_custom(metric: str) -> bool:
    return metric.startswith(CUSTOM) and is_id(metric.removeprefix(CUSTOM))


def _bound_spots(
    check: EvaluationCheck, at: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    bounds = {
        name: value
        for name in ("min", "soft_min", "soft_max", "max")
        if (value := getattr(check, name)) is not None
    }
    if not bounds:
        yield at, "needs at least one bound: min, soft_min, soft_max or max"
    named = list(bounds.items())
    for (lower, least), (upper, most) in pairwise(named):
        if least > most:
            yield (*at, lower), f"{lower} ({least:g}) is more than {upper} ({most:g})"


def _run_on_columns(check: EvaluationCheck, evaluation: Evaluation) -> CheckResult:
    values = column_numbers(evaluation, check.metric)
    wanted = check.columns if check.columns is not None else tuple(values)
    missing = [name for name in wanted if name not in values]
    if missing or not wanted:
        of = f" of {missing[0]}" if missing else ""
        message = f"evaluation {evaluation.id} has no {check.metric}{of}"
        return _result(check, Outcome.EMPTY, None, message)
    values = {name: values[name] for name in wanted}
    if check.metric.endswith("p_value"):
        values = adjusted(values)
    ordered = sorted(values, key=lambda name: _excess(check, values[name]), reverse=True)
    beyond = {name: values[name] for name in ordered if _judged(check, values[name])[0] is not Outcome.OK}
    first = ordered[0]
    outcome, bound = _judged(check, values[first])
    named = list(beyond) or [first]
    told = ", ".join(f"{name} {values[name]:.4g}" for name in named[:_MOST_NAMED])
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return _result(check, outcome, values[first], f"{check.metric} of {told}{more}{bound}", first, beyond)


def _judged(check: EvaluationCheck, value: float) -> tuple[Outcome, str]:
    """The outcome of one value, and the bound that it is beyond in words."""
    if check.min is not None and value < check.min:
        return Outcome.ERROR, f": less than {check.min:g} (min)"
    if check.max is not None and value > check.max:
        return Outcome.ERROR, f": more than {check.max:g} (max)"
    if check.soft_min is not None and value < check.soft_min:
        return Outcome.WARNING, f": less than {check.soft_min:g} (soft_min)"
    if check.soft_max is not None and value > check.soft_max:
        return Outcome.WARNING, f": more than {check.soft_max:g} (soft_max)"
    return Outcome.OK, ""


def _excess(check: EvaluationCheck, value: float) -> tuple[int, float]:
    """How bad a value is: its outcome, then how far it is beyond the nearest bound, or how near to it."""
    lower = [bound for bound in (check.min, check.soft_min) if bound is not None]
    upper = [bound for bound in (check.max, check.soft_max) if bound is not None]
    beyond = [max(lower) - value] if lower else []
    beyond += [value - min(upper)] if upper else []
    return list(Outcome).index(_judged(check, value)[0]), max(beyond)


def _by_which_columns(evaluation: Evaluation) -> str:
    """The columns by which the domain classifier tells the rows apart."""
    assert evaluation.drift is not None
    assert evaluation.drift.classifier is not None
    importance = evaluation.drift.classifier.importance
    greatest = max(importance.values(), default=0.0)
    leading = [name for name, lost in importance.items() if lost > 0.25 * greatest]
    return f"; by {', '.join(leading[:_MOST_NAMED])}" if leading else ""


def _result(
    check: EvaluationCheck,
    outcome: Outcome,
    value: float | None,
    message: str,
    column: str | None = None,
    columns: dict[str, float] | None = None,
) -> CheckResult:
    return CheckResult(
        check=check.label,
        metric=check.metric,
        outcome=outcome,
        value=value,
        column=column,
        columns=columns or {},
        message=message,
    )
