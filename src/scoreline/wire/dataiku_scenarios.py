"""Scenarios as clients of Dataiku read and write them (`DSSScenario`).

Theirs are `id`, `name`, `projectKey`, `type` (only `step_based`), `active`, `triggers`, `reporters` and
`params.steps`. Ours are `description`, `variables`, `missed` and `timeout`, as in the project's files. What a
scenario cannot say here is refused, by the name of the key. A key that says nothing (null, false, empty), or
changes nothing that a scenario does (`versionTag`, `tags`, …), is left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from scoreline.core.scenario import Reporter, Scenario
from scoreline.core.scenario_step import Scalar
from scoreline.wire.dataiku_conditions import formula_read, formula_written
from scoreline.wire.dataiku_messages import MessagingSettings, message_read, message_written
from scoreline.wire.dataiku_settings import converted, known_keys, refused
from scoreline.wire.dataiku_step_params import TypeOf
from scoreline.wire.dataiku_steps import StepSettings, steps_read, steps_written
from scoreline.wire.dataiku_triggers import TriggerSettings, trigger_written, triggers_read

STEP_BASED = "step_based"
_PHASES: dict[str, Literal["start", "end"]] = {"START": "start", "END": "end"}


class LastModifiedBy(Struct, frozen=True):
    """Who."""

    login: str


class VersionTag(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who has changed a scenario last, and when."""

    version_number: int
    last_modified_by: LastModifiedBy
    last_modified_on: int
    """Milliseconds since 1970."""


class ReporterSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A reporter."""

    id: str = ""
    name: str = ""
    active: bool = True
    phase: Literal["START", "END"] = "END"
    run_condition_enabled: bool = False
    run_condition: str = ""
    messaging: MessagingSettings


class ScenarioParams(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario of steps does."""

    steps: tuple[StepSettings, ...] = ()


class ScenarioSettings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A scenario, whole: what is read, changed and saved."""

    id: str = ""
    project_key: str = ""
    name: str = ""
    type: str = STEP_BASED
    active: bool = True
    description: str = ""
    triggers: tuple[TriggerSettings, ...] = ()
    reporters: tuple[ReporterSettings, ...] = ()
    params: ScenarioParams = ScenarioParams()
    variables: dict[str, Scalar] = {}
    missed: Literal["each", "once"] = "each"
    timeout: float | None = None
    marked_as_test: bool = False
    version_tag: VersionTag | UnsetType = UNSET


class _Given(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A scenario as it is sent: its lists are read one by one, so that what is wrong is told by its place."""

    id: str = ""
    project_key: str = ""
    name: str = ""
    type: str = STEP_BASED
    active: bool = True
    description: str = ""
    triggers: Any = []
    reporters: Any = []
    params: dict[str, Any] = {}
    variables: dict[str, Scalar] = {}
    missed: Literal["each", "once"] = "each"
    timeout: float | None = None
    marked_as_test: Literal[False] = False
    version_tag: Any = None


class ListedScenario(Struct, frozen=True, kw_only=True, rename="camel"):
    """A scenario in the list, and its status."""

    id: str
    name: str
    project_key: str
    type: str = STEP_BASED
    active: bool
    running: bool
    start: int = 0
    """When the run that goes on has begun; 0: none does."""
    next_run: int = 0
    """When a trigger by time starts it next; 0: none does."""
    description: str = ""
    marked_as_test: bool = False


def scenario_written(
    project: str,
    id_: str,
    scenario: Scenario,
    *,
    type_of: TypeOf,
    tag: VersionTag | None,
) -> ScenarioSettings:
    """A scenario of ours; `type_of` says what an item of the flow is."""
    return ScenarioSettings(
        id=id_,
        project_key=project,
        name=scenario.name or id_,
        active=scenario.enabled,
        description=scenario.description,
        triggers=tuple(trigger_written(one) for one in scenario.triggers),
        reporters=tuple(_reporter_written(one, place) for place, one in enumerate(scenario.reporters)),
        params=ScenarioParams(steps=steps_written(scenario.steps, type_of)),
        variables=dict(scenario.variables),
        missed=scenario.missed,
        timeout=scenario.timeout,
        version_tag=UNSET if tag is None else tag,
    )


def scenario_read(project: str, id_: str, given: Any, *, at: datetime) -> Scenario:
    """A scenario of theirs; `at` is now. Raises Invalid, naming the key, for what cannot be kept."""
    found = converted(known_keys(given, _Given, "the scenario"), _Given)
    if found.type != STEP_BASED:
        raise refused(f"type must be {STEP_BASED}; put the code into a step of type custom_python")
    if found.id not in ("", id_):
        raise refused("the id of a scenario cannot be changed; duplicate it")
    if found.project_key not in ("", project):
        raise refused("projectKey must be the project that the scenario is in")
    steps = steps_read(known_keys(found.params, ScenarioParams, "params").get("steps", []), project)
    names = {**{one.name: one.id for one in steps}, **{one.id: one.id for one in steps}}
    if not isinstance(found.reporters, list):
        raise refused("reporters must be a list")
    return Scenario(
        name="" if found.name == id_ else found.name,
        description=found.description,
        enabled=found.active,
        variables=found.variables,
        triggers=triggers_read(found.triggers, project, at),
        missed=found.missed,
        steps=steps,
        reporters=tuple(_reporter_read(one, place, names) for place, one in enumerate(found.reporters)),
        timeout=found.timeout,
    )


def _reporter_written(reporter: Reporter, place: int) -> ReporterSettings:
    never = reporter.when.strip() == "never"
    always = reporter.when.strip() == "always"
    return ReporterSettings(
        id=f"reporter_{place + 1}",
        active=not never,
        phase="START" if reporter.at == "start" else "END",
        run_condition_enabled=not (never or always),
        run_condition="" if never or always else formula_written(reporter.when),
        messaging=message_written(reporter.message),
    )


def _reporter_read(given: Any, place: int, names: dict[str, str]) -> Reporter:
    what = f"reporters[{place}]"
    found = converted(known_keys(given, ReporterSettings, what), ReporterSettings)
    when = "always"
    if not found.active:
        when = "never"
    elif found.run_condition_enabled:
        when = formula_read(found.run_condition, names, f"{what}.runCondition")
    return Reporter(at=_PHASES[found.phase], when=when, message=message_read(found.messaging))
