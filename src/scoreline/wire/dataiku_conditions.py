"""Conditions of steps and reporters as clients of Dataiku write them.

`stepOutcome_NAME` is the outcome of a step, by its id or its name, and `scenarioTriggerParam_NAME` what the
caller gave. Else their formulas are expressions of ours; `&&`, `||` and `!` are read as and, or, not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from scoreline.core.expression import parse_expression
from scoreline.core.names import did_you_mean, shortened
from scoreline.core.scenario_step import NO_FAILURE
from scoreline.errors import Invalid
from scoreline.wire.dataiku_settings import refused

ALWAYS, STATUS, FORMULA = "RUN_ALWAYS", "RUN_IF_STATUS_MATCH", "RUN_CONDITIONALLY"
_TYPES = (ALWAYS, STATUS, FORMULA)
_STATUSES = ("SUCCESS", "WARNING", "FAILED", "ABORTED")
_BY_STATUSES = {
    frozenset(("SUCCESS", "WARNING")): NO_FAILURE,
    frozenset(("FAILED",)): "some_failure",
    frozenset(("FAILED", "ABORTED")): "some_failure",
    frozenset(("SUCCESS", "WARNING", "FAILED")): "always",
    frozenset(_STATUSES): "always",
    frozenset[str](): "never",
}
_TOKEN = re.compile(
    r"""'[^'\n]*'|"[^"\n]*"|&&|\|\||!(?!=)|stepOutcome_(?P<step>\w+)|scenarioTriggerParam_(?P<given>\w+)"""
)
_OURS = re.compile(
    r"""'[^'\n]*'|"[^"\n]*"|\bsteps\.(?P<step>\w+)\.outcome\b|\btrigger\.parameters\.(?P<given>\w+)"""
)
_SIGNS = {"&&": " and ", "||": " or ", "!": " not "}


class Condition(Struct, frozen=True):
    """The three keys that a condition is written in."""

    type: str
    statuses: tuple[str, ...] = ()
    expression: str = ""


def condition_written(when: str) -> Condition:
    """A condition of ours in their keys."""
    text = when.strip()
    if text == "always":
        return Condition(ALWAYS)
    for statuses in (("SUCCESS", "WARNING"), ("FAILED",), ()):
        if _BY_STATUSES[frozenset(statuses)] == text:
            return Condition(STATUS, statuses)
    for outcome in _STATUSES:
        if text == _among((outcome,)):
            return Condition(STATUS, (outcome,))
    return Condition(FORMULA, expression=formula_written(when))


def condition_read(given: Condition, steps: Mapping[str, str]) -> str:
    """Their keys as a condition of ours; `steps` leads from ids and names of steps to ids. Raises Invalid."""
    if given.type not in _TYPES:
        hint = did_you_mean(given.type, _TYPES)
        raise refused(f"runConditionType {shortened(given.type)} cannot be kept here; {hint}")
    if given.type == ALWAYS:
        return "always"
    if given.type == FORMULA:
        return formula_read(given.expression, steps, "runConditionExpression")
    for status in given.statuses:
        if status not in _STATUSES:
            hint = did_you_mean(status, _STATUSES)
            raise refused(f"runConditionStatuses has {shortened(status)}; {hint}")
    return _BY_STATUSES.get(frozenset(given.statuses)) or _among(given.statuses)


def formula_written(when: str) -> str:
    """An expression of ours, with their names."""

    def theirs(match: re.Match[str]) -> str:
        if match["step"]:
            return f"stepOutcome_{match['step']}"
        return f"scenarioTriggerParam_{match['given']}" if match["given"] else match.group()

    return _OURS.sub(theirs, when)


def formula_read(formula: str, steps: Mapping[str, str], key: str) -> str:
    """A formula of theirs as an expression. Raises Invalid, naming the key, for what none can say."""

    def ours(match: re.Match[str]) -> str:
        if match["given"]:
            return f"trigger.parameters.{match['given']}"
        if not match["step"]:
            return _SIGNS.get(match.group(), match.group())
        step = steps.get(match["step"])
        if step is None:
            hint = did_you_mean(match["step"], steps)
            raise refused(f"{key}: there is no step {shortened(match['step'])}; {hint}")
        return f"steps.{step}.outcome" if step.isidentifier() else f'steps["{step}"].outcome'

    text = _TOKEN.sub(ours, formula)
    try:
        parse_expression(text)
    except Invalid as error:
        raise refused(f"{key}: {error.message}") from None
    return text


def _among(statuses: Sequence[str]) -> str:
    """That the outcome so far is one of some."""
    return "outcome in [" + ", ".join(f'"{status}"' for status in statuses) + "]"
