"""What must hold for scenarios beyond their types: everything that is wrong in one before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from scoreline.core.complaint import Complaint, Known, Spot, repeated
from scoreline.core.message_checks import message_spots
from scoreline.core.names import ID_RULE, is_id, shortened
from scoreline.core.project import Kind
from scoreline.core.scenario import Scenario
from scoreline.core.scenario_scope import scope_of
from scoreline.core.scenario_step import RunScenarioStep
from scoreline.core.scenario_step_checks import (
    message_text_spots,
    query_spots,
    step_spots,
    variable_spots,
)
from scoreline.core.scenario_trigger import (
    DatasetTrigger,
    ScenarioTrigger,
    SqlTrigger,
    TimeTrigger,
    Trigger,
    WebhookTrigger,
    trigger_id,
)
from scoreline.core.schedule import check_cron, check_zone
from scoreline.errors import Invalid

MOST_STEPS = 500
MOST_TRIGGERS = 50
MOST_REPORTERS = 50


def scenario_spots(scenario: Scenario, known: Known) -> Iterator[Spot]:
    """What is wrong in a scenario, looked at by itself."""
    for name in scenario.variables:
        yield from variable_spots(name, ("variables", name))
    yield from _triggers(scenario, known)
    yield from _steps(scenario, known)
    yield from _reporters(scenario, known)


def scenario_circles(scenarios: Mapping[str, Scenario]) -> Iterator[Complaint]:
    """Scenarios that lead to runs of themselves, by steps that run them or by triggers that follow them."""
    leads = {id_: tuple(_run_by(scenario, scenarios)) for id_, scenario in scenarios.items()}
    for id_, scenario in scenarios.items():
        for trigger in scenario.triggers if scenario.enabled else ():
            if isinstance(trigger, ScenarioTrigger) and trigger.enabled and trigger.scenario in leads:
                leads[trigger.scenario] = (*leads[trigger.scenario], id_)
    circle = _circle(leads)
    if circle is not None:
        shown = [*circle[:6], "…", circle[-1]] if len(circle) > 8 else circle
        message = f"scenarios run one another in a circle, without end: {' -> '.join(shown)}"
        yield Complaint(Kind.SCENARIO, circle[0], (), message)


def _triggers(scenario: Scenario, known: Known) -> Iterator[Spot]:
    if len(scenario.triggers) > MOST_TRIGGERS:
        yield ("triggers",), f"has more than {MOST_TRIGGERS}"
    for position, trigger in enumerate(scenario.triggers[:MOST_TRIGGERS]):
        for at, message in _trigger_spots(trigger, known):
            yield ("triggers", position, *at), message
    same = [trigger_id(trigger) for trigger in scenario.triggers[:MOST_TRIGGERS]]
    for position, _ in repeated(same):
        yield ("triggers", position), "is the same as one before it; leave one of them out"


def _trigger_spots(trigger: Trigger, known: Known) -> Iterator[Spot]:
    match trigger:
        case TimeTrigger():
            yield from _time_spots(trigger)
        case DatasetTrigger():
            if not trigger.datasets:
                yield ("datasets",), "must list at least one dataset"
            for position, name in enumerate(trigger.datasets):
                yield from known.dangling(Kind.DATASET, name, ("datasets", position))
            for position, name in repeated(list(trigger.datasets)):
                yield ("datasets", position), f"{shortened(name)} is listed twice"
        case SqlTrigger():
            yield from query_spots(trigger.query, trigger.connection, trigger.inputs, known)
        case ScenarioTrigger():
            yield from known.dangling(Kind.SCENARIO, trigger.scenario, ("scenario",))
            if not trigger.outcomes:
                yield ("outcomes",), "must list at least one outcome"
        case WebhookTrigger():
            if trigger.grace:
                yield ("grace",), "a webhook starts at once; leave 'grace' out"


def _time_spots(trigger: TimeTrigger) -> Iterator[Spot]:
    try:
        check_zone(trigger.zone)
    except Invalid as error:
        yield ("zone",), error.message
        return
    try:
        check_cron(trigger.cron, trigger.zone)
    except Invalid as error:
        yield ("cron",), error.message


def _steps(scenario: Scenario, known: Known) -> Iterator[Spot]:
    if len(scenario.steps) > MOST_STEPS:
        yield ("steps",), f"has more than {MOST_STEPS}; let one scenario run another"
    scope = scope_of(scenario, known.project.settings.variables)
    for position, step in enumerate(scenario.steps[:MOST_STEPS]):
        if not is_id(step.id) or "." in step.id:
            message = f"{shortened(step.id)} cannot be the id of a step: {ID_RULE}, but no '.'"
            yield ("steps", position, "id"), message
        for at, message in step_spots(step, known, scope.at(position)):
            yield ("steps", position, *at), message
    for position, name in repeated([step.id for step in scenario.steps]):
        yield ("steps", position, "id"), f"two steps have the id {shortened(name)}"


def _reporters(scenario: Scenario, known: Known) -> Iterator[Spot]:
    if len(scenario.reporters) > MOST_REPORTERS:
        yield ("reporters",), f"has more than {MOST_REPORTERS}"
    scope = scope_of(scenario, known.project.settings.variables)
    for position, reporter in enumerate(scenario.reporters[:MOST_REPORTERS]):
        at = ("reporters", position)
        here = scope.of_report(reporter.at)
        yield from here.condition_spots(reporter.when, (*at, "when"))
        yield from message_text_spots(msgspec.to_builtins(reporter.message), here, (*at, "message"))
        for inner, message in message_spots(reporter.message):
            yield (*at, "message", *inner), message


def _run_by(scenario: Scenario, scenarios: Mapping[str, Scenario]) -> Iterator[str]:
    for step in scenario.steps:
        if isinstance(step, RunScenarioStep) and step.enabled and step.scenario in scenarios:
            yield step.scenario


def _circle(leads: Mapping[str, tuple[str, ...]]) -> list[str] | None:
    """Ids that lead round to the first one, which stands at the end again; None when there are none."""
    done: set[str] = set()
    for start in leads:
        path = {start: iter(leads[start])} if start not in done else {}
        while path:
            last = next(reversed(path))
            following = next(path[last], None)
            if following is None:
                done.add(last)
                del path[last]
            elif following in path:
                ids = list(path)
                return [*ids[ids.index(following) :], following]
            elif following not in done:
                path[following] = iter(leads[following])
    return None
