"""What a step is to do, with `${…}` replaced by what a run knows by then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from scoreline.core import sql_variables
from scoreline.core.message_filling import filled
from scoreline.core.placeholders import expand_all
from scoreline.core.scenario_run import ScenarioRun
from scoreline.core.scenario_step import MessageStep, PythonStep, SqlStep, Step, parameters_of
from scoreline.errors import Invalid


def step_inputs(step: Step, run: ScenarioRun, names: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a step as plain JSON. Raises Invalid for a name that is not there."""
    if isinstance(step, MessageStep):  # its references to secrets stay
        return {"message": msgspec.to_builtins(filled(step.message, run, names))}
    given = parameters_of(step)
    kept: dict[str, Any] = {}
    if isinstance(step, SqlStep):  # a value is a literal there, never more SQL
        del given["query"]
        kept = {"query": sql_variables.filled(step.query, names)}
    elif isinstance(step, PythonStep):  # it gets the variables as its argument
        kept = {"code": given.pop("code")}
    return {**expand_all(given, names), **kept}


def with_inputs(step: Step, inputs: Mapping[str, Any]) -> Step:
    """A step with its parameters replaced. Raises Invalid for values that do not fit."""
    plain = {**msgspec.to_builtins(step), **inputs}
    try:
        return msgspec.convert(plain, type(step), strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"its parameters do not fit: {error}") from None
