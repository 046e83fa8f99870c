"""Steps of scenarios as clients of Dataiku write them.

Each step is written in their types where it can be read back as it is: `build_flowitem`, `check_dataset`,
`compute_metrics`, `prepare_lambda_package`, `update_apideployer_deployment`, `exec_sql`, `custom_python`,
`set_project_vars`, `define_scenario_vars`, `run_scenario`, `kill_scenario`, `send_report`. Other steps are of
a type `scoreline_KIND`, whose `params` are those of the project's files. A step has `timeout` besides.

Their public sources do not say what the params of variables, scenarios and messages are called; these names
are ours. What a step cannot say here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from scoreline.core.names import did_you_mean, shortened
from scoreline.core.scenario_step import STEP_KINDS, Step, parameters_of
from scoreline.errors import Invalid
from scoreline.wire.dataiku_conditions import Condition, condition_read, condition_written
from scoreline.wire.dataiku_settings import converted, known_keys, refused
from scoreline.wire.dataiku_step_params import READERS, TypeOf, params_written

_OWN = "scoreline_"


class StepSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A step."""

    id: str = ""
    type: str
    name: str = ""
    enabled: bool = True
    run_condition_type: str = "RUN_IF_STATUS_MATCH"
    run_condition_statuses: tuple[str, ...] = ("SUCCESS", "WARNING")
    run_condition_expression: str = ""
    reset_scenario_status: bool = False
    max_retries_on_fail: int = 0
    delay_between_retries: float = 10
    timeout: float | UnsetType | None = UNSET
    """Seconds. Ours."""
    params: dict[str, Any] = {}


def steps_written(steps: Sequence[Step], type_of: TypeOf) -> tuple[StepSettings, ...]:
    """Steps of ours; `type_of` says what an item of the flow is."""
    names = {step.id: step.id for step in steps}
    return tuple(_written(step, type_of, names) for step in steps)


def steps_read(given: Any, project: str) -> tuple[Step, ...]:
    """Their steps in a project. Raises Invalid, naming the step and the key, for what cannot be kept."""
    if not isinstance(given, list):
        raise refused("params.steps must be a list")
    settings = [_settings(one, f"params.steps[{place}]") for place, one in enumerate(given)]
    settings = [_identified(one, place, settings) for place, one in enumerate(settings)]
    names = {**{one.name: one.id for one in settings}, **{one.id: one.id for one in settings}}
    return tuple(_read_at(place, one, names, project) for place, one in enumerate(settings))


def step_type(step: Step) -> str:
    """Of which type of theirs a step is."""
    plain = msgspec.structs.replace(step, when="always")
    return _written(plain, lambda _: "DATASET", {}).type


def _written(step: Step, type_of: TypeOf, names: Mapping[str, str]) -> StepSettings:
    found = params_written(step, type_of)
    if found is not None:
        kind, params = found
        theirs = _with_common(step, kind, params)
        try:
            if _read(msgspec.convert(msgspec.to_builtins(theirs), StepSettings), names, "") == step:
                return theirs
        except Invalid:
            pass  # it says more than their type can
    return _with_common(step, _OWN + step.kind, parameters_of(step))


def _with_common(step: Step, kind: str, params: Mapping[str, Any]) -> StepSettings:
    condition = condition_written(step.when)
    more = {"proceedOnFailure": True} if step.proceed_on_failure else {}
    return StepSettings(
        id=step.id,
        type=kind,
        name=step.name,
        enabled=step.enabled,
        run_condition_type=condition.type,
        run_condition_statuses=condition.statuses,
        run_condition_expression=condition.expression,
        reset_scenario_status=step.reset_failure,
        max_retries_on_fail=step.retries,
        delay_between_retries=step.retry_delay,
        timeout=UNSET if step.timeout is None else step.timeout,
        params={**params, **more},
    )


def _settings(given: Any, what: str) -> StepSettings:
    return converted(known_keys(given, StepSettings, what), StepSettings)


def _identified(one: StepSettings, place: int, settings: Sequence[StepSettings]) -> StepSettings:
    """With an id: they may leave it out."""
    if one.id:
        return one
    taken = {other.id for other in settings}
    name = next(name for n in range(len(settings) + 1) if (name := f"step_{place + 1 + n}") not in taken)
    return msgspec.structs.replace(one, id=name)


def _read(given: StepSettings, names: Mapping[str, str], project: str) -> Step:
    condition = Condition(
        given.run_condition_type, given.run_condition_statuses, given.run_condition_expression
    )
    params = dict(given.params)
    common = {
        "id": given.id,
        "name": given.name,
        "enabled": given.enabled,
        "when": condition_read(condition, names),
        "reset_failure": given.reset_scenario_status,
        "proceed_on_failure": _flag(params.pop("proceedOnFailure", False)),
        "retries": given.max_retries_on_fail,
        "retry_delay": given.delay_between_retries,
        "timeout": None if given.timeout is UNSET else given.timeout,
    }
    own = _params_read(given.type, params, project)
    try:
        step: Step = msgspec.convert({**own, **common}, Step)
    except msgspec.ValidationError as error:
        raise refused(str(error)) from error
    return step


def _params_read(kind: str, params: Mapping[str, Any], project: str) -> Mapping[str, Any]:
    if kind.startswith(_OWN) and kind.removeprefix(_OWN) in STEP_KINDS:
        return {**params, "kind": kind.removeprefix(_OWN)}
    if kind not in READERS:
        known = (*READERS, *(_OWN + one for one in STEP_KINDS))
        raise refused(f"type {shortened(kind)} cannot be kept here; {did_you_mean(kind, known)}")
    settings, read = READERS[kind]
    return read(converted(known_keys(params, settings, "params"), settings), project)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise refused("params.proceedOnFailure must be true or false")


def _read_at(place: int, given: StepSettings, names: Mapping[str, str], project: str) -> Step:
    try:
        return _read(given, names, project)
    except Invalid as error:
        raise refused(f"params.steps[{place}] ({given.id}): {error.message}") from error
